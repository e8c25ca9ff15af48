/** Files that were cut off: refused wherever the cut shows; a cut between two rows leaves a smaller register. */

import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { makeSample } from "../../../local/source/sample";
import { openSnapshot } from "../../../local/source/snapshot";
import { exportLine, exportLines, exportOf, HEADER, NAMES, useFolder } from "../../support/files";
import { csvLine, vehicle } from "../../support/snapshots";

describe("a file that was cut off", function () {
	this.timeout(60_000);
	const folder = useFolder();
	const open = (content: string | Buffer, name = "20241012.csv") => openSnapshot(folder.write(name, content), []);
	/** Rows of a cut file; undefined where it is refused for the cut. */
	const rowsOf = (content: Buffer, name?: string) => {
		try {
			return open(content, name).snapshot.lines.length;
		} catch (error) {
			expect((error as Error).message).to.match(/ is cut off|has a header and no rows/);
			return undefined;
		}
	};

	/** The last rows of files of several spellings; each begins on a line of its own. */
	const spellings: [string, string[], string][] = [
		["plain", exportLines(101, 103), "\n"],
		["with CRLF", exportLines(101, 103), "\r\n"],
		["all quoted", [101, 102, 103].map((key) => csvLine(vehicle(key))), "\n"],
		["with empty last values", exportLines(101, 103, { _2020_census_tract: "", electric_utility: "" }), "\n"],
		["with line breaks in values", exportLines(101, 103, { city: "Sea\nttle\n,\n", county: 'Ki"n"g' }), "\n"],
	];
	for (const [what, lines, end] of spellings)
		it(`is refused at every byte of three rows, ${what}`, () => {
			const before = `${[HEADER, ...exportLines(1, 5)].join(end)}${end}`;
			const whole = Buffer.from(`${before}${lines.join(end)}${end}`);
			// After each row there is nothing to tell the cut from a smaller register.
			let at = before.length;
			const ends = new Map(
				lines.flatMap((line, index) => {
					at += Buffer.byteLength(line);
					const places = Array.from({ length: end.length + 1 }, (_, more) => [at + more, 6 + index] as const);
					at += end.length;
					return places;
				}),
			);
			for (let length = before.length + 1; length < whole.length; length++) {
				const rows = rowsOf(whole.subarray(0, length));
				expect(rowsOf(gzipSync(whole.subarray(0, length)), "20241012.csv.gz"), "gzipped").to.equal(rows);
				const said = JSON.stringify(whole.toString("utf8", length - 40, length));
				if (rows !== undefined) expect(rows, said).to.equal(ends.get(length));
			}
		});

	it("is read where the last row is whole, without its line break", () => {
		const tract = `${HEADER}\n${exportLine(vehicle(1))}`;
		expect(open(tract).snapshot.lines).to.have.length(1);
	});

	const sample = Buffer.from(makeSample(0, 2_000).content);
	for (const share of [0.05, 0.5, 0.95])
		it(`is refused at ${share * 100} %, gzipped or not`, () => {
			const at = sample.indexOf(",", Math.floor(share * sample.length));
			expect(() => open(sample.subarray(0, at))).to.throw(/is cut off: line \d+ has no line end, and \d+ fields/);
			const inside = gzipSync(sample.subarray(0, at));
			expect(() => open(inside, "20241012.csv.gz")).to.throw(/is cut off: line \d+ has no line end, and \d+ fields/);
			const gzip = gzipSync(sample);
			const outside = gzip.subarray(0, Math.floor(share * gzip.length));
			expect(() => open(outside, "20241012.csv.gz")).to.throw(
				/is cut off inside its gzip and cannot be uncompressed: unexpected end of file; download it again\.$/,
			);
		});

	it("is refused at every byte of the end of its gzip", () => {
		const gzip = gzipSync(exportOf([vehicle(1), vehicle(2)]));
		for (let length = 2; length < gzip.length; length++)
			expect(() => open(gzip.subarray(0, length), "20241012.csv.gz"), String(length)).to.throw(
				/is cut off inside its gzip/,
			);
	});

	it("is refused with line, fields found and expected, and what to do", () => {
		const cut = `${HEADER}\n${exportLine(vehicle(1))}\n${exportLine(vehicle(2)).slice(0, 30)}`;
		expect(() => open(cut)).to.throw(
			/20241012\.csv is cut off: line 3 has no line end, and 6 fields where 17 are expected; download it again, or, if nothing is missing, end its last line with a line break, as every whole file does\.$/,
		);
	});

	it("is refused where the last of all fields may go on", () => {
		const row = exportLine(vehicle(1));
		expect(() => open(`${HEADER}\n${row.slice(0, -1)}`)).to.throw(
			/line 2 has no line end, and the last of its 17 fields \(17 are expected\), 2020 Census Tract, may go on after "5303300780"; download/,
		);
	});

	it("is refused inside a quoted value, at a line break too", () => {
		for (const rest of ['2,"Sea', '2,"Sea\n', '2,"Sea\n\n', '2,"Sea\ntt\n'])
			expect(() => open(`${HEADER}\n${exportLine(vehicle(1))}\n${rest}`), rest).to.throw(
				/is cut off inside a quoted value/,
			);
	});

	describe("with another last column, without a line break", () => {
		const lastColumn = (field: string, value: string) => {
			const name = NAMES[Object.keys(vehicle(1)).indexOf(field)]!;
			const others = NAMES.filter((other) => other !== name);
			const row = vehicle(1, { [field]: value });
			const values = Object.entries(row).flatMap(([key, text]) => (key === field ? [] : [text.replaceAll(",", "")]));
			return [[...others, name].join(","), [...values, value].join(",")].join("\n");
		};
		const whole: [string, string][] = [
			["_2020_census_tract", "53033007800"],
			["_2020_census_tract", '"53033007800"'],
			["zip_code", "98122"],
			["model_year", "2020"],
			["legislative_district", "37"],
			["geocoded_column", "POINT (-122.30839 47.610365)"],
			["ev_type", "Battery Electric Vehicle (BEV)"],
			["ev_type", '"Plug-in Hybrid Electric Vehicle (PHEV)"'],
		];
		for (const [field, value] of whole)
			it(`is whole with ${field} ${value}`, () => {
				expect(open(lastColumn(field, value)).snapshot.lines).to.have.length(1);
			});
		const cut: [string, string][] = [
			["_2020_census_tract", "5303300780"],
			["_2020_census_tract", ""],
			["zip_code", "9812"],
			["model_year", "202"],
			["legislative_district", "3"],
			["geocoded_column", "POINT (-122.30839 47.610365"],
			["ev_type", "Battery Electric Vehicle (BEV"],
			["city", "Seattle"],
			["city", '"Seattle"'],
			["electric_utility", "CITY OF SEATTLE - (WA)"],
			["electric_range", "291"],
			["dol_vehicle_id", "1"],
		];
		for (const [field, value] of cut)
			it(`is refused with ${field} ${value || "empty"}`, () => {
				expect(() => open(lastColumn(field, value))).to.throw(
					/is cut off: line 2 has no line end, and the last of its 17/,
				);
			});
	});
});
