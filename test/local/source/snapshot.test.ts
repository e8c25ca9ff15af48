/** Snapshots on this machine: which version a file goes by, what is no snapshot at all, and the made-up sample. */

import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { matchHeader, SOURCE_COLUMNS } from "../../../db/source";
import { splitCsv } from "../../../handlers/rows/fields";
import { makeSample } from "../../../local/source/sample";
import { createSnapshot, type KnownVersion, openSnapshot, versionOf } from "../../../local/source/snapshot";
import { createRowReader } from "../../support/rows";

const DAY = 24 * 3600;
const seconds = (date: string) => Date.parse(`${date}T00:00:00Z`) / 1000;
const HEADER = SOURCE_COLUMNS.map((column) => column.display).join(",");
const ROW = "1,5YJYGDEE1L,King,Seattle,WA,98122,2020,TESLA,MODEL Y,Battery Electric Vehicle (BEV),,291,0,37,,,";

describe("a file's version", () => {
	const modifiedAt = seconds("2020-02-02") + 3_600;
	const version = (name: string, sha256 = "new", known: KnownVersion[] = []) =>
		versionOf(name, sha256, known, modifiedAt);

	it("is the date in its name", () => {
		for (const name of ["2024-10-12.csv", "ev_20241012.csv.gz", "Electric_Vehicle-2024-10-12 (1).csv", "v2-20241012"])
			expect(version(name), name).to.equal(seconds("2024-10-12"));
	});

	it("is not read from digits that are no date", () => {
		for (const name of [
			"20241312.csv",
			"20240100.csv",
			"20240132.csv",
			"120241012.csv",
			"202410123.csv",
			"1999-10-12.csv",
		])
			expect(version(name), name).to.equal(seconds("2020-02-02"));
	});

	it("stays the same for the same content", () => {
		const known = [
			{ rowsUpdatedAt: seconds("2024-10-12"), sha256: "old" },
			{ rowsUpdatedAt: seconds("2024-11-12"), sha256: "other" },
		];
		expect(version("2024-10-12.csv", "old", known)).to.equal(seconds("2024-10-12"));
		expect(version("export.csv", "old", known)).to.equal(seconds("2024-10-12"));
	});

	it("is a second later if other content has the date", () => {
		const known = [{ rowsUpdatedAt: seconds("2024-10-12"), sha256: "old" }];
		expect(version("2024-10-12.csv", "new", known)).to.equal(seconds("2024-10-12") + 1);
		known.push({ rowsUpdatedAt: seconds("2024-10-12") + 1, sha256: "new" });
		expect(version("2024-10-12.csv", "new", known)).to.equal(seconds("2024-10-12") + 1);
		expect(version("2024-10-12.csv", "newer", known)).to.equal(seconds("2024-10-12") + 2);
	});

	it("is a day after the newest for content without a date", () => {
		const known = [
			{ rowsUpdatedAt: seconds("2024-11-12") + 5, sha256: "b" },
			{ rowsUpdatedAt: seconds("2024-10-12"), sha256: "a" },
		];
		expect(version("export.csv", "c", known)).to.equal(seconds("2024-11-13") + 5);
	});

	it("is the modification day for a first file without a date", () => {
		expect(version("export.csv")).to.equal(seconds("2020-02-02"));
	});
});

