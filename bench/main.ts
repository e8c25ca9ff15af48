/** `npm run bench`: compares the pipeline's load with other ways of loading, on a PostgreSQL server of its own. */

import { createStarted, runCommand } from "../cli/command";
import { createTerminal } from "../cli/terminal";
import { startBed } from "./bed";
import { CASES } from "./cases";
import { findInputs } from "./inputs";
import { type Options, parseOptions, USAGE } from "./options";
import type { BenchRow, OnMeasured } from "./results";
import { describeMachine, drawTable } from "./table";

const started = createStarted();

async function run(options: Options): Promise<void> {
	const terminal = createTerminal(process.stderr);
	const inputs = findInputs(options.rows);
	terminal.title(`Benchmarks on ${inputs.title}`);
	terminal.busy("Program", "evaluating index.ts, starting PostgreSQL");
	const bed = await startBed(inputs, options.record, started);
	const machine = describeMachine(bed.serverVersion);
	terminal.done("Machine", machine);

	const rows: BenchRow[] = [];
	for (const { name, repeat, measure } of CASES.filter((one) => options.cases.includes(one.name))) {
		terminal.busy(name, "preparing");
		const tell: OnMeasured = (title, method, { seconds }) => terminal.done(title, method, seconds);
		const measured = await measure(bed, options.repeat ?? repeat, tell, options.methods);
		rows.push(...measured);
		if (options.json) for (const row of measured) process.stdout.write(`${JSON.stringify(row)}\n`);
	}
	if (!options.json) process.stdout.write(`\n${machine}\n${inputs.title}\n\n${drawTable(rows)}`);
}

runCommand(started, {
	parse: parseOptions,
	usage: USAGE,
	async run(options) {
		await run(options);
		return 0;
	},
	failed: (error) => process.stderr.write(`${error.stack}\n`),
});
