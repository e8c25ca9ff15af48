import { expect } from "chai";
import { getTableColumns, getTableName } from "drizzle-orm";
import { vehicles } from "../../../db/schema";
import { matchHeader, SOURCE_COLUMNS } from "../../../db/source-columns";
import type { RawFormat } from "../../../handlers/common/contract";
import { createRowReader } from "../../support/rows";

const header = SOURCE_COLUMNS.map((column) => column.display);
const good: Record<string, string> = {
	"DOL Vehicle ID": "125701579",
	"VIN (1-10)": "5YJYGDEE1L",
	County: "King",
	City: "Seattle",
	State: "WA",
	"Postal Code": "98122",
	"Model Year": "2020",
	Make: "TESLA",
	Model: "MODEL Y",
	"Electric Vehicle Type": "Battery Electric Vehicle (BEV)",
	"Clean Alternative Fuel Vehicle (CAFV) Eligibility": "Clean Alternative Fuel Vehicle Eligible",
	"Electric Range": "291",
	"Base MSRP": "0",
	"Legislative District": "37",
	"Vehicle Location": "POINT (-122.30839 47.610365)",
	"Electric Utility": "CITY OF SEATTLE - (WA)|CITY OF TACOMA - (WA)",
	"2020 Census Tract": "53033007800",
};
const targets = SOURCE_COLUMNS.flatMap((column) => column.targets);

/** Encodes a valid row with some values changed. @returns its values by column, or why it is rejected */
function read(format: RawFormat, changes: Record<string, unknown> = {}) {
	const values: Record<string, unknown> = { ...good, ...changes };
	const raw =
		format === "csv"
			? header.map((name) => `"${String(values[name]).replaceAll('"', '""')}"`).join(",")
			: JSON.stringify(values);
	return readRaw(format, Buffer.from(raw));
}
function readRaw(format: RawFormat, raw: Buffer) {
	const row = createRowReader(format, header)(raw);
	if ("reason" in row) return row;
	return { key: row.key, ...Object.fromEntries(row.values.split("\t").map((value, index) => [targets[index], value])) };
}

describe("matching the source's columns", () => {
	it("covers ev.vehicles but for the pipeline's own columns", () => {
		const own = ["first_seen_at", "last_changed_at", "removed_at", "row_hash"];
		const columns = Object.values(getTableColumns(vehicles)).map((column) => column.name);
		expect(targets).to.deep.equal(columns.filter((name) => !own.includes(name)));
		expect(getTableName(vehicles)).to.equal("vehicles");
	});

	it("finds columns by display or field name, in any order", () => {
		for (const names of [header, SOURCE_COLUMNS.map((column) => column.field).reverse()])
			expect(matchHeader(names)).to.deep.include({ missing: [], unknown: [], present: SOURCE_COLUMNS });
	});

	it("requires every column but Base MSRP", () => {
		expect(matchHeader(header.filter((name) => name !== "Base MSRP")).missing).to.deep.equal([]);
		for (const name of header.filter((other) => other !== "Base MSRP"))
			expect(matchHeader(header.filter((other) => other !== name)).missing).to.deep.equal([name]);
	});

	it("lists unknown columns, without the source's bookkeeping", () => {
		expect(matchHeader([...header, "Colour", ":@computed_region_x"]).unknown).to.deep.equal(["Colour"]);
	});
});

