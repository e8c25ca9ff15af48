/** For the tests of load: a migrated database of its own for each, and what they ask of it. */

import { type TestBed, type TestDatabase, testBed } from "./bed";

/** Prepares a database before each test of the suite that calls this. */
export function useDatabase() {
	let bed: TestBed;
	let database: TestDatabase;
	before(async function () {
		this.timeout(60_000);
		bed = await testBed();
	});
	beforeEach(async () => {
		database = await bed.newDatabase();
	});
	return {
		bed: () => bed,
		database: () => database,
		/** Columns of the registered vehicles, by key. */
		current: (columns: string) =>
			database.query<Record<string, unknown>>(`select ${columns} from ev.current_vehicles order by dol_vehicle_id`),
		/** Every row with the place and the transaction of its version: equal where nothing was written. */
		versions: () => database.query("select ctid::text, xmin::text, * from ev.vehicles order by dol_vehicle_id"),
		run: async (runId: string) => (await database.query("select * from ev.runs where run_id = $1", [runId]))[0],
	};
}
