/** The case `cold start`: how long Lambda takes to load a function's code before its first invocation. */

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { RecordedResource } from "../local/program/record";
import type { Bed } from "./bed";
import type { Ran } from "./process";
import { type BenchRow, type Measurement, type OnMeasured, rowsOf } from "./results";

const NAME = "cold start";
/**
 * Loads the code as Lambda's runtime does, and prints how long that took and the process's peak memory (null except on
 * Linux). It does not use getrusage, which includes the memory of the process that forked it.
 */
const LOAD = `
	const { existsSync, readFileSync } = require("node:fs");
	const status = "/proc/self/status";
	const startedAt = performance.now();
	require(process.argv[1]);
	const seconds = (performance.now() - startedAt) / 1000;
	const [, kilobytes] = existsSync(status) ? /VmHWM:\\s+(\\d+) kB/.exec(readFileSync(status, "utf8")) : [];
	console.log(JSON.stringify({ seconds, peakRssMb: kilobytes ? Math.round(kilobytes / 1024) : null }));
`;

/** Measures each function in a new process. */
export async function measureColdStart(bed: Bed, repeat: number, onMeasured: OnMeasured): Promise<BenchRow[]> {
	const functions = bed.program.resources
		.filter(({ type }) => type === "aws:lambda/function:Function")
		.sort((a, b) => (a.name < b.name ? -1 : 1));
	const measured = functions.map(({ name }) => ({ method: name, measurements: [] as Measurement[] }));
	for (let repetition = 0; repetition < repeat; repetition++)
		for (const [at, { method, measurements }] of measured.entries()) {
			const ran = { ...(await load(bed, functions[at]!)), rows: 0 };
			measurements.push(ran);
			onMeasured(NAME, method, ran);
		}
	// No rows are loaded here, and there is no floor to compare with.
	return rowsOf(NAME, measured, "").map((row) => ({ ...row, rows: null }));
}

async function load({ program }: Bed, { inputs }: RecordedResource): Promise<Ran> {
	const code = join(program.directory, inputs.code);
	const [file] = inputs.handler.split(".");
	const env = { ...inputs.environment?.variables, PATH: process.env.PATH };
	const { stdout } = await promisify(execFile)(process.execPath, ["-e", LOAD, join(code, file)], { cwd: code, env });
	return JSON.parse(stdout);
}
