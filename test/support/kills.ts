/** Kills a local run at a chosen or random moment, runs it again, and compares the result with a run without kills. */

import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { platform } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { find, type ProgramRecord } from "../../local/program/record";
import { childrenOf, type LocalFolder, localFolder, writeSampleFile } from "./local";
import { programOf } from "./program";

/** The process to kill: `npm run local` itself, the function that it started, or the database server. */
type Victim = "runner" | "function" | "database";

interface Kill {
	victim: Victim;
	/** Completes the test's title. */
	when: string;
	/** Pattern of the log line at which the function stops and waits for the kill; undefined: `afterMs` is the moment. */
	line?: string;
	/** Milliseconds after the run's first output. */
	afterMs?: number;
}

const VEHICLES = 6000;
const PAGE_ROWS = 1000;

/** The whole history, by the snapshots' times. */
const HISTORY = [
	"select changed_at as at, c.* from ev.vehicle_changes c order by changed_at, dol_vehicle_id",
	"select snapshot_at as at, to_jsonb(s) - '{run_id,manifest_key,manifest_sha256}'::text[] as snapshot from ev.snapshots s order by snapshot_at",
];

/** Places to kill at (`after` means before the next step), by the line that is logged there. Only `pauseAtLine` logs COPYING. */
const PLACES = {
	"after the last page": '"event":"page stored".*"rows":(\\d+),"of":\\1,',
	"after the manifest": '"event":"manifest written"',
	"in mid-COPY": "COPYING",
	"between two pages": '"event":"loading"',
	"before the merge": '"event":"merging"',
	"before COMMIT": '"event":"committing"',
	"after COMMIT": '"event":"loaded"',
};

/** Plans the kills: the three places that are easiest to get wrong, then the others, then random moments. */
function kills(count: number, seed: number): Kill[] {
	const at = (victim: Victim, when: keyof typeof PLACES): Kill => ({ victim, when, line: PLACES[when] });
	const planned = [
		at("runner", "after the last page"),
		at("database", "in mid-COPY"),
		at("function", "after COMMIT"),
		at("function", "after the last page"),
		at("function", "after the manifest"),
		at("function", "in mid-COPY"),
		at("runner", "in mid-COPY"),
		at("database", "between two pages"),
		at("database", "before the merge"),
		at("function", "before COMMIT"),
		at("database", "before COMMIT"),
		at("runner", "after COMMIT"),
		at("database", "after COMMIT"),
	];
	const random = randomNumbers(seed);
	const victims: Victim[] = ["runner", "function", "database"];
	while (planned.length < count) {
		const afterMs = Math.floor(random() * 3000);
		planned.push({ victim: victims[Math.floor(random() * 3)]!, when: `${afterMs} ms into the run`, afterMs });
	}
	return planned.slice(0, count);
}

/**
 * Makes the recorded functions stop (SIGSTOP) when they log a line that matches the pattern in a file, so that the moment
 * of a kill is exact. Changes only the functions' copies in this record.
 * @returns the file's path
 */
