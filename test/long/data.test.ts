/** Loads the real snapshots in order with `npm run local`. The expected counts were computed from the files' text. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { unpack } from "../../page/pack";
import { type LocalFolder, localFolder } from "../support/local";
import { readParquet } from "../support/parquet";
import { programOf } from "../support/program";
import { rawFigures, readSnapshot } from "../support/raw-figures";
import { expectExactCounts } from "../support/snapshot-counts";

const DATA = resolve(__dirname, "../../../shared/data");
const DATES = ["2024-03-15", "2024-05-21", "2024-08-08", "2024-10-12"];
const FILES = DATES.map((date) => join(DATA, `ev-population-${date}.csv.gz`));

/** Rows, added, returned, removed, changed, only the point changed, unchanged. */
const COUNTS = [
	[177_866, 177_866, 0, 0, 0, 0, 0],
	[181_458, 7_142, 0, 3_550, 1_259, 80_701, 92_356],
	[194_232, 18_775, 1_797, 7_798, 5_301, 89_704, 78_655],
	[205_439, 14_975, 2_532, 6_300, 2_851, 0, 185_081],
];
/** BEV, PHEV, Tesla, King County in WA, not WA, sum of range, sum of MSRP. */
const FIGURES = [
	[139_210, 38_656, 79_659, 92_740, 389, 10_466_020, 190_869_670],
	[141_973, 39_485, 80_819, 94_460, 398, 10_493_111, 188_759_280],
	[152_179, 42_053, 85_320, 100_061, 432, 10_650_691, 190_098_870],
	[161_539, 43_900, 90_318, 105_237, 442, 10_716_173, 189_545_130],
];
const FIGURES_QUERY = `
	select count(*) filter (where vehicle_type = 'BEV')::int as bev,
		count(*) filter (where vehicle_type = 'PHEV')::int as phev,
		count(*) filter (where make = 'TESLA')::int as tesla,
		count(*) filter (where county = 'King' and state = 'WA')::int as king,
		count(*) filter (where state is distinct from 'WA')::int as elsewhere,
		sum(electric_range_miles)::int as range,
		sum(base_msrp_usd)::int as msrp
	from ev.current_vehicles`;

/** Vehicles in another county, of another model, and in another cell than in the snapshot before, from the files' text. */
const MOVED = [
	[0, 0, 0],
	[555, 0, 555],
	[1_970, 983, 2_939],
	[1_264, 0, 1_264],
];
const MOVED_QUERY = `
	select (select count(*)::int from ev.moves where snapshot_at = s.snapshot_at) as county,
		(select count(*)::int from ev.vehicle_changes
		 where changed_at = s.snapshot_at and kind = 'changed' and old ? 'model') as model,
		(select sum(moved_in)::int from ev.snapshot_counts as c where c.snapshot_at = s.snapshot_at) as cell
	from ev.snapshots as s
	order by snapshot_at`;

/** What a register holds of its vehicles, as one hash. @param of the relation that it is read from */
const registerHash = (of: string) => `
	select count(*)::int as vehicles, md5(string_agg(row::text, '' order by dol_vehicle_id)) as hash
	from (
		select dol_vehicle_id, vin_prefix, county, city, state, postal_code, model_year, make, model, vehicle_type,
			cafv_eligibility, electric_range_miles, base_msrp_usd, legislative_district, electric_utilities, census_tract, first_seen_at
		from ${of}
	) as row`;

