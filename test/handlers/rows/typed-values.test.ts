import { expect } from "chai";
import fc from "fast-check";
import type { ColumnKind } from "../../../db/source-columns";
import { createOutput } from "../../../handlers/rows/copy-text";
import { ENCODERS } from "../../../handlers/rows/typed-values";

/** The grammar of each kind, written a second time with regular expressions. */
const MODEL: Record<ColumnKind, (text: string) => string | undefined> = {
	key: (text) => (/^[1-9]\d{0,14}$/.test(text) ? text : undefined),
	text: (text) => (Buffer.byteLength(text) <= 1000 && isBare(text) ? escaped(text) : undefined),
	zip: (text) => (/^\d{4,5}$/.test(text) ? text : undefined),
	tract: (text) => (/^\d{11}$/.test(text) ? text : undefined),
	district: (text) => (/^[1-9]\d?$/.test(text) ? text : undefined),
	year: (text) => (/^(19|20)\d\d$/.test(text) ? text : undefined),
	count: (text) => {
		const digits = /^(\d{1,9})(?:\.0{1,2})?$/.exec(text)?.[1];
		return digits === undefined ? undefined : Number(digits) === 0 ? "\\N" : String(Number(digits));
	},
	vehicleType: (text) => /\((BEV|PHEV)\)$/.exec(text)?.[1],
	list: (text) => {
		const parts = text.split("|").filter((part) => part !== "");
		const quoted = parts.map((part) => `"${part.replace(/["\\]/g, "\\$&")}"`);
		return Buffer.byteLength(text) > 1000 || !isBare(text)
			? undefined
			: parts.length
				? escaped(`{${quoted.join(",")}}`)
				: "\\N";
	},
	point: (text) => {
		const number = /(-?\d{1,3}(?:\.\d{1,100})?)/.source;
		const [, longitude, latitude] = new RegExp(`^POINT ?\\(${number} ${number}\\)$`).exec(text) ?? [];
		if (longitude === undefined || latitude === undefined) return undefined;
		const isOnGlobe = Math.abs(Number(longitude)) <= 180 && Math.abs(Number(latitude)) <= 90;
		return isOnGlobe ? `${longitude}\t${latitude}` : undefined;
	},
};

/** Neither wrapped in what tools put around values, nor over more than one line. */
const isBare = (text: string) => !/^[\t "'=]|[\t "'=]$|[\n\r]/.test(text);

function escaped(text: string): string {
	const letters: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
	return text.replace(/[\\\t\n\r]/g, (character) => letters[character]!);
}

/** Fragments to build values of each kind from, valid ones and nearly valid ones. */
const FRAGMENTS: Record<ColumnKind, string[]> = {
	key: ["0", "1", "125701579", "9", "-", "x", " "],
	text: ["a", "ñ", "\\", "\t", "\n", "\r", '"', "|", "é".repeat(250), "\0", "\x0b", "\x0e"],
	zip: ["98", "188", "0", ".0", " ", "9"],
	tract: ["53033", "011902", "0", ".0", "5.3e+10", "1"],
	district: ["3", "37", "0", ".0", " "],
	year: ["19", "20", "2", "0", "99", "21", ".", " "],
	count: ["0", "7", "00", ".", ".0", "123456", "-", " "],
	vehicleType: ["Battery Electric Vehicle ", "(BEV)", "(PHEV)", "BEV", "(", ")", " ", "\n"],
	list: ["CITY", "|", "||", '"', "\\", "\t", "{", "}", ",", " ", "x".repeat(300)],
	point: [
		"POINT",
		"POINT ",
		"(",
		")",
		" ",
		"-",
		"-122.3",
		"47",
		"180",
		"90",
		"181",
		"180.0",
		"90.00",
		".",
		".5",
		"0".repeat(60),
		"1",
	],
};

/** Coordinates within, at and beyond their limits. */
const coordinate = fc
	.tuple(fc.constantFrom("", "-"), fc.constantFrom("0", "47", "89", "90", "179", "180", "181", "1000", ""))
	.chain(([sign, whole]) => fc.constantFrom("", ".0", ".00", ".5", ".", ".3.1").map((rest) => sign + whole + rest));
const points = fc.tuple(coordinate, coordinate).map(([longitude, latitude]) => `POINT (${longitude} ${latitude})`);

describe("encoding a value", () => {
	for (const kind of Object.keys(MODEL) as ColumnKind[])
		it(`accepts and writes kind ${kind} as its grammar says`, () => {
			const value = fc
				.array(fc.constantFrom(...FRAGMENTS[kind]), { minLength: 1, maxLength: 9 })
				.map((parts) => parts.join(""));
			const likely = fc.oneof(points, fc.constantFrom("POINT(180.0 -90.0)", "2024", "1", "x (PHEV)", "a||b"));
			const around = fc.constantFrom("", "1", "0.", "9)", "(BEV)", "|", "\\");
			fc.assert(
				fc.property(fc.oneof(value, likely), around, around, (text, left, right) => {
					const bytes = Buffer.from(left + text + right);
					const [from, to] = [Buffer.byteLength(left), bytes.length - Buffer.byteLength(right)];
					const output = createOutput();
					const fits = ENCODERS[kind](output, bytes, from, to);
					expect(fits ? output.bytes.toString("utf8", 0, output.length) : undefined).to.equal(MODEL[kind](text));
				}),
				{ numRuns: 2000 },
			);
		});
});
