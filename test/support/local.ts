/** Runs `npm run local` as a process of its own, in a folder of its own, as a person would. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { Client } from "pg";
import { clientConfig, removePostgres, startPostgres } from "../../local/machine/postgres";
import type { Properties } from "../../local/program/record";
import { makeSample } from "../../local/source/sample";
import { programOf } from "./program";

export interface LocalRun {
	status: number | null;
	stdout: string;
	stderr: string;
	/** What `--json` printed. */
	results: Properties[];
}

export interface LocalFolder {
	path: string;
	/** Starts a run, and watches what it says on stderr. */
	start(args: string[], onText?: (text: string) => void): { process: ChildProcess; ended: Promise<LocalRun> };
	run(...args: string[]): Promise<LocalRun>;
	/** Asks the database that the last run left, over a server of its own. */
	query<R extends object>(dataset: string, ...statements: string[]): Promise<R[][]>;
	remove(): void;
}

/** A run takes some seconds, and some for each further source; one that hangs must not keep everything else waiting. */
const TOO_LONG_MS = 60_000;
const TOO_LONG_PER_SOURCE_MS = 15_000;
/** Lets a process require TypeScript. */
export const LOADER = resolve(__dirname, "../../local/common/typescript.js");
const MAIN = resolve(__dirname, "../../cli/main.ts");

/** An empty folder to run in. */
export function localFolder(): LocalFolder {
	const path = mkdtempSync(join(tmpdir(), "ev-registrations-local-"));
	const start: LocalFolder["start"] = (args, onText) => {
		const flags = ["--disable-warning=ExperimentalWarning", "-r", LOADER];
		const child = spawn(process.execPath, [...flags, MAIN, ...args], {
			cwd: path,
			stdio: ["ignore", "pipe", "pipe"],
		});
		if (onText) child.stderr!.setEncoding("utf8").on("data", onText);
		const exited = new Promise<number | null>((done) => child.once("exit", done));
		const sources = args.filter((arg) => arg === "--source").length;
		const timer = setTimeout(
			() => {
				for (const { pid } of childrenOf(child.pid!)) process.kill(pid, "SIGKILL");
				child.kill("SIGKILL");
			},
			TOO_LONG_MS + sources * TOO_LONG_PER_SOURCE_MS,
		);
		exited.then(() => clearTimeout(timer));
		const ended = Promise.all([exited, text(child.stdout!), text(child.stderr!)]).then(([status, stdout, stderr]) => {
			const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
			return { status, stdout, stderr, results: lines.map((line) => JSON.parse(line)) };
		});
		return { process: child, ended };
	};
	return {
		path,
		start,
		run: (...args) => start(args).ended,
		async query(dataset, ...statements) {
			const server = await startPostgres(join(path, ".local", dataset, "postgres"));
			const client = new Client(clientConfig(server, "ev"));
			await client.connect();
			try {
				const answers = [];
				for (const statement of statements) answers.push((await client.query(statement)).rows);
				return answers;
			} finally {
				await client.end();
				await server.stop();
			}
		},
		remove() {
			for (const dataset of ["sample", "f6w7-q2d2"]) removePostgres(join(path, ".local", dataset, "postgres"));
			rmSync(path, { recursive: true, force: true });
		},
	};
}

/** An empty folder for each test of a suite, and the program of dev to run in it. */
export function localFolderForEach() {
	return localFolderBetween(beforeEach, afterEach);
}

/** One folder for all tests of a suite, which follow one another as a user's runs do. */
export function localFolderForAll() {
	return localFolderBetween(before, after);
}

function localFolderBetween(begin: Mocha.HookFunction, end: Mocha.HookFunction) {
	let folder: LocalFolder;
	let record: string[];
	before(async () => {
		record = ["--record", (await programOf("dev")).directory];
	});
	begin(() => {
		folder = localFolder();
	});
	end(() => folder.remove());
	return {
		folder: () => folder,
		record: () => record,
		/** Runs with `--json` in the folder. */
		json: (...args: string[]) => folder.run("--json", ...record, ...args),
	};
}

/** Writes a month of the made-up register as a CSV export. @returns its path */
export function writeSampleFile(folder: LocalFolder, month: number, vehicles: number): string {
	const { content, rowsUpdatedAt } = makeSample(month, vehicles);
	const file = join(folder.path, `${new Date(rowsUpdatedAt * 1000).toISOString().slice(0, 10)}.csv`);
	writeFileSync(file, content);
	return file;
}

export interface RunningProcess {
	pid: number;
	command: string;
}

/** What a process has started and is alive: functions and the database (Linux only). */
export function childrenOf(parent: number): RunningProcess[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.flatMap((name) => {
			try {
				// The name in parentheses may hold anything; state and parent follow it.
				const [, parentPid] = readFileSync(`/proc/${name}/stat`, "utf8").split(") ").pop()!.split(" ");
				if (Number(parentPid) !== parent) return [];
				const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
				return [{ pid: Number(name), command }];
			} catch {
				return [];
			}
		});
}

export function isAlive({ pid }: Pick<RunningProcess, "pid">): boolean {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}
