/**
 * Records of the program that are kept from one run to the next, in `.local/programs`. A record is used again only if all
 * that its evaluation depends on is the same: what it was asked for and by whom, and every file and folder it has read.
 */

import { hash } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { tryLock } from "../common/state";
import { areCurrent } from "./inputs";
import {
	loadInputs,
	loadRecord,
	PROJECT_ROOT,
	type ProgramRecord,
	type RecordOptions,
	recordProgram,
	STATE,
	visibleEnvironment,
} from "./record";

const KEPT = join(STATE, "programs");
/** What runs the program. */
type Runtime = Record<"version" | "platform" | "arch", string>;

/** Records that were not used for so long are removed: longer than any process works with one. */
const UNUSED_MS = 6 * 3600 * 1000;
/** Files that change under the evaluation's hands do so once or twice. */
const ATTEMPTS = 3;

/**
 * The record of the program as it is now: a kept one, or a new one. Several processes may ask at the same time.
 * The record's folder is shared; who changes a file in it must copy it first.
 * @throws the program's own error
 */
export async function currentRecord(options: RecordOptions): Promise<ProgramRecord> {
	const key = keyOf(options);
	return findKept(key) ?? (await alone(key, async () => findKept(key) ?? (await evaluateAndKeep(key, options))));
}

/** Stands for everything that decides an evaluation and is in no file. */
export function keyOf(options: RecordOptions, { version, platform, arch }: Runtime = process): string {
	const settings = Object.entries(options.settings ?? {}).sort();
	const asked = [PROJECT_ROOT, options.stack, settings, visibleEnvironment(options)];
	return hash("sha256", JSON.stringify([...asked, version, platform, arch])).slice(0, 16);
}

function findKept(key: string): ProgramRecord | undefined {
	const names = foldersIn(KEPT).filter((name) => name.startsWith(`${key}-`) && !name.endsWith(".new"));
	for (const directory of names.map((name) => join(KEPT, name)))
		if (areCurrent(loadInputs(directory))) {
			touch(directory);
			return loadRecord(directory);
		}
	return undefined;
}

async function evaluateAndKeep(key: string, options: RecordOptions): Promise<ProgramRecord> {
	removeUnused();
	const unfinished = join(KEPT, `${key}-unfinished.new`);
	for (let attempt = 1; ; attempt++) {
		await recordProgram(unfinished, options);
		const inputs = loadInputs(unfinished);
		const directory = join(KEPT, `${key}-${hash("sha256", JSON.stringify(inputs)).slice(0, 16)}`);
		// What has changed since it was read may have been read before and after that.
		if (areCurrent(inputs)) {
			rmSync(directory, { recursive: true, force: true });
			renameSync(unfinished, directory);
			return loadRecord(directory);
		}
		if (attempt === ATTEMPTS) throw new Error("The program's files change while it is evaluated; try it again.");
	}
}

/** Does something while no other process does it with the same key. */
async function alone<T>(key: string, work: () => Promise<T>): Promise<T> {
	for (;;) {
		const lock = tryLock(join(KEPT, `${key}.lock`));
		if (!lock) await sleep(100);
		else
			try {
				return await work();
			} finally {
				lock.release();
			}
	}
}

function removeUnused(): void {
	for (const name of foldersIn(KEPT)) {
		const directory = join(KEPT, name);
		const { mtimeMs } = statSync(directory);
		if (Date.now() - mtimeMs > UNUSED_MS) rmSync(directory, { recursive: true, force: true });
	}
}

/** Notes that a record is in use. */
function touch(directory: string): void {
	const now = new Date();
	utimesSync(directory, now, now);
}

function foldersIn(folder: string): string[] {
	mkdirSync(folder, { recursive: true });
	const entries = readdirSync(folder, { withFileTypes: true });
	return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
