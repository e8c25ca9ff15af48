/** The method of bench/method.ts that needs Drizzle, in its own file so that other methods do not use memory for it. */

import { getTableColumns, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import type { Client } from "pg";

const SCHEMA = "../db/schema.ts";

/** Sends INSERT … ON CONFLICT for each batch of rows, given as text. @returns the number of rows */
export async function insertBatches(client: Client, batches: AsyncIterable<(string | null)[][]>): Promise<number> {
	const { vehicles } = (await import(SCHEMA)) as typeof import("../db/schema");
	const columns = Object.entries(getTableColumns(vehicles));
	const set = Object.fromEntries(columns.map(([key, { name }]) => [key, sql.raw(`excluded.${name}`)]));
	const typed = (row: (string | null)[]) =>
		Object.fromEntries(
			columns.map(([key, column], at) => [key, row[at] == null ? null : column.mapFromDriverValue(row[at])]),
		) as typeof vehicles.$inferInsert;
	const database = drizzle(client);
	let rows = 0;
	for await (const batch of batches) {
		await database.insert(vehicles).values(batch.map(typed)).onConflictDoUpdate({ target: vehicles.dolVehicleId, set });
		rows += batch.length;
	}
	return rows;
}
