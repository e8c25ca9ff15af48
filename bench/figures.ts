/** The case `figures`: how long each view takes to read, and counting a snapshot both ways. */

import { getViewName } from "drizzle-orm";
import { Client } from "pg";
import { COUNT_FROM_FLOWS, COUNT_IN_FULL, CREATE_FLOWS, HASH_ONLY } from "../db/snapshot-counts";
import * as views from "../db/views";
import { clientConfig } from "../local/machine/postgres";
import type { Bed } from "./bed";
import { pipeline } from "./methods";
import { type BenchRow, type Measurement, type OnMeasured, rowsOf } from "./results";

const NAME = "figures";
const COUNTED_IN_FULL = "counted in full";

/** Measures after a month's load, on the tables as the load leaves them. */
export async function measureFigures(bed: Bed, repeat: number, onMeasured: OnMeasured): Promise<BenchRow[]> {
	const manifestKey = await bed.store({ moment: "october", times: 1 });
	const database = await bed.clone(await bed.stateOf({ moment: "august", times: 1 }));
	try {
		await pipeline.run({ bed, database, manifestKey, reload: false, file: "" });
		const client = new Client({ ...clientConfig(bed.postgres, database.name), options: "-c search_path=ev" });
		await client.connect();
		try {
			const ways = waysOf(client);
			const measured = Object.keys(ways).map((method) => ({ method, measurements: [] as Measurement[] }));
			for (let repetition = 0; repetition < repeat; repetition++)
				for (const { method, measurements } of measured) {
					// The seconds are those of a whole answer, so there are no rows to divide by.
					const measurement = { rows: 1, seconds: await ways[method]!(), peakRssMb: null };
					onMeasured(NAME, method, measurement);
					measurements.push(measurement);
				}
			return rowsOf(NAME, measured, COUNTED_IN_FULL).map((row) => ({ ...row, rows: null }));
		} finally {
			await client.end();
		}
	} finally {
		await bed.drop(database);
	}
}

/** What is measured, by name: each returns the seconds that the server took. */
function waysOf(client: Client): Record<string, () => Promise<number>> {
	const names = Object.values(views).map(getViewName);
	return {
		[COUNTED_IN_FULL]: () => counted(client, [HASH_ONLY], COUNT_IN_FULL),
		"counted from flows": () => counted(client, [CREATE_FLOWS, RESTORE_FLOWS], COUNT_FROM_FLOWS),
		...Object.fromEntries(names.map((name) => [name, () => explained(client, `select * from ${name}`)])),
		vehicles_at: () => explained(client, "select * from vehicles_at((select max(snapshot_at) from snapshots))"),
	};
}

/** The flows of the latest snapshot, which the merge noted. */
const RESTORE_FLOWS = `
	insert into flows
	select state, county_fips, county, make, model, model_year, vehicle_type, added, returned, removed, moved_in, moved_out
	from snapshot_counts
	where snapshot_at = (select max(snapshot_at) from snapshots) and added + returned + removed + moved_in + moved_out > 0`;

/** Counts the latest snapshot anew, and undoes it. */
async function counted(client: Client, preparations: string[], count: string): Promise<number> {
	await client.query("begin");
	try {
		const { rows } = await client.query<{ at: Date }>("select max(snapshot_at) as at from snapshots");
		for (const statement of preparations) await client.query(statement);
		await client.query("delete from snapshot_counts where snapshot_at = $1", [rows[0]!.at]);
		await client.query("delete from snapshots where snapshot_at = $1", [rows[0]!.at]);
		const startedAt = performance.now();
		await client.query(count, [rows[0]!.at]);
		return (performance.now() - startedAt) / 1000;
	} finally {
		await client.query("rollback");
	}
}

/** Runs a query to its last row, as text, but sends none of it. */
async function explained(client: Client, query: string): Promise<number> {
	const { rows } = await client.query(`explain (analyze, timing off, serialize text, format json) ${query}`);
	return rows[0]["QUERY PLAN"][0]["Execution Time"] / 1000;
}
