/** CSV exports on this machine: what is read, which version each file goes by, and in which order several are loaded. */

import { utimesSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { describeOrder, type KnownVersion, openSnapshot, openSnapshots } from "../../../local/source/snapshot";
import { exportLine, exportLines, exportOf, HEADER, NAMES, useFolder } from "../../support/files";
import { vehicle, vehicles } from "../../support/snapshots";

const seconds = (date: string) => Date.parse(`${date}T00:00:00Z`) / 1000;
const ROW = exportLine(vehicle(1));

describe("a file of rows", () => {
	const folder = useFolder();
	const open = (name: string, content: string | Buffer, known: KnownVersion[] = []) =>
		openSnapshot(folder.write(name, content), known);

	it("is read row by row, with any line breaks and with a byte-order mark", () => {
		const quoted = exportLine(vehicle(2, { city: "Sea\nttle" }));
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
			expect(snapshot.header).to.deep.equal(NAMES);
			const rows = snapshot.offsets
				.slice(0, -1)
				.map((from, row) => snapshot.content.toString("utf8", from, snapshot.offsets[row + 1]).trim());
			expect(rows).to.deep.equal([ROW, quoted]);
			expect(snapshot.lines).to.deep.equal([2, 3]);
		}
	});

	it("is the same snapshot gzipped, whether its name says so or not", () => {
		const text = `${HEADER}\n${ROW}\n`;
		const plain = open("2024-10-12.csv", text);
		for (const name of ["2024-10-12.csv.gz", "2024-10-12-gzipped.csv"])
			for (const content of [gzipSync(text), gzipSync(gzipSync(text))]) {
				const { snapshot, version } = open(name, content, [plain.version]);
				expect(version).to.deep.equal(plain.version);
				expect(snapshot.content.toString("utf8")).to.equal(text);
			}
	});

	it("may lack a column or have one too many: that is for the pipeline to find", () => {
		const drifted = `${HEADER.replace("County", "Shire")},Colour\n${ROW},red\n`;
		expect(open("2024-10-12.csv", drifted).snapshot.header).to.include.members(["Shire", "Colour"]);
	});

	it("may have a header in another case and with other spaces", () => {
		const spelled = [HEADER.toLowerCase(), HEADER.toUpperCase(), HEADER.replace(/[^,\w]/g, "_")];
		for (const header of [
			...spelled,
			HEADER.replace(/[^,\w]/g, "."),
			`"${NAMES.join('","')}"`,
			NAMES.map((name) => ` ${name}\u00a0`).join(","),
		])
			expect(open("2024-10-12.csv", `${header}\n${ROW}\n`).snapshot.lines, header).to.have.length(1);
	});
});

describe("a file's version", () => {
	const folder = useFolder();
	const text = exportOf(vehicles(1, 3));

	it("says where its date comes from", () => {
		const undated = folder.write("export.csv", text);
		const modified = seconds("2024-06-01") + 5;
		utimesSync(undated, modified, modified);
		expect(openSnapshot(folder.write("20241012.csv", text), []).dated).to.equal("12 October 2024 (dated by its name)");
		expect(openSnapshot(undated, [], { date: "2024-10-12" })).to.deep.include({
			dated: "12 October 2024 (dated by --date)",
			version: { ...openSnapshot(folder.path("20241012.csv"), []).version },
		});
		expect(openSnapshot(undated, []).dated).to.equal(
			"1 June 2024, 00:00:05 UTC (dated by the file's modification time)",
		);
	});

	it("stays for content seen before, and says so", () => {
		const first = openSnapshot(folder.write("20241012.csv", text), []);
		const again = openSnapshot(folder.write("20250101.csv", text), [first.version]);
		expect(again.version).to.deep.equal(first.version);
		expect(again.snapshot.rowsUpdatedAt).to.equal(seconds("2024-10-12"));
		expect(again.dated).to.equal(
			"12 October 2024 (the date that the same content had before, and not 1 January 2025, dated by its name)",
		);
		const undated = folder.write("export.csv", text);
		utimesSync(undated, 1, 1);
		expect(openSnapshot(undated, [first.version])).to.deep.include({
			version: first.version,
			dated: "12 October 2024 (the date that the same content had before)",
		});
	});

	it("does not save a date that does not exist", () => {
		const first = openSnapshot(folder.write("20241012.csv", text), []);
		expect(() => openSnapshot(folder.write("20250229.csv", text), [first.version])).to.throw(/does not exist/);
	});
});

