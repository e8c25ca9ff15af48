/** The ways of loading to compare. Each runs in a process of its own. */

import type { DatabaseSecret } from "../handlers/common/database";
import type { Bed, Database } from "./bed";
import type { MethodResult, MethodTask } from "./method";
import { runPgloader } from "./pgloader";
import { type Ran, startHelper } from "./process";

export interface Task {
	bed: Bed;
	database: Database;
	/** The manifest of the raw pages, which the pipeline loads. */
	manifestKey: string;
	reload: boolean;
	/** CSV of converted rows, which all other methods load. */
	file: string;
}

export interface Method {
	name: string;
	/** Always loads into an empty table, whatever the case's database holds. */
	intoNothing?: true;
	/** A command that may not be installed, and how to get it. */
	needs?: { command: string; get: string };
	run(task: Task): Promise<Ran & { rows: number }>;
}

/** Enough rows to measure the time per row when rows are sent one by one. */
const ROW_BY_ROW = 20_000;

/** The deployed load function, from its cold start to its result. */
export const pipeline: Method = {
	name: "pipeline",
	async run({ bed, manifestKey, reload }) {
		const startedAt = performance.now();
		const { rows } = await bed.load(manifestKey, reload);
		const seconds = (performance.now() - startedAt) / 1000;
		const peakRssMb = bed.deployment.peakRssMb("load");
		bed.deployment.stopFunctions();
		return { rows: rows!, seconds, peakRssMb };
	},
};

/** COPY of the converted CSV into the same table with the same indexes, without any checks. */
export const floor: Method = { name: "floor", intoNothing: true, run: (task) => runMethod("floor", task) };

export const drizzle: Method = { name: "drizzle by 1,000", run: (task) => runMethod("drizzle", task) };

export const insert: Method = {
	name: "insert per row",
	intoNothing: true,
	run: (task) => runMethod("insert", task, ROW_BY_ROW),
};

export const upsert: Method = { name: "upsert per row", run: (task) => runMethod("upsert", task, ROW_BY_ROW) };

export const pgloader: Method = {
	name: "pgloader",
	intoNothing: true,
	needs: { command: "pgloader", get: "apt-get install pgloader" },
	async run({ bed, database, file }) {
		const ran = await runPgloader(bed.directory, database.loader, file);
		return { ...ran, rows: await bed.countVehicles(database) };
	},
};

export const METHODS = [pipeline, floor, pgloader, drizzle, insert, upsert];

async function runMethod(method: MethodTask["method"], task: Task, limit = Number.MAX_SAFE_INTEGER) {
	const helper = startHelper("method.ts");
	try {
		const { file, database } = task;
		const message: MethodTask = { method, file, limit, connection: connectionOf(database.loader) };
		const result = await helper.ask<MethodResult>(message);
		return { ...result, peakRssMb: helper.peakRssMb() };
	} finally {
		helper.stop();
	}
}

/** A secret as connection settings for `pg`. */
export function connectionOf({ host, port, dbname, username, password, ca }: DatabaseSecret) {
	return { host, port, database: dbname, user: username, password, ca: ca! };
}
