/** Ends an installation with the machine's own Node.js, if that is too old, before anything else fails. Plain JavaScript: nothing is installed yet. */

const { engines } = require("../../package.json");

const oldest = Number.parseInt(engines.node.replace(/\D+/, ""), 10);
if (Number.parseInt(process.versions.node, 10) < oldest) {
	console.error(
		`npm install needs Node.js ${oldest} or newer and runs with ${process.versions.node}; install it from https://nodejs.org.`,
	);
	process.exit(1);
}
