/** Kills a local run at a seeded moment, runs it again, and compares with a run that nobody disturbed. */

import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { platform } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { find, type ProgramRecord } from "../../local/program/record";
import { childrenOf, type LocalFolder, localFolder, writeSampleFile } from "./local";
import { programOf } from "./program";

type Victim = "runner" | "child" | "database";

interface Kill {
	victim: Victim;
	/** For people. */
	when: string;
	/** The log line at which the function stands still until it is killed; undefined: `afterMs` is the moment. */
	line?: string;
	/** Milliseconds after the run's first words. */
	afterMs?: number;
}

const VEHICLES = 6000;
const PAGE_ROWS = 1000;

/** All that happened, by the snapshots' times. */
const HISTORY = [
	"select changed_at as at, c.* from ev.vehicle_changes c order by changed_at, dol_vehicle_id",
	"select snapshot_at as at, to_jsonb(s) - 'run_id' as snapshot from ev.snapshots s order by snapshot_at",
];

/** Places that must be survived, by the line that is logged there; COPYING is said by no function but by `standStill`. */
const PLACES = {
	"between the last page and the manifest": '"event":"page stored".*"rows":(\\d+),"of":\\1,',
	"between the manifest and the reply": '"event":"manifest written"',
	"in the middle of COPY": "COPYING",
	"between two pages": '"event":"loading"',
	"before the merge": '"event":"merging"',
	"before COMMIT": '"event":"committing"',
	"between COMMIT and the reply": '"event":"loaded"',
};

/** The first three are the ones that are easiest to get wrong; then the other places, then random moments. */
function kills(count: number, seed: number): Kill[] {
	const at = (victim: Victim, when: keyof typeof PLACES): Kill => ({ victim, when, line: PLACES[when] });
	const planned = [
		at("runner", "between the last page and the manifest"),
		at("database", "in the middle of COPY"),
		at("child", "between COMMIT and the reply"),
		at("child", "between the last page and the manifest"),
		at("child", "between the manifest and the reply"),
		at("child", "in the middle of COPY"),
		at("runner", "in the middle of COPY"),
		at("database", "between two pages"),
		at("database", "before the merge"),
		at("child", "before COMMIT"),
		at("database", "before COMMIT"),
		at("runner", "between COMMIT and the reply"),
		at("database", "between COMMIT and the reply"),
	];
	const random = randomNumbers(seed);
	const victims: Victim[] = ["runner", "child", "database"];
	while (planned.length < count) {
		const afterMs = Math.floor(random() * 3000);
		planned.push({ victim: victims[Math.floor(random() * 3)]!, when: `${afterMs} ms after its start`, afterMs });
	}
	return planned.slice(0, count);
}

/**
 * Makes the recorded functions stand still (SIGSTOP) at a line they log, the one that stands in a file, so that the moment
 * of a kill is exact. Only their copies in this record are changed.
 * @returns the file
 */
function standStill(record: ProgramRecord): string {
	const hold = join(record.directory, "hold");
	const snippet = (copying: string) => `{
		const { existsSync, readFileSync, rmSync } = require("fs");
		let line = existsSync(${JSON.stringify(hold)}) && new RegExp(readFileSync(${JSON.stringify(hold)}, "utf8"));
		const write = process.stdout.write;
		process.stdout.write = function (text, ...rest) {
			const written = write.call(this, text, ...rest);
			if (line && line.test(String(text))) {
				line = undefined;
				process.kill(process.pid, "SIGSTOP");
			}
			return written;
		};
		${copying}
	}\n`;
	// Says so when the first piece of a COPY has gone out and its end has not.
	const copying = `
		const streams = require("pg-copy-streams");
		const { from } = streams;
		streams.from = (text, ...rest) => {
			const stream = from(text, ...rest);
			const { _write } = stream;
			let pieces = 0;
			stream._write = function (chunk, ...more) {
				_write.call(this, chunk, ...more);
				if (/copy staging/.test(text) && ++pieces === 1) process.stdout.write("COPYING\\n");
			};
			return stream;
		};`;
	for (const [name, more] of [
		["extract", ""],
		["load", copying],
	] as const) {
		const file = join(record.directory, find(record, "aws:lambda/function:Function", name).inputs.code, "__index.js");
		writeFileSync(file, snippet(more) + readFileSync(file, "utf8"));
	}
	return hold;
}

