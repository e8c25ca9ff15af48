/** The command-line options of `npm run bench`. */

import { parseArgs } from "node:util";
import { CASE_NAMES } from "./cases";
import { METHODS } from "./methods";

const METHOD_NAMES = METHODS.map(({ name }) => name);

export interface Options {
	/** Names of the cases to run. */
	cases: string[];
	/** Names of the methods to run. */
	methods: string[];
	/** Vehicles of a generated input; undefined: the real snapshots if they are present. */
	rows?: number;
	/** Repetitions; undefined: each case's default. */
	repeat?: number;
	json: boolean;
	/** Folder of a saved record of the program; undefined: evaluates the program. */
	record?: string;
	help: boolean;
}

export const USAGE = `npm run bench -- [options]

  --case NAME      run only this case; may be repeated:
                   ${CASE_NAMES.join(", ")}
  --method NAME    run only this method and the floor; may be repeated:
                   ${METHOD_NAMES.join(", ")}
  --rows N         load about N generated vehicles instead of the real snapshots in ../shared/data
  --repeat N       measure N times and print medians (default: 5, or 3 for "ten times")
  --json           print one JSON object per row on stdout, everything else on stderr
  --record FOLDER  use a saved record of the program instead of evaluating it
`;

/** Parses the command line. @throws an error whose message is one sentence for the user */
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
	throw new Error(`${option} must be a number of at least ${least}, not ${text}.`);
}
