/** Rows that nobody expects, made up by fast-check: values that fit no column, and bytes that are no row. */

import fc from "fast-check";
import { csvLine, FIELDS, type Row, vehicle } from "./snapshots";

const FIRST_HOSTILE_KEY = 1_000_000;

const anyText = fc.string({ unit: "binary", maxLength: 40 });
const wideText = fc
	.tuple(fc.constantFrom(10, 300, 999, 1000, 1001, 3000), fc.integer({ min: 0x4e00, max: 0x9000 }), fc.nat())
	.map(([length, first, seed]) =>
		String.fromCodePoint(...Array.from({ length }, (_, at) => first + ((seed + at * at * 7919) % 5000))),
	);
const numbers = fc.constantFrom("far", "1e3", "-3", "²", "12345678901", "NaN", "0x10", "1,000", " 5", "291.5", "٣");
const years = fc.constantFrom("20255", "-1", "0", "99999", "2O20", " 2020", "2020.0", "1899", "２０２０");
const points = fc.constantFrom(
	"POINT (200 47)",
	"POINT (-122.5 95)",
	"POINT (1e400 4)",
	"POINT (NaN NaN)",
	"POINT (47)",
	"POINT EMPTY",
	`POINT (0.${"0".repeat(400)}1 47)`,
	`POINT (${"0".repeat(5000)}1 47)`,
	`POINT (9.${"9".repeat(5000)} 47)`,
	"POINT(−122 47)",
);
const lists = fc.constantFrom("{", "}", "NULL", '"', "\\", "|||", "{A,B}", 'A"|\\"B', ",|,", "\\N");
const escapes = fc.constantFrom(
	"\\.",
	"\\N",
	"a\rb",
	"a\nb",
	"a\r\nb",
	"\t",
	"\\",
	"\\x41",
	'"',
	",",
	"\u0000",
	"\ufeff",
	"\u2028",
);
const keys = fc.constantFrom(
	"",
	"0",
	"-1",
	"1e5",
	"0123",
	"１２３",
	"9".repeat(15),
	"9".repeat(16),
	"9".repeat(30),
	"1O5",
);

const change = (field: string, values: fc.Arbitrary<string>) => values.map((value) => ({ [field]: value }));
const anyField = fc.constantFrom(...FIELDS.filter((name) => name !== "dol_vehicle_id"));
const hostileChanges: fc.Arbitrary<Row> = fc.oneof(
	change("electric_range", numbers),
	change("base_msrp", numbers),
	change("model_year", years),
	change("geocoded_column", points),
	change("electric_utility", lists),
	change("dol_vehicle_id", keys),
	fc.tuple(anyField, fc.oneof(escapes, anyText, wideText)).map(([field, value]) => ({ [field]: value })),
	fc.tuple(wideText, wideText).map(([make, model]) => ({ make, model })),
	fc.constant({ ev_type: "Hydrogen", vin_1_10: "" }),
);

/** A row with values nobody expects. */
const hostileRow = fc.record({ changes: hostileChanges, isHuge: fc.nat({ max: 300 }), field: anyField });

/** What may be done to a row's bytes. */
const damage: fc.Arbitrary<(line: Buffer) => Buffer> = fc.oneof(
	{ weight: 5, arbitrary: fc.constant((line: Buffer) => line) },
	fc
		.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.uint8Array({ minLength: 1, maxLength: 4 }))
		.map(([place, bytes]) => (line: Buffer) => {
			const at = Math.floor(place * line.length);
			return Buffer.concat([line.subarray(0, at), Buffer.from(bytes), line.subarray(at)]);
		}),
	fc.double({ min: 0, max: 1, noNaN: true }).map((share) => (line: Buffer) => line.subarray(0, share * line.length)),
	fc
		.constantFrom(',"x"', '"', ',"', "\0", "\xff", "\xc3", ",")
		.map((end) => (line: Buffer) => Buffer.concat([line, Buffer.from(end, "latin1")])),
	fc.uint8Array({ minLength: 0, maxLength: 200 }).map((bytes) => () => Buffer.from(bytes)),
);

export const hostileLines = (count: number): fc.Arbitrary<Buffer[]> =>
	fc.array(fc.tuple(hostileRow, damage), { minLength: count, maxLength: count }).map((all) =>
		all.map(([{ changes, isHuge, field }, harm], index) => {
			const huge = isHuge === 7 ? { [field]: "x".repeat(1024 * 1024) } : {};
			const row = vehicle(FIRST_HOSTILE_KEY + index, { ...changes, ...huge });
			return harm(Buffer.from(csvLine(row)));
		}),
	);

/** JSON elements with the same values, some broken off, some with what only JSON can say. */
export const hostileElements = (count: number): fc.Arbitrary<Buffer[]> =>
	fc
		.array(
			fc.tuple(
				hostileChanges,
				fc.constantFrom("", "", "", "cut", "escape", "nested", "number", "array", "stranger", "deep"),
				fc.double({ min: 0, max: 1, noNaN: true }),
			),
			{ minLength: count, maxLength: count },
		)
		.map((all) =>
			all.map(([changes, kind, share], index) => {
				const row: Record<string, unknown> = vehicle(FIRST_HOSTILE_KEY + index, changes);
				if (kind === "nested") row.city = { a: [[{}]] };
				if (kind === "number") row.electric_range = 1e300;
				if (kind === "array") row.geocoded_column = { type: "Point", coordinates: [1e-7, [4, "x"], null] };
				if (kind === "stranger") row.colour = "red";
				let text = JSON.stringify(kind === "array" && share < 0.3 ? [row] : row);
				const code = ["\\u0000", "\\ud800", "\\udc00\\ud800", "\\x"][index % 4];
				if (kind === "deep") text = text.replace(/"city":"[^"]*"/, `"city":${"[".repeat(20_000)}${"]".repeat(20_000)}`);
				if (kind === "escape") text = text.replace('"city":"', () => `"city":"${code}`);
				if (kind === "cut") text = text.slice(0, Math.ceil(share * (text.length - 1)));
				return Buffer.from(text);
			}),
		);

/** Puts hostile pieces between the pieces of a page, evenly. */
export function interleave(good: Buffer[], hostile: Buffer[]): Buffer[] {
	const mixed: Buffer[] = [];
	for (const [index, piece] of good.entries()) {
		const from = Math.floor((index * hostile.length) / good.length);
		const to = Math.floor(((index + 1) * hostile.length) / good.length);
		mixed.push(piece, ...hostile.slice(from, to));
	}
	return mixed;
}