/** Declares a test for each kill. All kills happen to one history, a month of the sample each. */
export function testKills(count: number, seed: number): void {
	describe(`a local run, killed by SIGKILL at ${count} moments (seed ${seed})`, function () {
		this.timeout(600_000);
		let undisturbed: LocalFolder;
		let disturbed: LocalFolder;
		let record: string[];
		let hold: string;
		let calmHistory: Record<"at", Date>[][];
		const file = (month: number) => writeSampleFile(disturbed, month, VEHICLES);
		const plan = kills(count, seed);

		before(async function () {
			if (platform() !== "linux") {
				console.log("      (processes are found in /proc, which this platform does not have)");
				this.skip();
			}
			const shared = await programOf("dev", { pageRows: String(PAGE_ROWS) });
			disturbed = localFolder();
			const program = { ...shared, directory: join(disturbed.path, "program") };
			cpSync(shared.directory, program.directory, { recursive: true });
			record = ["--record", program.directory];
			hold = standStill(program);
			undisturbed = localFolder();
			const sources = [...plan.keys(), count].flatMap((month) => ["--source", file(month)]);
			const calm = await undisturbed.run("--json", ...record, ...sources);
			expect(calm.status, calm.stderr).to.equal(0);
			calmHistory = await undisturbed.query<Record<"at", Date>>("f6w7-q2d2", ...HISTORY);
			expect((await disturbed.run("--json", ...record, "--source", file(0))).status).to.equal(0);
		});
		after(() => {
			undisturbed?.remove();
			disturbed?.remove();
		});

		for (const [index, kill] of plan.entries())
			it(`(${kill.victim}, ${kill.when}) ends in the same database when it is run again`, async () => {
				const month = index + 1;
				if (kill.line) writeFileSync(hold, kill.line);
				await runAndKill(disturbed, ["--json", "--verbose", ...record, "--source", file(month)], kill);
				rmSync(hold, { force: true });
				const again = await disturbed.run("--json", ...record, "--source", file(month));
				expect(again.status, again.stderr).to.equal(0);
				expect(again.results[0]!.status).to.be.oneOf(["loaded", "unchanged"]);
				const [changes, snapshots, orphans] = await disturbed.query<Record<"at", Date>>(
					"f6w7-q2d2",
					...HISTORY,
					"select from ev.runs where status = 'running'",
				);
				const until = Date.UTC(2024, month, 1);
				const [calmChanges, calmSnapshots] = calmHistory.map((rows) => rows.filter(({ at }) => at.getTime() <= until));
				expect(changes).to.deep.equal(calmChanges);
				expect(snapshots).to.deep.equal(calmSnapshots);
				expect(orphans, "runs that nobody closed").to.have.length(0);
			});

		it("ends in the same vehicles, row for row, after all of them", async () => {
			const vehicles = "select * from ev.vehicles order by dol_vehicle_id";
			const [disturbedRows] = await disturbed.query("f6w7-q2d2", vehicles);
			const [undisturbedRows] = await undisturbed.query("f6w7-q2d2", vehicles);
			expect(disturbedRows).to.have.length.above(VEHICLES);
			expect(disturbedRows).to.deep.equal(undisturbedRows);
		});
	});
}

/** @throws if the moment never came */
async function runAndKill(folder: LocalFolder, args: string[], kill: Kill): Promise<void> {
	const moment = new RegExp(kill.line ?? "");
	let said = "";
	let struck = false;
	const strike = () => {
		const runner = run.process.pid!;
		const children = childrenOf(runner);
		const functions = children.filter(({ command }) => command.includes("lambda-runtime"));
		const database = children.filter(({ command }) => command.includes("postgres -D"));
		// With its sessions, which would finish what they are at.
		const sessions = database.flatMap(({ pid }) => childrenOf(pid));
		const victims = { runner: [{ pid: runner }], child: functions, database: [...database, ...sessions] }[kill.victim];
		for (const { pid } of victims) signal(pid, "SIGKILL");
		// Whoever stands still and is left alone goes on, and finds out what happened.
		const goOn = () => {
			for (const { pid } of functions) signal(pid, "SIGCONT");
		};
		goOn();
		// Once more, for one that says its line and stops a moment after the first signal.
		setTimeout(goOn, 500);
	};
	const run = folder.start(args, (text) => {
		said += text;
		if (struck || !said.split("\n").some((line) => moment.test(line))) return;
		struck = true;
		if (kill.afterMs) setTimeout(strike, kill.afterMs);
		else strike();
	});
	const { results, stderr } = await run.ended;
	expect(struck, `the moment never came: ${said.slice(-2000)}`).to.equal(true);
	// A database that dies after COMMIT has done its part.
	if (kill.line && kill.victim !== "database") expect(results.map(({ status }) => status)).to.not.include("loaded");
	// Whoever is left tells people what the workflow came to; what the runner itself met before or after it is not told.
	const [outcome] = results;
	if (outcome?.status === "loaded") expect(stderr).to.match(/✉ {2}EV registrations f6w7-q2d2: [\d,]+ added/);
	else if (outcome && kill.line) expect(stderr).to.include(`✉  EV registrations f6w7-q2d2: FAILED, ${outcome.error}`);
}

function signal(pid: number, name: "SIGKILL" | "SIGCONT"): void {
	try {
		process.kill(pid, name);
	} catch {
		// It has ended by itself.
	}
}

/** The same numbers for the same seed, from 0 to below 1 (mulberry32). */
function randomNumbers(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
	};
}