describe("several files", () => {
	const folder = useFolder();
	const write = (day: string, to: number) => folder.write(`ev_${day}.csv`, exportOf(vehicles(1, to)));
	const days = (paths: string[], known: KnownVersion[] = []) =>
		openSnapshots(paths, known).map(({ snapshot }) => snapshot.name.slice(3, 13));

	it("are loaded in the order of their dates, and it is said", () => {
		const [later, earlier] = [write("2024-11-12", 2), write("2024-10-12", 3)];
		const opened = openSnapshots([later, earlier], []);
		expect(opened.map(({ snapshot }) => snapshot.name)).to.deep.equal(["ev_2024-10-12.csv", "ev_2024-11-12.csv"]);
		expect(describeOrder([later, earlier], opened)).to.equal(
			"The files are loaded in order of their dates: ev_2024-10-12.csv of 12 October 2024 (dated by its name); then ev_2024-11-12.csv of 12 November 2024 (dated by its name).",
		);
	});

	it("are not mentioned where they are given in order", () => {
		const paths = [write("2024-10-12", 3), write("2024-11-12", 2)];
		expect(describeOrder(paths, openSnapshots(paths, []))).to.equal(undefined);
	});

	it("with the same content are one version, the earlier", () => {
		const opened = openSnapshots([write("2024-11-12", 3), write("2024-10-12", 3)], []);
		expect(opened.map(({ version }) => version.rowsUpdatedAt)).to.deep.equal([
			seconds("2024-10-12"),
			seconds("2024-10-12"),
		]);
	});

	it("of one day follow each other by a second", () => {
		const others = [folder.write("a_20241012.csv", exportOf(vehicles(1, 4))), write("2024-10-12", 3)];
		expect(openSnapshots(others, []).map(({ version }) => version.rowsUpdatedAt)).to.deep.equal([
			seconds("2024-10-12"),
			seconds("2024-10-12") + 1,
		]);
	});

	it("are ordered by the version that content has already", () => {
		const [known, other] = [write("2024-10-12", 3), write("2024-11-12", 2)];
		const before = openSnapshot(known, []).version;
		const later = write("2024-12-12", 3);
		expect(days([other, later], [before])).to.deep.equal(["2024-12-12", "2024-11-12"]);
	});

	it("take no --date", () => {
		const paths = [write("2024-10-12", 3), write("2024-11-12", 2)];
		expect(() => openSnapshots(paths, [], { date: "2024-10-12" })).to.throw(/^--date is the day of one file/);
	});
});

