/** What the command line asks of the benchmarks. */

import { parseArgs } from "node:util";
import { CASE_NAMES } from "./cases";
import { METHODS } from "./methods";

const METHOD_NAMES = METHODS.map(({ name }) => name);

export interface Options {
	/** Names of the cases to run. */
	cases: string[];
	/** Names of the methods to run. */
	methods: string[];
	/** Vehicles of a made-up input; undefined: the real one, where it is. */
	rows?: number;
	/** Repetitions; undefined: as many as each case has. */
	repeat?: number;
	json: boolean;
	/** A saved record of the program to measure in place of evaluating it. */
	record?: string;
	help: boolean;
}

export const USAGE = `npm run bench -- [options]

  --case NAME      one case; may be repeated. There are
                   ${CASE_NAMES.join(", ")}
  --method NAME    one method, beside the floor; may be repeated. There are
                   ${METHOD_NAMES.join(", ")}
  --rows N         a made-up input of about N vehicles, even where the real snapshots are (../shared/data)
  --repeat N       medians of N (of 5, of 3 at ten times)
  --json           one JSON object per row on stdout, everything else on stderr
  --record FOLDER  measure a saved record of the program instead of evaluating it
`;

/** Reads the command line. @throws an error with one sentence that says what is wrong */
export function parseOptions(args: string[]): Options {
	const { case: cases = CASE_NAMES, method: methods = METHOD_NAMES, rows, repeat, ...rest } = valuesOf(args);
	refuseUnknown("case", cases, CASE_NAMES);
	refuseUnknown("method", methods, METHOD_NAMES);
	return {
		...rest,
		cases,
		methods,
		...(rows !== undefined && { rows: countOf("--rows", rows, 100) }),
		...(repeat !== undefined && { repeat: countOf("--repeat", repeat, 1) }),
	};
}

function refuseUnknown(what: string, names: string[], known: string[]): void {
	const unknown = names.find((name) => !known.includes(name));
	if (unknown !== undefined) throw new Error(`There is no ${what} ${unknown}; there are ${known.join(", ")}.`);
}

function valuesOf(args: string[]) {
	return parseArgs({
		args,
		options: {
			case: { type: "string", multiple: true },
			method: { type: "string", multiple: true },
			rows: { type: "string" },
			repeat: { type: "string" },
			json: { type: "boolean", default: false },
			record: { type: "string" },
			help: { type: "boolean", short: "h", default: false },
		},
	}).values;
}

function countOf(option: string, text: string, least: number): number {
	if (/^\d{1,8}$/.test(text) && Number(text) >= least) return Number(text);
	throw new Error(`${option} is a number, ${least} or more, not ${text}.`);
}
