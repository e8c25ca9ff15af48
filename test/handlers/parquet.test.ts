/** COPY's text as Parquet, read back by a reader that is not the project's. */

import { expect } from "chai";
import fc from "fast-check";
import { createParquetEncoder, type ParquetColumn } from "../../handlers/parquet";
import { readParquet } from "../support/parquet";

const COLUMNS: ParquetColumn[] = [
	{ name: "key", type: "bigint", isNullable: false },
	{ name: "name", type: "text", isNullable: true },
	{ name: "year", type: "smallint", isNullable: true },
	{ name: "miles", type: "integer", isNullable: true },
	{ name: "longitude", type: "double", isNullable: true },
	{ name: "is_new", type: "boolean", isNullable: true },
	{ name: "utilities", type: "list", isNullable: true },
	{ name: "at", type: "timestamp", isNullable: true },
];

type Value = string | number | bigint | boolean | string[] | Date | null;

/** A value as PostgreSQL copies it; a list as JSON. */
function copied(value: Value): string {
	if (value === null) return "\\N";
	if (typeof value === "boolean") return value ? "t" : "f";
	const text =
		value instanceof Date ? value.toISOString() : Array.isArray(value) ? JSON.stringify(value) : String(value);
	return text.replace(/[\\\n\r\t]/g, (letter) => ({ "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" })[letter]!);
}

/** @param size of the chunks in which the text arrives */
async function roundTrip(rows: Value[][], size = 1000): Promise<Value[][]> {
	const encoder = createParquetEncoder(COLUMNS);
	const text = Buffer.from(rows.map((row) => `${row.map(copied).join("\t")}\n`).join(""));
	for (let at = 0; at < text.length; at += size) encoder.push(text.subarray(at, at + size));
	const { file, rows: count } = encoder.end();
	expect(count).to.equal(rows.length);
	const objects = await readParquet(file);
	return objects.map((object) => COLUMNS.map(({ name }) => (object[name] ?? null) as Value));
}

describe("Parquet", () => {
	it("has every value as it was copied", async () => {
		const at = new Date("2024-10-12T00:00:00Z");
		const rows: Value[][] = [
			[1n, "Doña Ana", 2024, 0, -122.30839, true, ["PUGET SOUND ENERGY INC", 'a "b", c'], at],
			[9_007_199_254_740_993n, "tab\tline\nback\\slash", -1, 2_147_483_647, 1e-300, false, [], at],
			[3n, null, null, null, null, null, null, null],
			[4n, "", 0, 0, 0, false, [""], new Date(0)],
		];
		for (const size of [1, 7, 1000]) expect(await roundTrip(rows, size)).to.deep.equal(rows);
	});

	it("has any text and list as it was copied", async () => {
		const row = fc.tuple(
			fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
			fc.string({ unit: "grapheme" }),
			fc.array(fc.string()),
		);
		await fc.assert(
			fc.asyncProperty(fc.array(row, { minLength: 1 }), fc.integer({ min: 1, max: 50 }), async (values, size) => {
				const rows = values.map(([key, name, utilities]): Value[] => [
					key,
					name.replaceAll("\0", ""),
					1,
					2,
					3.5,
					null,
					utilities,
					null,
				]);
				expect(await roundTrip(rows, size)).to.deep.equal(rows);
			}),
			{ numRuns: 50 },
		);
	});

	it("holds more rows than it writes at once", async () => {
		const rows = Array.from({ length: 45_000 }, (_, index): Value[] => [
			BigInt(index),
			"x",
			1,
			2,
			3,
			true,
			["a"],
			null,
		]);
		const read = await roundTrip(rows, 64 * 1024);
		expect(read.length).to.equal(rows.length);
		expect(read.at(-1)).to.deep.equal(rows.at(-1));
	}).timeout(60_000);

	it("refuses a row of other columns, and a line that breaks off", () => {
		expect(() => createParquetEncoder(COLUMNS).push(Buffer.from("1\tx\n"))).to.throw("Row 1 has 2 fields, and not 8.");
		const encoder = createParquetEncoder(COLUMNS);
		encoder.push(Buffer.from("1\tx"));
		expect(() => encoder.end()).to.throw("ends within a line");
	});
});
