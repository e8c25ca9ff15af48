/** Files of local runs in `.local/`: its lock, and writing that leaves no half-written file. */

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
	if (!lock)
		throw new Error(`\`npm run local\` or \`local:db\` is already using ${root}; wait until it is done, or stop it.`);
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

/** A JSON file's value; undefined if there is no file or it is cut off. */
export function readJson<T>(file: string): T | undefined {
	try {
		return JSON.parse(readFileSync(file, "utf8")) as T;
	} catch (error) {
		if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}

/** Writes a value as JSON, completely or not at all, readable only for its owner. */
export function writeJson(file: string, value: unknown): void {
	writeFile(file, `${JSON.stringify(value, null, "\t")}\n`);
}

/** Writes a file completely or not at all, readable only for its owner. */
export function writeFile(file: string, content: string): void {
	mkdirSync(dirname(file), { recursive: true });
	const unfinished = `${file}.${process.pid}.new`;
	rmSync(unfinished, { force: true });
	writeFileSync(unfinished, content, { mode: 0o600, flush: true });
	renameSync(unfinished, file);
}
