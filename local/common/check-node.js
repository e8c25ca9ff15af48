/** Stops `npm install` if the Node.js that runs it is too old. Plain JavaScript, since nothing is installed yet. */

const { engines } = require("../../package.json");

const oldest = Number.parseInt(engines.node.replace(/\D+/, ""), 10);
if (Number.parseInt(process.versions.node, 10) < oldest) {
	console.error(
		`npm install needs Node.js ${oldest} or newer and runs with ${process.versions.node}; install it from https://nodejs.org.`,
	);
	process.exit(1);
}
