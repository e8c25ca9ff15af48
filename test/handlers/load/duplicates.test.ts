/** Rows of a snapshot that have the same key. */

import { expect } from "chai";
import { failed } from "../../support/assertions";
import { vehicle, vehicles } from "../../support/snapshots";
import { useDatabase } from "../../support/use-database";

describe("load: duplicates", () => {
	const { database, bed, current, versions } = useDatabase();

	it("keeps the greatest row of a key in any order", async () => {
		const rows = [
			vehicle(1, { city: "Kent" }),
			vehicle(1, { city: "Zillah" }),
			vehicle(1, { city: "Auburn" }),
			vehicle(2),
			vehicle(2),
		];
		for (const pages of [[rows], [[...rows].reverse()]]) {
			const other = await bed().newDatabase();
			const result = await other.load({ day: 0, pages });
			expect(result).to.deep.include({ rows: 5, added: 2, duplicates: 3 });
			expect(result.notes.join()).to.include("3 rows were dropped");
			expect(await other.query("select city from ev.vehicles where dol_vehicle_id = 1")).to.deep.equal([
				{ city: "Zillah" },
			]);
		}
	});

	it("compares a known row with another of its key", async () => {
		const rows = [vehicle(1, { city: "Kent" }), vehicle(1, { city: "Zillah" }), ...vehicles(2, 9)];
		await database().load({ day: 0, pages: [[vehicle(1, { city: "Kent" }), ...vehicles(2, 9)]] });
		expect(await database().load({ day: 1, pages: [rows] })).to.deep.include({
			changed: 1,
			unchanged: 8,
			duplicates: 1,
		});
		const settled = await versions();
		expect(await database().load({ day: 1, pages: [rows] }, { reload: true })).to.deep.include({
			changed: 0,
			unchanged: 9,
			duplicates: 1,
		});
		expect(await versions()).to.deep.equal(settled);
	});

	it("refuses a key on two pages unless accepted", async () => {
		const snapshot = { day: 0, pages: [vehicles(1, 3), vehicles(3, 5)] };
		const error = await failed(database().load(snapshot));
		expect(error).to.deep.include({ name: "SourceIncomplete" });
		expect(error.message).to.include("more than one page, for example 3");
		expect(await current("dol_vehicle_id")).to.deep.equal([]);
		expect(await database().load(snapshot, { accept: ["SourceIncomplete"] })).to.deep.include({
			added: 5,
			duplicates: 1,
		});
		const known = await failed(database().load({ ...snapshot, day: 1 }));
		expect(known, "also when both rows are known").to.deep.include({ name: "SourceIncomplete" });
	});
});