describe("the four real snapshots", function () {
	this.timeout(300_000);
	let folder: LocalFolder;
	let record: string[];
	const registers: unknown[] = [];
	const run = (...args: string[]) => folder.run("--json", ...record, ...args);

	before(async function () {
		if (!existsSync(FILES[0]!)) {
			console.log("      (skipped: ../shared/data does not have them)");
			this.skip();
		}
		record = ["--record", (await programOf("dev")).directory];
		folder = localFolder();
	});
	after(() => folder?.remove());

	for (const [index, date] of DATES.entries())
		it(`counts every row of ${date} and stores its values`, async () => {
			const { results, stderr } = await run("--source", FILES[index]!);
			const [result] = results;
			expect(result, stderr).to.include({ status: "loaded", duplicates: 0, rejected: 0 });
			const names = ["rows", "added", "returned", "removed", "changed", "regeocoded", "unchanged"];
			expect(names.map((name) => result![name])).to.deep.equal(COUNTS[index]);
			for (const name of ["extract", "load", "report"]) expect(result!.peakRssMb[name], `${name}, MB`).to.be.below(200);
			expect(result!.peakRssMb.export, "export, MB").to.be.below(250);
			const [figures, noted] = await folder.query(
				"f6w7-q2d2",
				FIGURES_QUERY,
				"select from ev.runs where notes <> '{}'",
			);
			expect(Object.values(figures![0]!)).to.deep.equal(FIGURES[index]);
			registers.push(await folder.query("f6w7-q2d2", registerHash("ev.current_vehicles")));
			expect(noted, "notes: words for missing values, columns without values").to.deep.equal([]);
		});

	it("remembers the register of each snapshot", async () => {
		for (const [index, date] of DATES.entries())
			expect(await folder.query("f6w7-q2d2", registerHash(`ev.vehicles_at('${date} 00:00Z')`))).to.deep.equal(
				registers[index],
			);
	});

	it("counts every vehicle of every cell, and where it came from", async () => {
		await expectExactCounts(async (sql) => (await folder.query("f6w7-q2d2", sql))[0] as never[]);
		const [moved] = await folder.query("f6w7-q2d2", MOVED_QUERY);
		expect(moved!.map(Object.values)).to.deep.equal(MOVED);
	});

	it("shows on the page, and gives to take along, what the files' text gives", async () => {
		const site = join(folder.path, ".local/f6w7-q2d2/site");
		const page = readFileSync(join(site, "index.html"), "utf8");
		const snapshots = DATES.map((date, index) => readSnapshot(FILES[index]!, new Date(`${date}T00:00Z`)));
		const raw = rawFigures("f6w7-q2d2", snapshots);
		const { files, ...figures } = unpack(/id="figures">(.*?)<\/script>/s.exec(page)![1]!);
		expect({ ...figures, files: [] }).to.deep.equal(raw);
		expect(page).to.include('<p class="total">205,439</p>');

		expect(files.map(({ path }) => path)).to.include.members(["data/vehicles.parquet", "data/counts.parquet"]);
		for (const { path, bytes } of files) expect(statSync(join(site, path)).size, path).to.equal(bytes);
		const vehicles = await readParquet(readFileSync(join(site, "data/vehicles.parquet")));
		const sum = (of: (vehicle: Record<string, unknown>) => unknown) =>
			vehicles.reduce((total, vehicle) => total + Number(of(vehicle)), 0);
		expect([
			sum(({ vehicle_type }) => vehicle_type === "BEV"),
			sum(({ vehicle_type }) => vehicle_type === "PHEV"),
			sum(({ make }) => make === "TESLA"),
			sum(({ county, state }) => county === "King" && state === "WA"),
			sum(({ state }) => state !== "WA"),
			sum(({ electric_range_miles: range }) => range ?? 0),
			sum(({ base_msrp_usd: price }) => price ?? 0),
		]).to.deep.equal(FIGURES.at(-1));
		const counts = await readParquet(readFileSync(join(site, "data/counts.parquet")));
		const perSnapshot = Map.groupBy(counts, ({ snapshot_at: at }) => (at as Date).toISOString().slice(0, 10));
		expect(
			[...perSnapshot].map(([, cells]) => cells.reduce((total, cell) => total + Number(cell.vehicles), 0)),
		).to.deep.equal(COUNTS.map(([rows]) => rows));
	});

	it("rewrites no row of ev.vehicles when it loads a file again", async () => {
		const last = FILES.at(-1)!;
		const versions = "select md5(string_agg(ctid::text || xmin::text, '' order by ctid)) from ev.vehicles";
		const before = await folder.query("f6w7-q2d2", versions);
		expect((await run("--source", last)).results[0]).to.include({ status: "unchanged", rows: 205_439 });
		expect((await run("--source", last, "--reload")).results[0]).to.include({
			status: "loaded",
			unchanged: 205_439,
			added: 0,
			changed: 0,
			regeocoded: 0,
			removed: 0,
		});
		expect(await folder.query("f6w7-q2d2", versions)).to.deep.equal(before);
	});

	it("stores the same rows from JSON as from CSV", async () => {
		const others = [localFolder(), localFolder()];
		try {
			const vehicles =
				"select md5(string_agg((to_jsonb(v) - 'row_hash')::text, '' order by dol_vehicle_id)) from ev.vehicles v";
			const hashes = [];
			for (const [index, format] of ["csv", "json"].entries()) {
				const args = ["--json", "--source", FILES.at(-1)!, "--format", format];
				const { results } = await others[index]!.run(...args);
				expect(results[0]).to.include({ status: "loaded", added: 205_439 });
				hashes.push(await others[index]!.query("f6w7-q2d2", vehicles));
			}
			expect(hashes[0]).to.deep.equal(hashes[1]);
		} finally {
			for (const other of others) other.remove();
		}
	});
});
