/** The program's records for tests: kept ones, shared by all processes that run tests. */

import type { ProgramRecord, RecordOptions } from "../../local/program/record";
import { currentRecord } from "../../local/program/record-cache";

/** As it is before a test bed sets AWS's variables, which would make every record another one. */
const environment = { ...process.env };
const records = new Map<string, Promise<ProgramRecord>>();

/**
 * The record of a stack, with some settings in place of its own. Its folder is shared: a test that changes a file in it
 * copies it first.
 */
export function programOf(
	stack: RecordOptions["stack"],
	settings: Record<string, string> = {},
): Promise<ProgramRecord> {
	const key = JSON.stringify([stack, settings]);
	const record = records.get(key) ?? currentRecord({ stack, settings, environment });
	records.set(key, record);
	return record;
}
