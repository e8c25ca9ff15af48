/** The process that evaluates the program for local/program/record.ts, and writes beside the record what it has read. */

import { watchInputs } from "./inputs";
import { type RecordOptions, saveInputs } from "./record";

async function main(directory: string, options: RecordOptions, ignored: string): Promise<void> {
	const inputs = watchInputs(process.cwd(), ignored);
	const { evaluate } = require("./evaluate") as typeof import("./evaluate");
	await evaluate(directory, options);
	saveInputs(directory, inputs());
}

// The process that waits for the record has ended.
process.on("disconnect", () => process.exit(1));
const [directory = "", options = "", ignored = ""] = process.argv.slice(2);
main(directory, JSON.parse(options), ignored).then(
	() => process.exit(0),
	(error: Error) => process.send!(error.message, () => process.exit(1)),
);
