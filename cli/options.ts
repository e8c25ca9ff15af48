/** What the command line asks of a local run. */

import { parseArgs } from "node:util";
import { GUARDS, type RawFormat } from "../handlers/common/contract";

export interface Options {
	/** `sample`, `live`, or paths of CSV exports, in the order in which they are loaded. */
	sources: string[];
	format?: RawFormat;
	fresh: boolean;
	refetch: boolean;
	reload: boolean;
	accept: string[];
	json: boolean;
	/** Print every line that the functions log. */
	verbose: boolean;
	/** Rebuild the database used last from the raw data that is kept, instead of fetching. */
	replay: boolean;
	/** Start the database used last and keep it up, instead of running the pipeline. */
	serveDatabase: boolean;
	/** A saved record of the program to run in place of evaluating it. */
	record?: string;
	help: boolean;
}

export const USAGE = `npm run local -- [options]

  --source sample        a made-up snapshot of 25,000 vehicles, offline (the default); each run moves it on by a month
  --source live          the state's open data, data.wa.gov
  --source FILE          a CSV export of the dataset, .csv or .csv.gz; repeat it to load several in order
  --format csv|json      raw format (what Pulumi.dev.yaml says)
  --fresh                forget what earlier runs of this dataset left behind
  --refetch              ask the source again although its version is there
  --reload               merge again although the version is published
  --accept GUARD         override one guard for this run, such as SuspiciousShrink; may be repeated
  --replay               forget the database used last and rebuild it from the raw data that is kept
  --json                 one JSON object per run on stdout, everything else on stderr
  --verbose              print every line that the functions log
  --record FOLDER        run a saved record of the program instead of evaluating it

npm run local:db         start the database used last and keep it up for psql, BI tools and Drizzle Studio
`;

/**
 * Reads the command line.
 * @throws an error with one sentence that names the option and what it takes
 */
export function parseOptions(args: string[]): Options {
	const { format, source: sources, "serve-database": serveDatabase, ...rest } = valuesOf(args);
	if (format !== undefined && format !== "csv" && format !== "json")
		throw new Error(`--format is csv or json, not ${format}.`);
	if (sources.includes("")) throw new Error("--source needs a value.");
	if (sources.length > 1 && sources.some((source) => source === "sample" || source === "live"))
		throw new Error("--source can be repeated with files only; run the sample and the live source on their own.");
	const stranger = rest.accept.find((name) => !(GUARDS as readonly string[]).includes(name));
	if (stranger !== undefined) throw new Error(`--accept takes one of ${GUARDS.join(", ")}, not ${stranger}.`);
	return { ...rest, sources, serveDatabase, ...(format && { format }) };
}

function valuesOf(args: string[]) {
	try {
		return parseArgs({
			args,
			options: {
				source: { type: "string", multiple: true, default: ["sample"] },
				format: { type: "string" },
				fresh: { type: "boolean", default: false },
				refetch: { type: "boolean", default: false },
				reload: { type: "boolean", default: false },
				accept: { type: "string", multiple: true, default: [] },
				json: { type: "boolean", default: false },
				verbose: { type: "boolean", default: false },
				replay: { type: "boolean", default: false },
				"serve-database": { type: "boolean", default: false },
				record: { type: "string" },
				help: { type: "boolean", short: "h", default: false },
			},
		}).values;
	} catch (error) {
		throw new Error(sentenceOf(error as NodeJS.ErrnoException), { cause: error });
	}
}

/** What is wrong with the command line, in one sentence; Node's own words take up to three. */
function sentenceOf({ code, message }: NodeJS.ErrnoException): string {
	const [, name] = /'(?:-\w, )?(.+?)(?: <value>)?'/s.exec(message) ?? [];
	switch (code) {
		case "ERR_PARSE_ARGS_UNKNOWN_OPTION":
			return `There is no option ${name}.`;
		case "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL":
			return `${name} belongs to no option.`;
		case "ERR_PARSE_ARGS_INVALID_OPTION_VALUE":
			return /does not take/.test(message) ? `${name} takes no value.` : `${name} needs a value.`;
		default:
			return message;
	}
}
