/** Rows that do not fit. */

import { expect } from "chai";
import { failed } from "../../support/assertions";
import { csvLine, FIELDS, pageOf, type Row, vehicle, vehicles } from "../../support/snapshots";
import { useDatabase } from "../../support/use-database";

describe("load: rejected rows", () => {
	const { database, current } = useDatabase();

	const page = (...lines: (string | Buffer)[]) =>
		Buffer.concat([pageOf([], "csv"), ...lines.flatMap((line) => [Buffer.from(line), Buffer.from("\n")])]);

	it("saves their bytes, place and reason, and loads the rest", async () => {
		const invalid = Buffer.from(csvLine(vehicle(3, { city: "Se\u0080ttle" })), "latin1");
		const lines = [csvLine(vehicle(1)), csvLine(vehicle(2, { model_year: "20255" })), invalid, csvLine(vehicle(4))];
		const result = await database().load({ day: 0, pages: [page(...lines)] }, { runId: "r" });
		expect(result).to.deep.include({ rows: 4, added: 2, rejected: 2 });
		const rejected = await database().query(
			"select run_id, page, line, dol_vehicle_id, reason, raw from ev.rejected_rows order by line",
		);
		expect(rejected).to.deep.equal([
			{
				run_id: "r",
				page: 1,
				line: 3,
				dol_vehicle_id: "2",
				reason: 'Model Year does not fit: "20255"',
				raw: Buffer.from(lines[1] as string),
			},
			{ run_id: "r", page: 1, line: 4, dol_vehicle_id: "3", reason: "it is not valid UTF-8", raw: invalid },
		]);
	});

	it("forgets them a year later, with the next snapshot or without one, and not sooner", async () => {
		const lines = [csvLine(vehicle(1)), csvLine(vehicle(2, { make: "" }))];
		for (const [day, runId, age] of [
			[0, "old", "366 days"],
			[30, "young", "360 days"],
		] as const) {
			await database().load({ day, pages: [page(...lines)] }, { runId, settings: { maxRejectedShare: 1 } });
			await database().query(`update ev.runs set started_at = now() - interval '${age}' where run_id = '${runId}'`);
		}
		const snapshot = { day: 60, pages: [vehicles(1, 2)] };
		expect(await database().load(snapshot)).to.include({ status: "loaded" });
		const left = () => database().query("select run_id from ev.rejected_rows");
		expect(await left()).to.deep.equal([{ run_id: "young" }]);
		await database().query("update ev.runs set started_at = now() - interval '366 days' where run_id = 'young'");
		expect(await database().load(snapshot)).to.include({ status: "unchanged" });
		expect(await left()).to.deep.equal([]);
	});

	it("keeps the vehicle of a rejected row as it was", async () => {
		await database().load({ day: 0, pages: [vehicles(1, 3)] });
		const result = await database().load({ day: 30, pages: [[vehicle(1), vehicle(2, { electric_range: "many" })]] });
		expect(result).to.deep.include({ rejected: 1, removed: 1, unchanged: 1 });
		expect(await current("dol_vehicle_id, electric_range_miles")).to.deep.equal([
			{ dol_vehicle_id: "1", electric_range_miles: 291 },
			{ dol_vehicle_id: "2", electric_range_miles: 291 },
		]);
	});

	it("removes no vehicle while a key is unreadable, unless accepted", async () => {
		await database().load({ day: 0, pages: [vehicles(1, 3)] });
		const snapshot = { day: 30, pages: [[vehicle(1), vehicle("1O5")]] };
		const result = await database().load(snapshot);
		expect(result).to.deep.include({ removed: 0, rejected: 1 });
		expect(result.notes.join()).to.match(/No vehicles were removed.* 1 rejected rows.* any of the 2/);
		const accepted = await database().load(snapshot, { reload: true, accept: ["UnreadableKeys"] });
		expect(accepted).to.deep.include({ removed: 2 });
	});

	it("refuses more than maxRejectedShare unless accepted", async () => {
		const snapshot = { day: 0, pages: [[...vehicles(1, 8), vehicle(9, { make: "" }), vehicle(10, { make: "" })]] };
		const settings = { maxRejectedShare: 0.1 };
		const error = await failed(database().load(snapshot, { settings }));
		expect(error).to.deep.include({ name: "TooManyRejects" });
		expect(error.message).to.include("2 of 10 rows").and.include("page 1, line 10: Make is empty");
		expect(await current("1")).to.deep.equal([]);
		const result = await database().load(snapshot, { settings, accept: ["TooManyRejects"] });
		expect(result).to.deep.include({ added: 8, rejected: 2 });
	});

	it("reads words for a missing value as empty cells, and counts them", async () => {
		const words = ["NA", "nan", "#N/A", "\\N", "  "].map((county, index) => vehicle(2 + index, { county }));
		const rows = [vehicle(1), ...words, vehicle(9, { make: "None" })];
		const result = await database().load({ day: 0, pages: [rows] });
		expect(result).to.include({ added: 6, rejected: 1 });
		expect(result.notes.join()).to.include('"NA" in 1').and.include('"None" in 1');
		expect((await current("county")).filter(({ county }) => county !== null)).to.have.length(1);
	});

	it("rejects codes that a tool has read as numbers", async () => {
		const wrecks: Row[] = [
			{ zip_code: "98188.0" },
			{ _2020_census_tract: "53033011902.0" },
			{ _2020_census_tract: "5.30330119e+10" },
			{ legislative_district: "37.0" },
			{ zip_code: "9.8188E+4" },
		];
		const rows = [vehicle(1), ...wrecks.map((wreck, index) => vehicle(2 + index, wreck)), vehicle("7.0")];
		expect(await database().load({ day: 0, pages: [rows] })).to.include({ added: 1, rejected: 6 });
	});

	it("refuses a page whose last line is cut off", async () => {
		const whole = page(csvLine(vehicle(1)), csvLine(vehicle(2)));
		const cut = whole.subarray(0, whole.length - 20);
		const error = await failed(database().load({ day: 0, pages: [cut] }));
		expect(error).to.include({ name: "PageDamaged" });
		expect(error.message).to.match(/Page 1 ends in the middle of line 3/);
	});

	for (const format of ["csv", "json"] as const)
		it(`rejects ${format} texts that a tool wrapped, padded, broke or lost characters of`, async () => {
			const wrecks = ["'Kent'", "=Kent", '"Kent"', "Kent ", "\tKent", "Ke\nnt", "Ca\ufffdon"];
			const rows = [vehicle(1), ...wrecks.map((city, index) => vehicle(2 + index, { city }))];
			rows.push(vehicle(20, { legislative_district: "07" }), vehicle(21, { base_msrp: "109.000" }));
			const result = await database().load({ day: 0, format, pages: [rows] });
			expect(result).to.include({ added: 1, rejected: 9 });
			expect(await current("city")).to.deep.equal([{ city: "Seattle" }]);
		});

	it("removes no vehicle whose rows lie between two stray quotes", async () => {
		await database().load({ day: 0, pages: [vehicles(1, 9)] });
		const unquoted = (row: Row) => FIELDS.map((name) => row[name]).join(",");
		const stray = [unquoted(vehicle(2, { city: '"Seattle' })), unquoted(vehicle(3, { city: 'Seattle"' }))];
		const lines = [csvLine(vehicle(1)), ...stray, ...vehicles(4, 9).map((row) => csvLine(row))];
		const result = await database().load({ day: 30, pages: [page(...lines)] });
		expect(result).to.include({ removed: 0, changed: 0, unchanged: 7, rejected: 1 });
		expect(result.notes.join()).to.include('accept "UnreadableKeys"');
	});

	it("reads any cell without a letter or digit as empty, and spreadsheets' errors in any language", async () => {
		const signs = ["—", "...", "***", "\u00a0", "#WERT!", "#N/D", "NA\u00a0", "н/д", "k.A."];
		const rows = [vehicle(1), ...signs.map((county, index) => vehicle(2 + index, { county }))];
		expect(await database().load({ day: 0, pages: [rows] })).to.include({ added: 10, rejected: 0 });
		expect((await current("county")).filter(({ county }) => county !== null)).to.have.length(1);
	});
});