describe("encoding a row", () => {
	for (const format of ["csv", "json"] as const) {
		describe(`of ${format.toUpperCase()}`, () => {
			it("converts values by type, with NULL for unknown ones", () => {
				expect(read(format)).to.deep.equal({
					key: 125701579,
					dol_vehicle_id: "125701579",
					vin_prefix: "5YJYGDEE1L",
					county: "King",
					city: "Seattle",
					state: "WA",
					postal_code: "98122",
					model_year: "2020",
					make: "TESLA",
					model: "MODEL Y",
					vehicle_type: "BEV",
					cafv_eligibility: "Clean Alternative Fuel Vehicle Eligible",
					electric_range_miles: "291",
					base_msrp_usd: "\\N",
					legislative_district: "37",
					longitude: "-122.30839",
					latitude: "47.610365",
					electric_utilities: '{"CITY OF SEATTLE - (WA)","CITY OF TACOMA - (WA)"}',
					census_tract: "53033007800",
				});
				const empty = read(format, {
					County: "",
					"Electric Range": "",
					"Vehicle Location": "",
					"Electric Utility": "",
				});
				for (const name of ["county", "electric_range_miles", "longitude", "latitude", "electric_utilities"])
					expect(empty).to.have.property(name, "\\N");
			});

			it("keeps codes and any text as written", () => {
				expect(read(format, { "Postal Code": "0212", "Legislative District": "7" })).to.include({
					postal_code: "0212",
					legislative_district: "7",
				});
				expect(read(format, { County: 'Doña "Ana", \\N' })).to.have.property("county", 'Doña "Ana", \\\\N');
				expect(read(format, { "Electric Utility": 'A, "B"||C\\| |D' })).to.have.property(
					"electric_utilities",
					'{"A, \\\\"B\\\\"","C\\\\\\\\"," ","D"}',
				);
			});

			it("rejects a value that does not fit, with key and reason", () => {
				const bad: [string, string, RegExp][] = [
					["Model Year", "20255", /Model Year does not fit: "20255"/],
					["Model Year", "", /Model Year is empty/],
					["Electric Range", "far", /Electric Range does not fit: "far"/],
					["Electric Range", "-3", /Electric Range does not fit/],
					["Base MSRP", "12345678901", /Base MSRP does not fit/],
					["Electric Vehicle Type", "Hydrogen", /Electric Vehicle Type does not fit: "Hydrogen"/],
					["Vehicle Location", "POINT (-181 47)", /Vehicle Location does not fit/],
					["Vehicle Location", "POINT (47.61)", /Vehicle Location does not fit/],
					["City", "x".repeat(1024 * 1024), /City does not fit: a value of 1048576 characters/],
				];
				for (const [name, value, reason] of bad) {
					const row = read(format, { [name]: value });
					expect(row).to.have.property("key", 125701579);
					expect(row).to.have.property("reason").that.matches(reason);
				}
			});

			it("gives no key when the key is unreadable", () => {
				for (const key of ["", "abc", "-5", "0123", "1e6", "12345678901234567"]) {
					const row = read(format, { "DOL Vehicle ID": key });
					expect(row, key).to.have.property("key", undefined);
					expect(row, key)
						.to.have.property("reason")
						.that.matches(/DOL Vehicle ID/);
				}
			});
		});
	}

	it("rejects CSV with invalid bytes, field counts or quotes", () => {
		const line = header.map((name) => good[name]).join(",");
		const broken = (raw: string, reason: RegExp) =>
			expect(readRaw("csv", Buffer.from(raw, "latin1")))
				.to.have.property("reason")
				.that.matches(reason);
		broken(line.replace("King", "Ki\xffng"), /not valid UTF-8/);
		broken(line.replace("King", "Ki\0ng"), /NUL/);
		broken(line.replace("King,", ""), /it has 16 fields, and the header 17/);
		broken(`${line},x`, /it has 18 fields/);
		broken(line.replace("King", '"King'), /quote/);
	});

	it("reads absent fields, points and bare numbers in JSON", () => {
		const { County: _, ...rest } = good;
		const raw = { ...rest, "Electric Range": 12, "Vehicle Location": { type: "Point", coordinates: [-122.5, 47] } };
		expect(readRaw("json", Buffer.from(JSON.stringify(raw)))).to.include({
			county: "\\N",
			electric_range_miles: "12",
			longitude: "-122.5",
			latitude: "47",
		});
	});

	it("rejects a JSON value that is no text, number or point", () => {
		const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
		const point = (coordinates: string, more = "") => `{"type":"Point","coordinates":${coordinates}${more}}`;
		for (const [name, value] of [
			["City", '{"a":[[{}]]}'],
			["City", '["Kent"]'],
			["City", "true"],
			["City", deep],
			["City", point("[-122.5,47]")],
			["2020 Census Tract", "53033007800123456789"],
			["Vehicle Location", point("[[-122.5],47]")],
			["Vehicle Location", point('["-122.5","47"]')],
			["Vehicle Location", point(deep)],
			["Vehicle Location", point("[-122.5,47]", ',"crs":{"type":"name","properties":{"name":"EPSG:2927"}}')],
		] as const) {
			const raw = JSON.stringify({ ...good, [name]: 0 }).replace(`"${name}":0`, () => `"${name}":${value}`);
			const reason = `${name} is no text, number or point that fits`;
			expect(readRaw("json", Buffer.from(raw)), value.slice(0, 80)).to.deep.equal({ key: 125701579, reason });
		}
		expect(read("json", { "DOL Vehicle ID": {} })).to.have.property("key", undefined);
	});

	it("rejects JSON with a repeated field", () => {
		const raw = JSON.stringify({
			...good,
			City: 'a":"b',
			"Vehicle Location": { type: "Point", coordinates: [-122.5, 47] },
		});
		expect(readRaw("json", Buffer.from(raw))).to.have.property("city", 'a":"b');
		for (const twice of [
			raw.replace("{", '{"City":"Kent",'),
			raw.replace(/}$/, ',"DOL Vehicle ID":"1"}'),
			raw.replace("47]}", '47],"coordinates" : [-122,48]}'),
			raw.replace("{", '{"\\u0043ity":"Kent",'),
		])
			expect(readRaw("json", Buffer.from(twice)), twice).to.deep.equal({
				key: undefined,
				reason: "it has a field twice",
			});
	});

	it("rejects lone surrogates, NUL and invalid JSON", () => {
		expect(read("json", { County: "\ud800" }))
			.to.have.property("reason")
			.that.matches(/PostgreSQL cannot store/);
		expect(read("json", { County: "a\0" }))
			.to.have.property("reason")
			.that.matches(/PostgreSQL cannot store/);
		for (const raw of ["{", "[]", "5", "null"])
			expect(readRaw("json", Buffer.from(raw)))
				.to.have.property("reason")
				.that.matches(/JSON/);
	});
});
