/** Columns that a snapshot lacks, has twice, or has in addition. */

import { expect } from "chai";
import { SOURCE_COLUMNS } from "../../../db/source";
import { failed } from "../../support/assertions";
import { useDatabase } from "../../support/load-bed";
import { FIELDS, vehicle } from "../../support/snapshots";

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
});
