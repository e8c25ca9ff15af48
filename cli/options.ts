/** The command line of `npm run local`. */

import { Command, CommanderError, Option } from "commander";
import { GUARDS, type RawFormat } from "../handlers/common/contract";

export interface Options {
	/** `sample`, `live`, or paths of CSV exports, in the order in which they are loaded. */
	sources: string[];
	format?: RawFormat;
	/** The snapshot's date, YYYY-MM-DD, for a file whose name has none. */
	date?: string;
	fresh: boolean;
	refetch: boolean;
	reload: boolean;
	/** Guards to override. */
	accept: string[];
	json: boolean;
	/** Print every line that the functions log. */
	verbose: boolean;
	/** Rebuild the last used database from the raw data on disk, without fetching. */
	replay: boolean;
	/** Start the last used database and keep it running, without running the pipeline. */
	serveDatabase: boolean;
	/** Folder of a saved record of the program, which is then not evaluated. */
	record?: string;
	help: boolean;
}

/** What commander makes of the command line. */
type Parsed = Omit<Options, "sources"> & { source: string[] };

/** Options that exclude each other, with the reason. Named as people type them. */
export const EXCLUSIONS: [one: string, other: string, reason: string][] = [
	["--replay", "--source", "a replay loads the raw data on disk"],
	["--replay", "--fresh", "--fresh removes the raw data that a replay loads"],
	["--replay", "--refetch", "a replay fetches nothing"],
	["--replay", "--reload", "a replay loads every published snapshot again"],
	["--replay", "--accept", "a replay accepts what each of its runs accepted"],
	["--replay", "--format", "a replay loads the raw data on disk, in its format"],
	["--replay", "--date", "a replay loads the raw data on disk, with its dates"],
	["--fresh", "--refetch", "--fresh leaves nothing that could be fetched again"],
	["--fresh", "--reload", "--fresh leaves nothing that could be merged again"],
	["--record", "--format", "a saved record has its format"],
	...["--source", "--format", "--date", "--fresh", "--refetch", "--reload", "--accept", "--replay", "--record"].map(
		(option): [string, string, string] => ["--serve-database", option, "local:db runs nothing"],
	),
];

export const USAGE = `${createCommand().helpInformation()}
npm run local:db      starts the last used database and keeps it running, for psql, BI tools and Drizzle Studio
`;

function createCommand(): Command {
	return new Command("npm run local --")
		.usage("[options]")
		.argument("[unexpected...]")
		.helpOption(false)
		.exitOverride()
		.configureOutput({ writeErr: () => {} })
		.configureHelp({ visibleArguments: () => [], optionDescription: ({ description }) => description, helpWidth: 120 })
		.option(
			"--source <source>",
			'"sample" (default): made-up data of 25,000 vehicles, offline, a month later with each run; "live": data.wa.gov; or a CSV export (.csv, .csv.gz), repeatable',
			addValue("--source"),
			[],
		)
		.option("--format <format>", "raw format, csv or json (default: csv, from Pulumi.yaml)", readFormat)
		.option(
			"--date <date>",
			"date of the one file that is loaded, YYYY-MM-DD (default: the date in its name, or else its modification time)",
			readDate,
		)
		.option("--fresh", "delete this dataset's local database and raw data first", false)
		.option("--refetch", "fetch again even if this version is stored", false)
		.option("--reload", "merge again even if this version is published", false)
		.option("--accept <guard>", "override a guard for this run, such as SuspiciousShrink; repeatable", addGuard, [])
		.option("--replay", "rebuild the last used database from the raw data on disk", false)
		.option("--json", "print one JSON object per run on stdout, everything else on stderr", false)
		.option("--verbose", "print every line that the functions log", false)
		.option("--record <folder>", "run a saved record of the program without evaluating it", readValue("--record"))
		.addOption(new Option("--serve-database").default(false).hideHelp())
		.option("-h, --help", "print this text", false);
}

/**
 * Reads the command line.
 * @throws an error with one sentence that names the option and what it takes
 */
export function parseOptions(args: string[]): Options {
	const command = createCommand();
	const { source, ...rest } = parse(command, args);
	const [unexpected] = command.args;
	if (unexpected !== undefined) throw new Error(`Unexpected argument "${unexpected}".`);
	refuseExclusions(command);
	const sources = source.length > 0 ? source : ["sample"];
	if (sources.length > 1 && sources.some((name) => name === "sample" || name === "live"))
		throw new Error("--source can be repeated with files only; run the sample and the live source on their own.");
	if (rest.date !== undefined && (sources.length > 1 || sources[0] === "sample" || sources[0] === "live"))
		throw new Error("--date is for one file; name it with --source.");
	return { ...rest, sources };
}

/** @throws for two options that exclude each other */
function refuseExclusions(command: Command): void {
	const given = command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === "cli");
	const isGiven = (name: string) => given.some(({ long }) => long === name);
	const excluded = EXCLUSIONS.find(([one, other]) => isGiven(one) && isGiven(other));
	if (!excluded) return;
	const [one, other, reason] = excluded;
	throw new Error(`${one} and ${other} exclude each other: ${reason}.`);
}

function parse(command: Command, args: string[]): Parsed {
	try {
		return command.parse(args, { from: "user" }).opts<Parsed>();
	} catch (error) {
		if (!(error instanceof CommanderError)) throw error;
		const sentence = error.message.replace("error: ", "").replace("\n", " ");
		throw new Error(`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`, { cause: error });
	}
}

/** A value, which is neither empty nor the next option. */
function readValue(option: string): (value: string) => string {
	return (value) => {
		if (value === "" || value.startsWith("-")) throw new Error(`${option} needs a value.`);
		return value;
	};
}

function addValue(option: string): (value: string, previous: string[]) => string[] {
	return (value, previous) => [...previous, readValue(option)(value)];
}

function readFormat(value: string): RawFormat {
	if (value !== "csv" && value !== "json") throw new Error(`Unknown format "${value}". Valid formats: csv, json.`);
	return value;
}

function addGuard(value: string, previous: string[]): string[] {
	if (!(GUARDS as readonly string[]).includes(value))
		throw new Error(`Unknown guard "${value}". Valid guards: ${GUARDS.join(", ")}.`);
	return [...previous, value];
}

/** A day that exists. */
function readDate(value: string): string {
	const day = new Date(`${value}T00:00:00Z`);
	if (!/^\d{4}-\d\d-\d\d$/.test(value) || Number.isNaN(day.getTime()) || !day.toISOString().startsWith(value))
		throw new Error(`--date takes a day that exists, such as 2024-10-12, not "${value}".`);
	return value;
}
