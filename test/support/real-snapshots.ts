/** Four real snapshots, where they are kept beside the project. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const FOLDER = resolve(__dirname, "../../../shared/data");
export const REAL_DATES = ["2024-03-15", "2024-05-21", "2024-08-08", "2024-10-12"];

const files = REAL_DATES.map((date) => ({
	path: join(FOLDER, `ev-population-${date}.csv.gz`),
	at: new Date(`${date}T00:00Z`),
}));

/** Gzipped exports, ascending; undefined where they are missing. */
export const REAL_SNAPSHOTS = files.every(({ path }) => existsSync(path)) ? files : undefined;
