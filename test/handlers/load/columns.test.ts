/** Columns that a snapshot lacks, has twice, or has in addition. */

import { expect } from "chai";
import { SOURCE_COLUMNS } from "../../../db/source-columns";
import { failed } from "../../support/assertions";
import { FIELDS, pageOf, vehicle, vehicles } from "../../support/snapshots";
import { useDatabase } from "../../support/use-database";

describe("load: columns", () => {
	const { database, current, run } = useDatabase();

	it("reads display names as well as field names", async () => {
		const header = SOURCE_COLUMNS.map((column) => column.display);
		await database().load({ day: 0, header, pages: [[vehicle(1)]] });
		expect(await current("city")).to.deep.equal([{ city: "Seattle" }]);
	});

	it("refuses a snapshot without a required column", async () => {
		const header = FIELDS.filter((name) => name !== "county");
		const error = await failed(database().load({ day: 0, header, pages: [[vehicle(1)]] }));
		expect(error.name).to.equal("SchemaDrift");
		expect(error.message).to.include('"County"');
	});

	it("refuses a repeated column even when accepted", async () => {
		for (const again of ["county", "County"]) {
			const snapshot = { day: 0, header: [...FIELDS, again], pages: [[vehicle(1)]] };
			const error = await failed(database().load(snapshot, { accept: ["SchemaDrift"] }));
			expect(error.name).to.equal("SchemaDrift");
			expect(error.message).to.include(`twice, the second time as "${again}"`);
		}
	});

	it("refuses an unknown column unless accepted, with a note", async () => {
		const snapshot = { day: 0, header: [...FIELDS, "battery_kwh"], pages: [[vehicle(1, { battery_kwh: "75" })]] };
		const error = await failed(database().load(snapshot));
		expect(error).to.deep.include({ name: "SchemaDrift" });
		expect(error.message).to.include('"battery_kwh"');
		const result = await database().load(snapshot, { accept: ["SchemaDrift"], runId: "accepted" });
		expect(result.notes.join()).to.include("battery_kwh");
		expect(await run("accepted")).to.deep.include({ accepted: ["SchemaDrift"], notes: result.notes });
	});

	it("ignores columns that begin with a colon", async () => {
		const header = [...FIELDS, ":@computed_region_x"];
		expect(
			await database().load({ day: 0, header, pages: [[vehicle(1, { ":@computed_region_x": "3" })]] }),
		).to.deep.include({ added: 1 });
	});

	it("keeps known prices where Base MSRP is absent", async () => {
		await database().load({ day: 0, pages: [[vehicle(1, { base_msrp: "31950" })]] });
		const header = FIELDS.filter((name) => name !== "base_msrp");
		expect(await database().load({ day: 30, header, pages: [[vehicle(1)]] })).to.deep.include({
			unchanged: 1,
			changed: 0,
		});
		expect(await current("base_msrp_usd")).to.deep.equal([{ base_msrp_usd: 31950 }]);
	});

	for (const format of ["csv", "json"] as const) {
		it(`refuses a ${format} snapshot in which no row has a value of a column`, async () => {
			await database().load({ day: 0, format, pages: [vehicles(1, 3)] });
			const pages = [[1, 2, 3].map((key) => vehicle(key, { county: "" }))];
			const error = await failed(database().load({ day: 30, format, pages }));
			expect(error.name).to.equal("SchemaDrift");
			expect(error.message).to.include('No row has a value of "County"');
			expect(await current("county")).to.deep.equal(Array(3).fill({ county: "King" }));
		});

		it(`keeps known prices where no row of a ${format} snapshot has one`, async () => {
			await database().load({ day: 0, format, pages: [vehicles(1, 2, { base_msrp: "31950" })] });
			const pages = [vehicles(1, 3, { base_msrp: "" })];
			expect(await database().load({ day: 30, format, pages })).to.include({ unchanged: 2, changed: 0, added: 1 });
			expect((await current("base_msrp_usd")).slice(0, 2)).to.deep.equal(Array(2).fill({ base_msrp_usd: 31950 }));
		});

		it(`takes a column of zeros in ${format} for one with values`, async () => {
			await database().load({ day: 0, format, pages: [vehicles(1, 2, { base_msrp: "31950" })] });
			const pages = [vehicles(1, 2, { base_msrp: "0" })];
			expect(await database().load({ day: 30, format, pages })).to.include({ changed: 2 });
		});

		it(`finds the values of known rows of a ${format} snapshot`, async () => {
			await database().load({ day: 0, format, pages: [vehicles(1, 3)] });
			const pages = [[...vehicles(1, 3), vehicle(4, { county: "" })]];
			expect(await database().load({ day: 30, format, pages })).to.include({ added: 1, unchanged: 3 });
		});
	}

	it("reads a field of JSON rows that the description lacks", async () => {
		const header = FIELDS.filter((name) => name !== "county");
		const content = pageOf([vehicle(1)], "json");
		await database().load({ day: 0, format: "json", header, pages: [content] });
		expect(await current("county")).to.deep.equal([{ county: "King" }]);
	});

	it("refuses an unknown field of one JSON row, each time it is there", async () => {
		const rows = [vehicle(1), { ...vehicle(2), colour: "red" }];
		const snapshot = { day: 0, format: "json" as const, pages: [pageOf(rows, "json", [...FIELDS, "colour"])] };
		const error = await failed(database().load(snapshot));
		expect(error.name).to.equal("SchemaDrift");
		expect(error.message).to.include('Rows have a new field, "colour"');
		const accepted = await database().load(snapshot, { accept: ["SchemaDrift"] });
		expect(accepted).to.include({ added: 2, rejected: 0 });
		expect(accepted.notes.join()).to.include('"colour" is ignored');
		expect(await failed(database().load({ ...snapshot, day: 30 }))).to.have.property("name", "SchemaDrift");
	});
});