describe("a file of rows", () => {
	let directory: string;
	before(() => {
		directory = mkdtempSync(join(tmpdir(), "ev-registrations-test-"));
	});
	after(() => rmSync(directory, { recursive: true }));
	const file = (name: string, content: string | Buffer) => {
		const path = join(directory, name);
		writeFileSync(path, content);
		return path;
	};
	const open = (name: string, content: string | Buffer, known: KnownVersion[] = []) =>
		openSnapshot(file(name, content), known);

	it("splits into rows at any line break, after a byte-order mark", () => {
		const quoted = ROW.replace("Seattle", '"Sea\nttle"');
		for (const text of [
			`${HEADER}\n${ROW}\n${quoted}\n`,
			`${HEADER}\n${ROW}\n${quoted}`,
			`\ufeff${HEADER}\r\n${ROW}\r\n${quoted}\r\n`,
		]) {
			const { snapshot } = open("2024-10-12.csv", text);
			expect(snapshot).to.include({
				name: "2024-10-12.csv",
				dataset: "f6w7-q2d2",
				rowsUpdatedAt: seconds("2024-10-12"),
			});
			expect(snapshot.header).to.deep.equal(SOURCE_COLUMNS.map((column) => column.display));
			const rows = snapshot.offsets
				.slice(0, -1)
				.map((from, row) => snapshot.content.toString("utf8", from, snapshot.offsets[row + 1]).trim());
			expect(rows).to.deep.equal([ROW, quoted]);
		}
	});

	it("reads gzip, whatever the name", () => {
		const text = `${HEADER}\n${ROW}\n`;
		const plain = open("2024-10-12.csv", text);
		for (const name of ["2024-10-12.csv.gz", "2024-10-12-gzipped.csv"]) {
			const { snapshot, version } = open(name, gzipSync(text), [plain.version]);
			expect(version).to.deep.equal(plain.version);
			expect(snapshot.content.toString("utf8")).to.equal(text);
		}
	});

	it("keeps its version when it is opened again", () => {
		const first = open("export.csv", `${HEADER}\n${ROW}\n`);
		utimesSync(join(directory, "export.csv"), 1, 1);
		expect(openSnapshot(join(directory, "export.csv"), [first.version]).version).to.deep.equal(first.version);
		const second = open("export.csv", `${HEADER}\n${ROW.replace("King", "Kitsap")}\n`, [first.version]);
		expect(second.version.rowsUpdatedAt).to.equal(first.version.rowsUpdatedAt + DAY);
		expect(second.snapshot.rowsUpdatedAt).to.equal(second.version.rowsUpdatedAt);
	});

	it("may lack a column or have one too many", () => {
		const drifted = `${HEADER.replace("County", "Shire")},Colour\n${ROW},red\n`;
		expect(open("drifted.csv", drifted).snapshot.header).to.include.members(["Shire", "Colour"]);
	});

	const refused: [string, string, string | Buffer | undefined, RegExp][] = [
		["is not there", "absent.csv", undefined, /absent\.csv is not there; give the path of a CSV export/],
		["is empty", "empty.csv", "", /empty\.csv is empty; download the export again/],
		["is empty and called .gz", "nothing.csv.gz", "", /nothing\.csv\.gz is empty/],
		["is empty inside", "empty.gz", gzipSync(""), /empty\.gz is empty/],
		["is called .gz and is none", "text.csv.gz", `${HEADER}\n${ROW}\n`, /text\.csv\.gz is not a gzip file/],
		[
			"breaks off inside its gzip",
			"cut.csv.gz",
			gzipSync(`${HEADER}\n${ROW}\n`).subarray(0, 60),
			/cut\.csv\.gz cannot be uncompressed: unexpected end of file/,
		],
		[
			"is of another dataset",
			"cats.csv",
			"Name,Colour\nTom,grey\n",
			/cats\.csv is not an export.*of its 17 columns it has 0/,
		],
		[
			"is a web page",
			"page.csv",
			"<!doctype html>\n<html><body>Sign in</body></html>\n",
			/page\.csv is not an export of Electric Vehicle Population Data/,
		],
		[
			"does not tell vehicles apart",
			"keyless.csv",
			`${HEADER.replace("DOL Vehicle ID", "Number")}\n${ROW}\n`,
			/keyless\.csv lacks the column DOL Vehicle ID/,
		],
		["has a header alone", "header.csv", `${HEADER}\n`, /header\.csv has a header and no rows/],
		["has not even a line break", "line.csv", HEADER, /line\.csv has a header and no rows/],
		[
			"has an open quote in its header",
			"quote.csv",
			`"${HEADER}\n${ROW}\n`,
			/quote\.csv is not a CSV file: its first line/,
		],
	];
	for (const [what, name, content, message] of refused)
		it(`is refused when it ${what}`, () => {
			const path = content === undefined ? join(directory, name) : file(name, content);
			expect(() => openSnapshot(path, [])).to.throw(message);
		});

	it("is refused when it is a folder", () => {
		expect(() => openSnapshot(directory, [])).to.throw(/cannot be read: EISDIR/);
	});
});

