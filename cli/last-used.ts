/** The folder of local runs, and which database was used last in it. */

import { join, resolve } from "node:path";
import { readJson, writeJson } from "../local/common/state";

/** The database used last, and the ARN of its reader's secret. */
export interface LastUsed {
	dataset: string;
	readerSecretArn: string;
}

export const ROOT = resolve(".local");
const FILE = join(ROOT, "last-used.json");

/** @throws one sentence where no run has made a database */
export function readLastUsed(): LastUsed {
	const last = readJson<LastUsed>(FILE);
	if (!last) throw new Error("There is no database yet; make one with `npm run local`.");
	return last;
}

export function writeLastUsed(last: LastUsed): void {
	writeJson(FILE, last);
}
