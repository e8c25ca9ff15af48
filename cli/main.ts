/** `npm run local`: reads the command line, and loads the rest of the code only if there is something to run. */

import { createStarted, runCommand } from "./command";
import { type Options, parseOptions, USAGE } from "./options";
import { createTerminal, type Terminal } from "./terminal";

const startedAt = Date.now();
const started = createStarted();

function terminalOf(options: Options): Terminal {
	return createTerminal(options.json || options.serveDatabase ? process.stderr : process.stdout);
}

const loadRun = () => require("./run") as typeof import("./run");

runCommand(started, {
	parse: parseOptions,
	usage: USAGE,
	async run(options) {
		const { ROOT } = require("./last-used") as typeof import("./last-used");
		const { lockState } = require("../local/common/state") as typeof import("../local/common/state");
		const terminal = terminalOf(options);
		const lock = lockState(ROOT);
		started.defer(() => lock.release());
		if (options.serveDatabase) {
			const { serveDatabase } = require("./serve-database") as typeof import("./serve-database");
			await serveDatabase(terminal, started);
		}
		return (await loadRun().runSources(options, terminal, started)) ? 0 : 1;
	},
	failed(error, options) {
		const { name, message } = error;
		terminalOf(options).trouble("Failed", name === "Error" ? message : `${name}: ${message}`);
		if (options.json) loadRun().printFailure(error, (Date.now() - startedAt) / 1000);
	},
});
