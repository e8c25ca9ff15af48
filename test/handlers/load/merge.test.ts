/** The load of a snapshot: values, counts, history and what readers see. */

import { expect } from "chai";
import { dayOf, vehicle, vehicles } from "../../support/snapshots";
import { useDatabase } from "../../support/use-database";

describe("load: merging a snapshot", () => {
	const { database, bed, current } = useDatabase();

	it("types every value and stores 0 and blanks as unknown", async () => {
		const nothing = Object.fromEntries(
			["county", "city", "zip_code", "electric_range", "geocoded_column", "electric_utility"].map((name) => [name, ""]),
		);
		await database().load({
			day: 0,
			pages: [[vehicle(7, { zip_code: "08122", base_msrp: "31950" }), vehicle(8, { ...nothing, electric_range: "0" })]],
		});
		const [full, empty] = await database().query<Record<string, unknown>>("select * from ev.vehicles order by 1");
		expect(full).to.deep.include({
			dol_vehicle_id: "7",
			vin_prefix: "5YJYGDEE1L",
			postal_code: "08122",
			model_year: 2020,
			vehicle_type: "BEV",
			electric_range_miles: 291,
			base_msrp_usd: 31950,
			legislative_district: "37",
			longitude: -122.30839,
			latitude: 47.610365,
			electric_utilities: ["CITY OF SEATTLE - (WA)", "CITY OF TACOMA - (WA)"],
			census_tract: "53033007800",
			first_seen_at: dayOf(0),
			last_changed_at: dayOf(0),
			removed_at: null,
		});
		const unknown = ["county", "city", "postal_code", "electric_range_miles", "base_msrp_usd", "longitude", "latitude"];
		for (const name of [...unknown, "electric_utilities"]) expect(empty, name).to.have.property(name, null);
	});

	it("counts each row once, and each removed vehicle", async () => {
		await database().load({ day: 0, pages: [vehicles(1, 6)] });
		await database().load({ day: 30, pages: [vehicles(1, 5)] });
		const moved = { geocoded_column: "POINT (-120.5 47.5)" };
		const result = await database().load({
			day: 60,
			pages: [
				[vehicle(1), vehicle(2, { city: "Tacoma" }), vehicle(3, moved)],
				[vehicle(6, moved), vehicle(7), vehicle(4, { city: "Tacoma", ...moved })],
			],
		});
		expect(result).to.deep.include({
			status: "loaded",
			rows: 6,
			added: 1,
			returned: 1,
			changed: 2,
			regeocoded: 1,
			unchanged: 1,
			duplicates: 0,
			rejected: 0,
			removed: 1,
		});
	});

	it("writes changes, removals and returns at the snapshots' times", async () => {
		await database().load({ day: 0, pages: [vehicles(1, 4)] });
		await database().load({ day: 30, pages: [[vehicle(1, { city: "Tacoma", county: "Pierce" }), ...vehicles(2, 3)]] });
		await database().load({
			day: 60,
			pages: [
				[vehicle(1, { city: "Tacoma", county: "Pierce" }), vehicle(2, { geocoded_column: "" }), ...vehicles(3, 4)],
			],
		});
		expect(
			await database().query("select * from ev.vehicle_changes order by changed_at, dol_vehicle_id"),
		).to.deep.equal([
			{
				dol_vehicle_id: "1",
				changed_at: dayOf(30),
				kind: "changed",
				old: { city: "Seattle", county: "King" },
				new: { city: "Tacoma", county: "Pierce" },
			},
			{ dol_vehicle_id: "4", changed_at: dayOf(30), kind: "removed", old: {}, new: {} },
			{ dol_vehicle_id: "4", changed_at: dayOf(60), kind: "returned", old: {}, new: {} },
		]);
		const times = await database().query(
			"select first_seen_at, last_changed_at, removed_at from ev.vehicles order by dol_vehicle_id",
		);
		expect(times).to.deep.equal([
			{ first_seen_at: dayOf(0), last_changed_at: dayOf(30), removed_at: null },
			{ first_seen_at: dayOf(0), last_changed_at: dayOf(0), removed_at: null },
			{ first_seen_at: dayOf(0), last_changed_at: dayOf(0), removed_at: null },
			{ first_seen_at: dayOf(0), last_changed_at: dayOf(60), removed_at: null },
		]);
	});

	it("shows registered vehicles only, and keeps the others", async () => {
		await database().load({ day: 0, pages: [vehicles(1, 3)] });
		await database().load({ day: 30, pages: [vehicles(2, 3)] });
		expect(await current("dol_vehicle_id")).to.deep.equal([{ dol_vehicle_id: "2" }, { dol_vehicle_id: "3" }]);
		expect(await database().query("select removed_at from ev.vehicles where dol_vehicle_id = 1")).to.deep.equal([
			{ removed_at: dayOf(30) },
		]);
	});

	it("removes the right vehicles of a table read in many parts", async () => {
		const all = vehicles(1, 10_000);
		await database().load({ day: 0, pages: [all] });
		const [{ parts }] = (await database().query(
			"select pg_relation_size('ev.vehicles') / current_setting('block_size')::int / 256 as parts",
		)) as [{ parts: string }];
		expect(Number(parts)).to.be.above(1);
		// One of ten: more than one in each block.
		const left = all.filter((_, index) => index % 10 !== 0);
		const result = await database().load({ day: 30, pages: [left] }, { accept: ["SuspiciousShrink"] });
		expect(result).to.include({ added: 0, changed: 0, unchanged: 9_000, removed: 1_000 });
	});

	it("gives the same database from csv and json, but for hashes", async () => {
		const rows = [
			...vehicles(1, 3),
			vehicle(4, { model: 'Q"4, e-tron', city: "Doña Ana", geocoded_column: "", base_msrp: "" }),
			vehicle(5, { electric_utility: "A, B||C", county: "", zip_code: "" }),
		];
		const other = await bed().newDatabase();
		await database().load({ day: 0, format: "csv", pages: [rows] });
		await other.load({ day: 0, format: "json", pages: [rows] });
		const select = "select to_jsonb(v) - 'row_hash' as vehicle from ev.vehicles v order by dol_vehicle_id";
		expect(await other.query(select)).to.deep.equal(await database().query(select));
	});

	it("does not depend on the order of rows or their pages", async () => {
		const rows = [...vehicles(1, 5), vehicle(6, { city: "Tacoma" }), vehicle(6, { city: "Kent" })];
		const other = await bed().newDatabase();
		await database().load({ day: 0, pages: [rows] });
		await other.load({ day: 0, pages: [rows.slice(5).reverse(), rows.slice(0, 2), rows.slice(2, 5).reverse()] });
		expect((await other.contents()).vehicles).to.deep.equal((await database().contents()).vehicles);
	});
});
