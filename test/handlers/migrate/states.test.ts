/** migrate: databases and raw data of earlier versions are carried along, and everything goes on from there. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { entries } from "../../../db/migrations/meta/_journal.json";
import { migrateInto, openDatabase, type TestBed, type TestDatabase, testBed } from "../../support/bed";
import { expectExactCounts } from "../../support/snapshot-counts";
import { type StoredSnapshot, storeSnapshot, vehicle, vehicles } from "../../support/snapshots";

const FIXTURES = join(__dirname, "../../fixtures");

/** What the runs of the fixture loaded, as raw files of that time. */
const LOADED: StoredSnapshot[] = [
	{ day: 0, pages: [vehicles(1, 6)] },
	{
		day: 30,
		pages: [
			[
				vehicle(1),
				vehicle(2, { city: "Tacoma" }),
				vehicle(3, { geocoded_column: "POINT (-122.4 47.2)" }),
				vehicle(4),
				vehicle("x"),
				vehicle(7),
			],
		],
	},
	{ day: 60, pages: [vehicles(1, 6)], format: "json" },
];

describe("a database with two migrations", function () {
	this.timeout(60_000);
	let bed: TestBed;
	let database: TestDatabase;
	/** Rows of all tables, without what that version did not have or counts otherwise. */
	const rows = async () => {
		const all: Record<string, unknown[]> = {};
		const later = "'{row_hash,manifest_sha256,transform_version,rejected_row_id,by_type,by_county}'::text[]";
		for (const [table, key] of [
			["vehicles", "dol_vehicle_id"],
			["vehicle_changes", "changed_at, dol_vehicle_id"],
			["snapshots", "snapshot_at"],
			["runs", "run_id"],
			["rejected_rows", "run_id, line"],
		] as const)
			all[table] = await database.query(`select to_jsonb(t) - ${later} as row from ev.${table} as t order by ${key}`);
		return all;
	};
	const columns = (of: TestDatabase) =>
		of.query(
			"select table_name, column_name, data_type, is_nullable from information_schema.columns where table_schema = 'ev' order by 1, ordinal_position",
		);

	beforeEach(async () => {
		bed = await testBed();
		database = openDatabase(bed, await bed.emptyDatabase());
		await database.query(readFileSync(join(FIXTURES, "database-0001.sql"), "utf8"));
		for (const snapshot of LOADED) await storeSnapshot(bed.storage, { ...snapshot, beforePointers: true });
	});

	it("was made by migrations that nobody edited since", async () => {
		const kept = await database.query<{ hash: string }>("select hash from drizzle.__drizzle_migrations order by id");
		const files = entries.slice(0, kept.length).map(({ tag }) => readFileSync(`db/migrations/${tag}.sql`));
		const hashes = files.map((file) => ({ hash: createHash("sha256").update(file).digest("hex") }));
		expect(kept).to.have.length(2).and.deep.equal(hashes);
	});

	it("gets the schema of a new one, and keeps its rows", async () => {
		const before = await rows();
		expect(await migrateInto(bed, database.name)).to.deep.include({ applied: entries.length - 2 });
		expect(await columns(database)).to.deep.equal(await columns(await bed.newDatabase()));
		expect(await rows()).to.deep.equal(before);
	});

	it("counts the snapshots that it has published", async () => {
		await migrateInto(bed, database.name);
		await expectExactCounts(database.query);
		await database.load({ day: 90, pages: [vehicles(2, 8, { county: "Pierce" })] });
		await expectExactCounts(database.query);
	});

	it("merges its version once more, since what was published is not known, and is then unchanged", async () => {
		await migrateInto(bed, database.name);
		const latest = { ...LOADED[2]!, beforePointers: true };
		const manifestKey = await storeSnapshot(bed.storage, latest);
		const result = await database.loadManifest(manifestKey);
		expect(result).to.deep.include({ status: "loaded", unchanged: 6, added: 0, changed: 0, removed: 0 });
		expect(await database.loadManifest(manifestKey)).to.include({ status: "unchanged" });
	});

	it("loads what is new", async () => {
		await migrateInto(bed, database.name);
		const result = await database.load({ day: 90, pages: [vehicles(2, 8)] });
		expect(result).to.deep.include({ status: "loaded", added: 1, returned: 1, unchanged: 5, removed: 1 });
	});

	it("is replayed from its raw data, row for row", async () => {
		await migrateInto(bed, database.name);
		const before = await rows();
		await database.replay();
		expect(await rows()).to.deep.equal(before);
	});

	it("is replayed from its raw data after versions were fetched again", async () => {
		await migrateInto(bed, database.name);
		await database.load({ day: 60, format: "json", pages: [vehicles(1, 9)] }, { runId: "fourth" });
		const before = await rows();
		await database.replay();
		expect(await rows()).to.deep.equal(before);
	});
});
