/** The data files as people's tools read them: DuckDB and pandas, where Python has them. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "chai";
import { type LocalFolder, localFolder } from "../support/local";
import { programOf } from "../support/program";
import { REAL_DATES, REAL_SNAPSHOTS } from "../support/real-snapshots";

/** What DuckDB and pandas find in the file of vehicles: types, and sums. */
const READ = `
import gzip, json, sys
import duckdb, pandas
folder = sys.argv[1]
file = folder + "/vehicles.parquet"
duckdb.sql("set timezone = 'UTC'")
types = {name: kind for name, kind, *_ in duckdb.sql(f"describe select * from '{file}'").fetchall()}
sums = duckdb.sql(f"""
	select count(*), count(*) filter (vehicle_type = 'BEV'), count(*) filter (county = 'King' and state = 'WA'),
		sum(electric_range_miles)::bigint, sum(base_msrp_usd)::bigint,
		count(*) filter (len(electric_utilities) > 1), max(first_seen_at)::varchar
	from '{file}'""").fetchall()[0]
frame = pandas.read_parquet(file)
csv = pandas.read_csv(folder + "/vehicles.csv.gz", dtype={"postal_code": str, "census_tract": str})
counts = pandas.DataFrame(json.load(gzip.open(folder + "/counts.json.gz")))
cube = duckdb.sql(f"select sum(vehicles)::bigint from '{folder}/counts.parquet' where snapshot_at = (select max(snapshot_at) from '{folder}/counts.parquet')").fetchall()[0][0]
print(json.dumps({
	"types": types, "sums": sums,
	"pandas": [len(frame), str(frame.first_seen_at.dtype), str(frame.dol_vehicle_id.dtype), int(frame.electric_range_miles.sum())],
	"csv": [len(csv), int(csv.electric_range_miles.sum()), int(csv.postal_code.dropna().str.len().max()), str(csv.in_first_snapshot.dtype)],
	"counts": [int(counts[counts.snapshot_at == counts.snapshot_at.max()].vehicles.sum()), cube],
	"changes": duckdb.sql(f"select count(*) from '{folder}/changes.parquet' where kind = 'removed' and json_extract_string(old, '$.make') is null").fetchall()[0][0],
}))
`;
const TYPES = {
	dol_vehicle_id: "BIGINT",
	postal_code: "VARCHAR",
	census_tract: "VARCHAR",
	model_year: "SMALLINT",
	electric_range_miles: "INTEGER",
	electric_utilities: "VARCHAR[]",
	longitude: "DOUBLE",
	first_seen_at: "TIMESTAMP WITH TIME ZONE",
	in_first_snapshot: "BOOLEAN",
};

interface Answer {
	types: Record<string, string>;
	sums: [rows: number, bev: number, king: number, range: number, msrp: number, several: number, latest: string];
	pandas: [rows: number, time: string, key: string, range: number];
	csv: [rows: number, range: number, zip: number, inFirst: string];
	counts: [json: number, parquet: number];
	changes: number;
}

describe("the data files in Python", function () {
	this.timeout(120_000);
	let folder: LocalFolder;
	let record: string[];

	before(async function () {
		const has = spawnSync("python3", ["-c", "import duckdb, pandas, pyarrow"]);
		if (has.status !== 0) {
			console.log("      (skipped: python3 does not have duckdb, pandas and pyarrow)");
			this.skip();
		}
		record = ["--record", (await programOf("dev")).directory];
		folder = localFolder();
	});
	after(() => folder?.remove());

	const read = (dataset: string): Answer => {
		const site = join(folder.path, ".local", dataset, "site/data");
		const { stdout, stderr, status } = spawnSync("python3", ["-c", READ, site], { encoding: "utf8" });
		expect(status, stderr).to.equal(0);
		return JSON.parse(stdout);
	};

	it("have the types and the sums of the sample", async () => {
		const { results, stderr } = await folder.run("--json", ...record);
		expect(results[0], stderr).to.include({ status: "loaded" });
		const { types, sums, pandas, csv, counts } = read("sample");
		expect(types).to.include(TYPES);
		const { rows } = results[0]!;
		expect([sums[0], pandas[0], csv[0], ...counts]).to.deep.equal([rows, rows, rows, rows, rows]);
		expect(pandas.slice(1, 3)).to.deep.equal(["datetime64[ms, UTC]", "int64"]);
		expect([pandas[3], csv[1]]).to.deep.equal([sums[3], sums[3]]);
		expect(csv[2], "digits of a ZIP code").to.equal(5);
		expect(csv[3], "type of in_first_snapshot").to.equal("bool");
	});

	it("have the sums of a real snapshot", async function () {
		if (!REAL_SNAPSHOTS) return this.skip();
		const { results } = await folder.run("--json", ...record, "--source", REAL_SNAPSHOTS[3]!.path);
		expect(results[0]).to.include({ status: "loaded" });
		const { sums } = read("f6w7-q2d2");
		const latest = `${REAL_DATES[3]} 00:00:00+00`;
		expect(sums).to.deep.equal([205_439, 161_539, 105_237, 10_716_173, 189_545_130, 156_253, latest]);
	});
});
