/** The small inputs that people's tools produce, at ../shared/data/field: each ends as its README says, in csv and json. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { openSnapshot } from "../../local/source/snapshot";
import { testBed } from "../support/bed";
import { createFileLoader, type FileLoader } from "../support/files";

const DATA = resolve(__dirname, "../../../shared/data");
const FIELD = join(DATA, "field");

for (const format of ["csv", "json"] as const)
	describe(`the field inputs in ${format}`, function () {
		this.timeout(60_000);
		let loader: FileLoader;

		before(function () {
			if (existsSync(FIELD)) return;
			console.log("      (they are not on this machine, at ../shared/data/field)");
			this.skip();
		});
		beforeEach(async () => {
			loader = await createFileLoader(await testBed(), format);
		});

		const load = (name: string) => loader.load(join(FIELD, name));
		const refused = async (name: string): Promise<string> => {
			const before = await loader.database.contents();
			const message = await load(name).then(
				() => "",
				(error: Error) => `${error.name}: ${error.message}`,
			);
			expect(await loader.database.contents(), "nothing changed").to.deep.equal(before);
			return message;
		};
		const base = () => load("base_20250101.csv");

		it("base: 40 vehicles; the same rows under a later date: no new snapshot", async () => {
			expect(await base()).to.include({ status: "loaded", rows: 40, added: 40 });
			const before = await loader.database.contents();
			expect(await load("base_20250301.csv")).to.include({ status: "unchanged", rows: 40 });
			expect(await loader.database.contents()).to.deep.equal(before);
		});

		it("scitract: tracts as numbers are never stored", async () => {
			await base();
			expect(await refused("scitract_20250201.csv")).to.match(
				/^TooManyRejects: 40 of 40 rows do not fit.*2020 Census Tract/,
			);
		});

		for (const name of ["tok_na_20250201.csv", "tok_nullword_20250201.csv"])
			it(`${name}: a word for a missing value is a blank`, async () => {
				await base();
				expect(await load(name)).to.include({ unchanged: 39, changed: 1, rejected: 0 });
				const words = await loader.database.query(
					"select 1 from ev.vehicles where lower(county) in ('na', 'null') or electric_utilities && '{NA,NULL,na,null}'",
				);
				expect(words).to.deep.equal([]);
			});

		it("regions: refused, with the names of the file", async () => {
			await base();
			expect(await refused("regions_20250201.csv"))
				.to.match(/^SchemaDrift: /)
				.and.include('"Counties", "Congressional Districts", "WAOFM - GIS - Legislative District Boundary"');
		});

		it("cronly: refused for its line ends", async () => {
			await base();
			expect(await refused("cronly_20250201.csv")).to.match(/has lines that end in CR alone; save it/);
		});

		for (const name of ["blankline_20250201.csv", "sep_20250201.csv"])
			it(`${name}: read over its first line`, async () => {
				await base();
				const result = await load(name);
				expect(result).to.include({ status: "loaded", rows: 40, unchanged: 40 });
				expect(result.fileNotes).to.have.length(1);
			});

		it("20250229: refused for its date", async () => {
			await base();
			expect(await refused("base_20250229.csv")).to.match(/The date 20250229 .* does not exist in the calendar/);
		});

		it("bigheaders: header lines are no vehicles, and 1 is removed", async () => {
			expect(await load("big_20250101.csv.gz")).to.include({ added: 4000 });
			expect(await load("bigheaders_20250201.csv.gz")).to.include({ unchanged: 3999, removed: 1, rejected: 0 });
		});
	});

describe("the real snapshots", function () {
	this.timeout(60_000);
	for (const [date, rows] of [
		["2024-03-15", 177_866],
		["2024-05-21", 181_458],
		["2024-08-08", 194_232],
		["2024-10-12", 205_439],
	] as const)
		it(`of ${date} has ${rows.toLocaleString("en-US")} rows, and nothing to say`, function () {
			const path = join(DATA, `ev-population-${date}.csv.gz`);
			if (!existsSync(path)) return this.skip();
			const { snapshot, notes } = openSnapshot(path, []);
			expect(snapshot.lines).to.have.length(rows);
			expect(notes).to.deep.equal([]);
		});
});
