/** The command line of a local run: the options of USAGE, and one sentence for each mistake. */

import { expect } from "chai";
import { EXCLUSIONS, parseOptions, USAGE } from "../../cli/options";
import { GUARDS } from "../../handlers/common/contract";

const DEFAULTS = {
	sources: ["sample"],
	fresh: false,
	refetch: false,
	reload: false,
	accept: [],
	json: false,
	verbose: false,
	replay: false,
	serveDatabase: false,
	help: false,
};

describe("the options of a local run", () => {
	it("default to the sample", () => {
		expect(parseOptions([])).to.deep.equal(DEFAULTS);
	});

	const asked: [string[], object][] = [
		[["--source", "sample"], { sources: ["sample"] }],
		[["--source", "live"], { sources: ["live"] }],
		[["--source", "b.csv", "--source=a.csv.gz"], { sources: ["b.csv", "a.csv.gz"] }],
		[["--format", "csv"], { format: "csv" }],
		[["--format=json"], { format: "json" }],
		[["--source", "a.csv", "--date", "2024-10-12"], { sources: ["a.csv"], date: "2024-10-12" }],
		[["--fresh"], { fresh: true }],
		[["--refetch"], { refetch: true }],
		[["--reload"], { reload: true }],
		[["--accept", "SuspiciousShrink", "--accept", "SchemaDrift"], { accept: ["SuspiciousShrink", "SchemaDrift"] }],
		[["--json"], { json: true }],
		[["--verbose"], { verbose: true }],
		[["--replay"], { replay: true }],
		[["--record", "folder"], { record: "folder" }],
		[["--serve-database"], { serveDatabase: true }],
		[["--help"], { help: true }],
		[["-h"], { help: true }],
		[["--json", "--reload", "--source", "a.csv"], { json: true, reload: true, sources: ["a.csv"] }],
	];
	for (const [args, options] of asked)
		it(`parse ${args.join(" ")}`, () => {
			expect(parseOptions(args)).to.deep.equal({ ...DEFAULTS, ...options });
		});

	it("are all in USAGE, and no others", () => {
		const named = new Set(Array.from(USAGE.matchAll(/^ {2}--([a-z-]+)/gm), ([, name]) => name));
		const tested = new Set(asked.flatMap(([args]) => args).filter((arg) => arg.startsWith("--")));
		const names = Array.from(tested, (arg) => arg.slice(2).replace(/=.*/, ""));
		// `npm run local:db` stands for the one; the other prints USAGE.
		const unnamed = ["serve-database", "help"];
		expect(named).to.deep.equal(new Set(names.filter((name) => !unnamed.includes(name))));
	});

	const wrong: [string, string[], string][] = [
		["an unknown guard", ["--accept", "x"], `Unknown guard "x". Valid guards: ${GUARDS.join(", ")}.`],
		["an unknown option", ["--sauce", "live"], "Unknown option '--sauce' (Did you mean --source?)."],
		["an unknown short option", ["-x"], "Unknown option '-x'."],
		["an unexpected argument", ["live"], 'Unexpected argument "live".'],
		["an option without its value", ["--source"], "Option '--source <source>' argument missing."],
		["an option in the place of a value", ["--source", "--fresh"], "--source needs a value."],
		["a value for an option that takes none", ["--fresh=yes"], "Unknown option '--fresh=yes'."],
		[
			"a value for an option that has a short name too",
			["--help=me"],
			"Unknown option '--help=me' (Did you mean --help?).",
		],
		["another format", ["--format", "xml"], 'Unknown format "xml". Valid formats: csv, json.'],
		["no source", ["--source", ""], "--source needs a value."],
		[
			"a day that does not exist",
			["--source", "a.csv", "--date", "2025-02-29"],
			'--date takes a day that exists, such as 2024-10-12, not "2025-02-29".',
		],
		["a date of the sample", ["--date", "2024-10-12"], "--date is for one file; name it with --source."],
		[
			"a date of two files",
			["--source", "a.csv", "--source", "b.csv", "--date", "2024-10-12"],
			"--date is for one file; name it with --source.",
		],
	];
	for (const [what, args, sentence] of wrong)
		it(`are refused for ${what}`, () => {
			expect(() => parseOptions(args))
				.to.throw(Error)
				.with.property("message", sentence);
		});

	for (const source of ["sample", "live"])
		it(`are refused for ${source} together with files`, () => {
			for (const sources of [
				["a.csv", source],
				[source, "a.csv"],
				[source, source],
			])
				expect(() => parseOptions(sources.flatMap((each) => ["--source", each])))
					.to.throw(Error)
					.with.property("message")
					.that.matches(/^--source can be repeated with files only; [^.\n]*\.$/);
		});

	/** What each option is typed with. */
	const VALUES: Record<string, string[]> = {
		"--source": ["a.csv"],
		"--format": ["csv"],
		"--date": ["2024-10-12"],
		"--accept": ["SchemaDrift"],
		"--record": ["folder"],
	};
	for (const [one, other, reason] of EXCLUSIONS)
		it(`refuse ${one} beside ${other}`, () => {
			const typed = [one, other].flatMap((option) => [option, ...(VALUES[option] ?? [])]);
			expect(() => parseOptions(typed)).to.throw(`${one} and ${other} exclude each other: ${reason}.`);
		});

	it("combine whatever does not exclude each other", () => {
		const options = ["--source", "--format", "--fresh", "--refetch", "--reload", "--accept", "--json", "--verbose"];
		const excluded = new Set(EXCLUSIONS.map(([one, other]) => [one, other].sort().join()));
		for (const one of options)
			for (const other of options)
				if (one < other && !excluded.has([one, other].sort().join()))
					expect(() => parseOptions([one, ...(VALUES[one] ?? []), other, ...(VALUES[other] ?? [])])).to.not.throw();
	});
});