describe("lines that are no rows", () => {
	const folder = useFolder();
	const lines = exportLines(1, 4);
	const open = (parts: string[]) => openSnapshot(folder.write("20241012.csv", `${parts.join("\n")}\n`), []);
	const EMPTY = ",".repeat(NAMES.length - 1);
	const FIELD_HEADER =
		'"dol_vehicle_id","vin_1_10","county","city","state","zip_code","model_year","make","model","ev_type","cafv_type","electric_range","base_msrp","legislative_district","geocoded_column","electric_utility","_2020_census_tract"';
	const dropped: [string, string][] = [
		["a header", HEADER],
		["a header of field names", FIELD_HEADER],
		["a header with a byte-order mark", `\ufeff${HEADER}`],
		["a quoted header with a byte-order mark", `\ufeff${FIELD_HEADER}`],
		["a header in another case", HEADER.toLowerCase()],
		["an empty row", EMPTY],
		["an empty row of another width", ",,,,"],
		["a row of empty quotes", `""${EMPTY}`],
		["a row of spaces", ` ,\t,${EMPTY.slice(2)}\u00a0`],
		["a line of spaces", " \t "],
		["DOS's end of a file", "\x1a"],
		["an empty line", ""],
		["an empty line that ends in CRLF", "\r"],
		["a spreadsheet's sep=", "sep=,"],
	];
	for (const [what, line] of dropped)
		it(`are dropped and counted where there is ${what}`, () => {
			const { snapshot, notes } = open([HEADER, lines[0]!, line, lines[1]!, lines[2]!, line, line, lines[3]!, line]);
			const rows = snapshot.lines.map((_, row) =>
				snapshot.content.toString("utf8", snapshot.offsets[row], snapshot.offsets[row + 1]).trim(),
			);
			expect(rows).to.deep.equal(lines);
			expect(snapshot.lines).to.deep.equal([2, 4, 5, 8]);
			expect(notes).to.have.length(1);
			expect(notes[0]).to.match(
				/^20241012\.csv: [34] (header|empty) lines among the rows were dropped, the first on line 3\.$/,
			);
		});

	for (const [what, beginning] of [
		["an empty line", "\n"],
		["several empty lines", "\r\n , \n\n"],
		["a spreadsheet's sep=,", "sep=,\r\n"],
		["a quoted sep=, after a byte-order mark", '\ufeff"sep=,"\n'],
	] as const)
		it(`are read over where a file begins with ${what}`, () => {
			const before = beginning.split("\n").length - 1;
			const { snapshot, notes } = openSnapshot(
				folder.write("20241012.csv", `${beginning}${exportOf(vehicles(1, 4))}`),
				[],
			);
			expect(snapshot.lines).to.deep.equal([2, 3, 4, 5].map((line) => line + before));
			expect(notes).to.have.length(before);
			expect(notes[0]).to.match(/^20241012\.csv: line 1 is (empty|a spreadsheet's sep=,) and was read over\.$/);
		});

	it("are no lines: a byte-order mark before a row", () => {
		const { snapshot } = open([HEADER, lines[0]!, `\ufeff${lines[1]}`, ",", lines[2]!]);
		const { content, offsets } = snapshot;
		expect(content.toString("utf8", offsets[0])).to.equal(`${lines.slice(0, 3).join("\n")}\n`);
		expect(content.toString("utf8", offsets[1], offsets[2])).to.equal(`${lines[1]}\n`);
		expect(snapshot.lines).to.deep.equal([2, 3, 5]);
	});

	it("are read over at the end of a file without a line break: spaces, and DOS's end of a file", () => {
		for (const end of ["\x1a", "  "])
			expect(
				openSnapshot(folder.write("20241012.csv", `${exportOf(vehicles(1, 4))}${end}`), []).snapshot.lines,
			).to.have.length(4);
	});

	it("stop the file where a later header has another order", () => {
		const [first, second, ...rest] = NAMES;
		const other = [second, first, ...rest].join(",");
		expect(() => open([HEADER, lines[0]!, other, lines[1]!])).to.throw(
			/second header on line 3 with other columns, or in another order; split it there/,
		);
		expect(() => open([HEADER, lines[0]!, rest.join(","), lines[1]!])).to.throw(/second header on line 3/);
	});
});

describe("a vehicle with several rows", () => {
	const folder = useFolder();
	const open = (keys: number[], accept: string[] = []) =>
		openSnapshot(folder.write("20241012.csv", exportOf(keys.map((key) => vehicle(key)))), [], { accept });

	it("has the file refused, with how many there are", () => {
		expect(() => open([1, 2, 3, 2])).to.throw(
			/20241012\.csv has 1 vehicle more than once, for example 2 on lines 3 and 5; remove .* --accept SourceIncomplete\.$/,
		);
		expect(() => open([1, 2, 3, 2, 3, 3, 4])).to.throw(
			/has 2 vehicles more than once, for example 2 on lines 3 and 5;/,
		);
	});

	it("is left to the pipeline where it is accepted", () => {
		expect(open([1, 2, 3, 2], ["SourceIncomplete"]).snapshot.lines).to.have.length(4);
		expect(() => open([1, 2, 3, 2], ["TooManyRejects"])).to.throw(/more than once/);
	});
});
