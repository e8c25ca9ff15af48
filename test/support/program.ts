/** The program's record, evaluated once for all tests of a process that ask for the same. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ProgramRecord, type RecordOptions, recordProgram } from "../../local/program/record";

const records = new Map<string, Promise<ProgramRecord>>();
const directories: string[] = [];

/** The record of a stack, with some settings in place of its own. */
export function programOf(
	stack: RecordOptions["stack"],
	settings: Record<string, string> = {},
): Promise<ProgramRecord> {
	const key = JSON.stringify([stack, settings]);
	let record = records.get(key);
	if (!record) {
		const directory = mkdtempSync(join(tmpdir(), "ev-registrations-program-"));
		directories.push(directory);
		record = recordProgram(join(directory, "record"), { stack, settings });
		records.set(key, record);
	}
	return record;
}

/** Removes the records; for mocha's root hook. */
export async function removePrograms(): Promise<void> {
	await Promise.allSettled(records.values());
	records.clear();
	for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
}
