/** What local runs leave behind: the layout of `.local/`, its lock, and files that are whole or not there. */

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface StateLock {
	release(): void;
}

/**
 * Takes `.local/` for this process.
 * @throws one sentence where another process has it
 */
export function lockState(root: string): StateLock {
	const lock = tryLock(join(root, "lock.db"));
	if (!lock) throw new Error(`Another local run is using ${root}; wait until it is done, or stop it.`);
	return lock;
}

/**
 * Takes a lock for this process. It is the operating system's, on a file that SQLite keeps open: it ends with the process
 * however that ends, and a process id that is used again does not matter.
 * @returns undefined where another process has it
 */
export function tryLock(file: string): StateLock | undefined {
	mkdirSync(dirname(file), { recursive: true });
	const database = new DatabaseSync(file);
	try {
		database.exec("begin exclusive");
	} catch (error) {
		database.close();
		if (error instanceof Error && /locked/.test(error.message)) return undefined;
		throw error;
	}
	return { release: () => database.close() };
}

/** A JSON file's value; undefined where there is no file, or none that was written whole. */
export function readJson<T>(file: string): T | undefined {
	try {
		return JSON.parse(readFileSync(file, "utf8")) as T;
	} catch (error) {
		if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}

/** Writes a value as JSON, at once or not at all, for its owner's eyes only. */
export function writeJson(file: string, value: unknown): void {
	writeFile(file, `${JSON.stringify(value, null, "\t")}\n`);
}

/** Writes a file at once or not at all, for its owner's eyes only. */
export function writeFile(file: string, content: string): void {
	mkdirSync(dirname(file), { recursive: true });
	const unfinished = `${file}.${process.pid}.new`;
	rmSync(unfinished, { force: true });
	writeFileSync(unfinished, content, { mode: 0o600, flush: true });
	renameSync(unfinished, file);
}