describe("the made-up sample", () => {
	/** Values by vehicle, as the pipeline would read them. */
	const register = (month: number, vehicles = 3_000) => {
		const { content, rowsUpdatedAt } = makeSample(month, vehicles);
		const { header, offsets } = createSnapshot({ name: "sample", dataset: "sample", rowsUpdatedAt, content });
		const read = createRowReader("csv", header);
		const rows = offsets.slice(0, -1).map((from, row) => {
			const line = content.toString("utf8", from, offsets[row + 1]).trimEnd();
			return { line, values: splitCsv(line)!, row: read(Buffer.from(line)) };
		});
		return { header, rows, byKey: new Map(rows.map(({ values }) => [values[0]!, values])) };
	};
	const share = (part: number, whole: number) => part / whole;

	it("has the same bytes for the same month", () => {
		for (const month of [0, 7]) {
			const [first, second] = [makeSample(month, 500), makeSample(month, 500)];
			expect(first.content.equals(second.content)).to.equal(true);
			expect(first.rowsUpdatedAt)
				.to.equal(second.rowsUpdatedAt)
				.and.to.equal(Date.UTC(2024, month, 1) / 1000);
		}
		expect(makeSample(0, 500).content.equals(makeSample(1, 500).content)).to.equal(false);
	});

	it("has the source's columns in each row", () => {
		for (const month of [0, 5]) {
			const { header, rows } = register(month);
			expect(matchHeader(header)).to.deep.include({ missing: [], unknown: [] });
			for (const { row, line } of rows) expect(row, line).to.not.have.property("reason");
		}
	});

	it("has each vehicle once", () => {
		for (const month of [0, 5]) {
			const { rows, byKey } = register(month);
			expect(byKey.size).to.equal(rows.length);
		}
		expect(register(0).rows).to.have.length(3_000);
	});

	it("adds, removes and returns a few vehicles each month", () => {
		const [before, after, later] = [register(4).byKey, register(5).byKey, register(6).byKey];
		const keys = [...before.keys()];
		const gone = keys.filter((key) => !after.has(key));
		expect(share(gone.length, keys.length)).to.be.within(0.01, 0.06);
		expect(
			gone.some((key) => later.has(key)),
			"someone came back",
		).to.equal(true);
		const fresh = [...after.keys()].filter((key) => !before.has(key));
		expect(share(fresh.length, keys.length)).to.be.within(0.01, 0.1);
		const moved = keys.filter((key) => after.has(key) && after.get(key)![3] !== before.get(key)![3]);
		expect(share(moved.length, keys.length)).to.be.within(0.001, 0.03);
	});

	it("is geocoded again every third month only", () => {
		const point = SOURCE_COLUMNS.findIndex((column) => column.kind === "point");
		const [first, second, third, fourth] = [0, 1, 2, 3].map((month) => register(month).byKey);
		const regeocoded = (a: Map<string, string[]>, b: Map<string, string[]>) => {
			const stayed = [...a.keys()].filter((key) => b.has(key) && b.get(key)![3] === a.get(key)![3]);
			return share(stayed.filter((key) => a.get(key)![point] !== b.get(key)![point]).length, stayed.length);
		};
		expect(regeocoded(first!, second!)).to.be.below(0.01);
		expect(regeocoded(second!, third!)).to.be.below(0.01);
		expect(regeocoded(third!, fourth!)).to.be.above(0.9);
	});

	it("has quotes, accents, leading zeros and missing values", () => {
		const text = makeSample(0).content.toString("utf8");
		expect(text)
			.to.match(/"Suffern, NY"/)
			.and.to.match(/Doña Ana/)
			.and.to.match(/,0901,/)
			.and.to.match(/,,,BC,,/);
	});

	it("works with very few vehicles", () => {
		expect(register(3, 5).rows.length).to.be.within(1, 5);
	});
});