function pauseAtLine(record: ProgramRecord): string {
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
	// Logs COPYING after the first chunk of a COPY was sent, before its end.
	const copying = `
		const streams = require("pg-copy-streams");
		const { from } = streams;
		streams.from = (text, ...rest) => {
			const stream = from(text, ...rest);
			const { _write } = stream;
			let chunks = 0;
			stream._write = function (chunk, ...more) {
				_write.call(this, chunk, ...more);
				if (/copy staging/.test(text) && ++chunks === 1) process.stdout.write("COPYING\\n");
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

/** Declares a test for each kill. They share one database; each loads the sample's next month. */
export function testKills(count: number, seed: number): void {
	describe(`local run: SIGKILL at ${count} moments (seed ${seed})`, function () {
		this.timeout(600_000);
		let undisturbed: LocalFolder;
		let disturbed: LocalFolder;
		let record: string[];
		let hold: string;
		let expectedHistory: Record<"at", Date>[][];
		const file = (month: number) => writeSampleFile(disturbed, month, VEHICLES);
		const plan = kills(count, seed);

		before(async function () {
			if (platform() !== "linux") {
				console.log("      (skipped: finds processes in /proc, which only Linux has)");
				this.skip();
			}
			const shared = await programOf("dev", { pageRows: String(PAGE_ROWS) });
			disturbed = localFolder();
			const program = { ...shared, directory: join(disturbed.path, "program") };
			cpSync(shared.directory, program.directory, { recursive: true });
			record = ["--record", program.directory];
			hold = pauseAtLine(program);
			undisturbed = localFolder();
			const sources = [...plan.keys(), count].flatMap((month) => ["--source", file(month)]);
			const first = await undisturbed.run("--json", ...record, ...sources);
			expect(first.status, first.stderr).to.equal(0);
			expectedHistory = await undisturbed.query<Record<"at", Date>>("f6w7-q2d2", ...HISTORY);
			expect((await disturbed.run("--json", ...record, "--source", file(0))).status).to.equal(0);
		});
		after(() => {
			undisturbed?.remove();
			disturbed?.remove();
		});

		for (const [index, kill] of plan.entries())
			it(`recovers if the ${kill.victim} is killed ${kill.when}`, async () => {
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
				const [expectedChanges, expectedSnapshots] = expectedHistory.map((rows) =>
					rows.filter(({ at }) => at.getTime() <= until),
				);
				expect(changes).to.deep.equal(expectedChanges);
				expect(snapshots).to.deep.equal(expectedSnapshots);
				expect(orphans, "runs left open").to.have.length(0);
			});

		it("holds the same vehicles, row for row, after all kills", async () => {
			const vehicles = "select * from ev.vehicles order by dol_vehicle_id";
			const [disturbedRows] = await disturbed.query("f6w7-q2d2", vehicles);
			const [undisturbedRows] = await undisturbed.query("f6w7-q2d2", vehicles);
			expect(disturbedRows).to.have.length.above(VEHICLES);
			expect(disturbedRows).to.deep.equal(undisturbedRows);
		});
	});
}

/** Runs, and kills the victim at its moment. @throws if the moment never came */
async function runAndKill(folder: LocalFolder, args: string[], kill: Kill): Promise<void> {
	const moment = new RegExp(kill.line ?? "");
	let output = "";
	let killed = false;
	const killVictims = () => {
		const runner = run.process.pid!;
		const children = childrenOf(runner);
		const functions = children.filter(({ command }) => command.includes("lambda-runtime"));
		const database = children.filter(({ command }) => command.includes("postgres -D"));
		// The server's sessions too, since they would finish their statements.
		const sessions = database.flatMap(({ pid }) => childrenOf(pid));
		const victims = { runner: [{ pid: runner }], function: functions, database: [...database, ...sessions] }[
			kill.victim
		];
		for (const { pid } of victims) signal(pid, "SIGKILL");
		// Stopped functions that were not killed continue, and meet the consequences.
		const resume = () => {
			for (const { pid } of functions) signal(pid, "SIGCONT");
		};
		resume();
		// Once more, for a function that logs its line and stops just after the first signal.
		setTimeout(resume, 500);
	};
	const run = folder.start(args, (text) => {
		output += text;
		if (killed || !output.split("\n").some((line) => moment.test(line))) return;
		killed = true;
		if (kill.afterMs) setTimeout(killVictims, kill.afterMs);
		else killVictims();
	});
	const { results, stderr } = await run.ended;
	expect(killed, `the moment never came: ${output.slice(-2000)}`).to.equal(true);
	// A database that is killed after COMMIT has already loaded.
	if (kill.line && kill.victim !== "database") expect(results.map(({ status }) => status)).to.not.include("loaded");
	// Notifications tell how the workflow ended, not what failed in the runner before or after it.
	const [outcome] = results;
	if (outcome?.status === "loaded") expect(stderr).to.match(/✉ {2}EV registrations f6w7-q2d2: [\d,]+ added/);
	else if (outcome && kill.line) expect(stderr).to.include(`✉  EV registrations f6w7-q2d2: FAILED, ${outcome.error}`);
}

function signal(pid: number, name: "SIGKILL" | "SIGCONT"): void {
	try {
		process.kill(pid, name);
	} catch {
		// The process has already ended.
	}
}

/** Creates a seeded random generator of numbers from 0 to below 1 (mulberry32). */
function randomNumbers(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
	};
}
