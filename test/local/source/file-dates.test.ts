/** The date of a file and where it comes from; the version of its content; the order of several files. */

import { expect } from "chai";
import { dateOf, describeVersion, type KnownVersion, versionOf } from "../../../local/source/file-dates";

const seconds = (date: string) => Date.parse(`${date}T00:00:00Z`) / 1000;
/** The same day everywhere east of Greenwich, and yesterday west of it. */
const NOW = new Date("2025-03-05T06:00:00Z");
const MODIFIED = seconds("2024-02-02") + 3_600.5;

const date = (name: string, options: { date?: string; modifiedAt?: number } = {}) =>
	dateOf({ path: `exports/${name}`, name, modifiedAt: MODIFIED, now: NOW, ...options });

describe("a file's date", () => {
	it("is the day in its name", () => {
		for (const name of [
			"2024-10-12.csv",
			"ev_20241012.csv.gz",
			"Electric_Vehicle-2024-10-12 (1).csv",
			"v2-20241012",
			"ev.2024.10.12.csv",
			"ev_2024_10_12_final.csv",
			"20241012T093000Z.csv",
			"20241012-again-2024-10-12.csv",
		])
			expect(date(name), name).to.deep.equal({ seconds: seconds("2024-10-12"), origin: "dated by its name" });
		expect(date("2024-2-29.csv").seconds).to.equal(seconds("2024-02-29"));
	});

	it("is the time of modification where the name has none", () => {
		for (const name of ["export.csv", "Electric_Vehicle_Population_Data (1).csv", "v2.csv", "part-12.csv"])
			expect(date(name), name).to.deep.equal({
				seconds: seconds("2024-02-02") + 3_600,
				origin: "dated by the file's modification time",
			});
	});

	it("is refused where a name seems to hold one that cannot be read", () => {
		for (const name of [
			"120241012.csv",
			"202410123.csv",
			"2024-10.csv",
			"15-12-2024.csv",
			"1-Dec-2024.csv",
			"export 2024 12 15.csv",
			"241215.csv",
		])
			expect(() => date(name), name).to.throw(/seems to hold a date, but .* is no day as 2024-10-12 is; give .*--date/);
		expect(date("20241012093000.csv").origin, "a day with its time").to.equal("dated by its name");
	});

	it("is what --date says, whatever the name says", () => {
		for (const [name, given] of [
			["export.csv", "2024-10-12"],
			["20230231.csv", "20241012"],
			["2020-01-01_2021-01-01.csv", "2024-10-12"],
		] as const)
			expect(date(name, { date: given }), name).to.deep.equal({
				seconds: seconds("2024-10-12"),
				origin: "dated by --date",
			});
	});

	for (const day of ["2023-02-31", "20250229", "2025-02-29", "20241312", "2024-13-12", "20240100", "2024_04_31"])
		it(`is refused where ${day} does not exist`, () => {
			expect(() => date(`ev_${day}.csv`)).to.throw(
				`The date ${day} in the name of exports/ev_${day}.csv does not exist in the calendar; give the snapshot's day with --date`,
			);
			expect(() => date("export.csv", { date: day })).to.throw(`--date ${day} does not exist in the calendar; give`);
		});

	for (const day of ["2099-01-01", "20250306"])
		it(`is refused where ${day} lies in the future`, () => {
			expect(() => date(`ev_${day}.csv`)).to.throw(/^The date \S+ in the name of \S+ lies in the future; give/);
			expect(() => date("export.csv", { date: day })).to.throw(/^--date \S+ lies in the future; give/);
		});

	it("may be today", () => {
		expect(date("2025-03-05.csv").seconds).to.equal(seconds("2025-03-05"));
	});

	it("is refused where it is older than the dataset", () => {
		expect(() => date("1999-10-12.csv")).to.throw(/older than the dataset; give/);
		expect(() => date("export.csv", { modifiedAt: 0 })).to.throw(
			/^The modification time of exports\/export.csv, 1970-01-01T00:00:00.000Z, is older than the dataset, and its name has no date; give/,
		);
	});

	it("is refused where the file was modified in the future", () => {
		expect(() => date("export.csv", { modifiedAt: seconds("2026-01-01") })).to.throw(/lies in the future; give/);
	});

	it("is refused where the name has two", () => {
		expect(() => date("ev_20241012_downloaded_20250105.csv")).to.throw(
			/has several dates, 20241012 and 20250105; say which one is right with --date\.$/,
		);
	});

	it("is refused where --date is no day", () => {
		for (const given of ["yesterday", "2024-10", "", "2024-10-12T00:00", "12.10.2024"])
			expect(() => date("export.csv", { date: given }), given).to.throw(/^--date is a day, such as 2024-10-12, not /);
	});
});

describe("a content's version", () => {
	const known: KnownVersion[] = [
		{ rowsUpdatedAt: seconds("2024-10-12"), sha256: "old" },
		{ rowsUpdatedAt: seconds("2024-11-12"), sha256: "other" },
	];

	it("is its date", () => {
		expect(versionOf("new", seconds("2024-12-12"), known)).to.equal(seconds("2024-12-12"));
	});

	it("stays, whatever date it has later", () => {
		for (const day of ["2024-10-12", "2024-12-12", "2020-01-01"])
			expect(versionOf("old", seconds(day), known), day).to.equal(seconds("2024-10-12"));
	});

	it("is the latest that an older program gave it", () => {
		const twice = [...known, { rowsUpdatedAt: seconds("2024-12-12"), sha256: "old" }];
		expect(versionOf("old", seconds("2024-10-12"), twice)).to.equal(seconds("2024-12-12"));
	});

	it("is a second later where other content has its date", () => {
		const more = [...known];
		for (const [content, later] of [
			["new", 1],
			["newer", 2],
			["new", 1],
		] as const) {
			const version = versionOf(content, seconds("2024-10-12"), more);
			expect(version, content).to.equal(seconds("2024-10-12") + later);
			more.push({ rowsUpdatedAt: version, sha256: content });
		}
	});

	it("reads as a day, with its time where there is one", () => {
		expect(describeVersion(seconds("2024-10-12"))).to.equal("12 October 2024");
		expect(describeVersion(seconds("2024-10-12") + 1)).to.equal("12 October 2024, 00:00:01 UTC");
	});
});
