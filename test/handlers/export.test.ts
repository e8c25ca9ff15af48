/** export: which files it writes, what is in them, and when. Runs the archive, which holds what encodes Parquet. */

import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import { csvParse } from "d3-dsv";
import { DESCRIPTIONS } from "../../db/comments";
import type { ExportResult } from "../../handlers/common/contract";
import type { DatabaseSecret } from "../../handlers/common/database";
import { type Bucket, openBucket } from "../../handlers/raw/bucket";
import { sha256 } from "../../handlers/raw/manifest";
import type { Invoker } from "../../local/machine/lambda";
import { invokerOf } from "../support/archives";
import { failed } from "../support/assertions";
import { type TestBed, type TestDatabase, testBed } from "../support/bed";
import { readParquet } from "../support/parquet";
import { programOf } from "../support/program";
import { vehicle, vehicles } from "../support/snapshots";

const FILES = ["vehicles.parquet", "vehicles.csv.gz", "changes.parquet", "counts.parquet", "counts.json.gz"];
const PACKAGE = "datapackage.json";

interface DataPackage {
	snapshot: string;
	resources: {
		path: string;
		format: string;
		bytes: number;
		hash: string;
		schema: { fields: { name: string; type: string; description: string }[] };
	}[];
}

describe("export", function () {
	this.timeout(60_000);
	let bed: TestBed;
	let database: TestDatabase;
	let site: Bucket;
	let exporter: Invoker;
	let buckets = 0;

	before(async () => {
		bed = await testBed();
	});
	beforeEach(async () => {
		database = await bed.newDatabase();
		const bucket = `export-${++buckets}`;
		bed.aws.createBucket(bucket);
		site = openBucket(bucket);
		const reader = `arn:reader:${database.name}`;
		bed.aws.secrets.put(reader, { ...bed.aws.secrets.get<DatabaseSecret>("arn:reader"), dbname: database.name });
		exporter = invokerOf(await programOf("dev"), "export", {
			aws: bed.aws.environment,
			environment: { SITE_BUCKET: bucket, READER_SECRET_ARN: reader },
		});
	});
	afterEach(() => exporter?.stop());

	const invoke = async () => (await exporter.invoke({ runId: "run-1", dataset: "f6w7-q2d2" })) as ExportResult;
	const read = async (name: string) => (await site.read(`site/data/${name}`))!;
	const readPackage = async (): Promise<DataPackage> => JSON.parse((await read(PACKAGE)).toString());
	/** Two snapshots with moves, an odd county, a vehicle without place, and one that left. */
	const loadTwo = async () => {
		const nowhere = { county: "", city: "", zip_code: "", geocoded_column: "", electric_utility: "", base_msrp: "0" };
		const odd = vehicle(20, {
			county: "Doña Ana",
			state: "NM",
			_2020_census_tract: "35013001204",
			zip_code: "09012",
			model: '\\N "A", B',
		});
		await database.load({ day: 0, pages: [[...vehicles(1, 10), odd]] });
		await database.load({
			day: 30,
			pages: [[...vehicles(2, 9), odd, vehicle(10, { county: "Pierce" }), vehicle(30, nowhere)]],
		});
	};

	it("writes every vehicle, as the database has it", async () => {
		await loadTwo();
		await invoke();
		const rows = await database.query<Record<string, unknown>>(
			"select * from ev.current_vehicles order by dol_vehicle_id",
		);
		const parquet = await readParquet(await read("vehicles.parquet"));
		expect(parquet.map(plain)).to.deep.equal(rows.map(plain));
		expect(parquet.find(({ county }) => county === "Doña Ana")).to.include({ postal_code: "09012", state: "NM" });
		const csv = csvParse(gunzipSync(await read("vehicles.csv.gz")).toString());
		expect(csv.map(({ dol_vehicle_id, county, postal_code }) => [dol_vehicle_id, county, postal_code])).to.deep.equal(
			rows.map((row) => [String(row.dol_vehicle_id), row.county ?? "", row.postal_code ?? ""]),
		);
		expect(csv[0]).to.include({
			electric_utilities: "CITY OF SEATTLE - (WA)|CITY OF TACOMA - (WA)",
			first_seen_at: "2024-01-01T00:00:00Z",
			in_first_snapshot: "true",
		});
		expect(csv.columns).to.deep.equal(Object.keys(rows[0]!));
	});

	it("writes every change and every count", async () => {
		await loadTwo();
		await invoke();
		const changes = await database.query<Record<string, unknown>>(
			"select * from ev.vehicle_changes order by changed_at, dol_vehicle_id, kind",
		);
		expect(changes.map(({ kind }) => kind)).to.include.members(["changed", "removed"]);
		expect((await readParquet(await read("changes.parquet"))).map(plain)).to.deep.equal(changes.map(plain));
		const counts = await database.query<Record<string, unknown>>(
			`select * from ev.snapshot_counts
			order by snapshot_at, state, county, make, model, model_year, vehicle_type, county_fips`,
		);
		expect((await readParquet(await read("counts.parquet"))).map(plain)).to.deep.equal(counts.map(plain));
		const lists = JSON.parse(gunzipSync(await read("counts.json.gz")).toString());
		expect(lists.vehicles).to.deep.equal(counts.map(({ vehicles }) => vehicles));
		expect(lists.county).to.deep.equal(counts.map(({ county }) => county));
		expect(lists.model)
			.to.include('\\N "A", B')
			.and.deep.equal(counts.map(({ model }) => model));
	});

	it("describes every file and column in the database's words", async () => {
		await loadTwo();
		await invoke();
		const { snapshot, resources } = await readPackage();
		expect(snapshot).to.equal("2024-01-31T00:00:00.000Z");
		expect(resources.map(({ path }) => path)).to.deep.equal(FILES);
		expect(resources.map(({ format }) => format)).to.deep.equal(["parquet", "csv", "parquet", "parquet", "json"]);
		for (const { path, bytes, hash } of resources) {
			const content = await read(path);
			expect({ bytes, hash }, path).to.deep.equal({ bytes: content.length, hash: `sha256:${sha256(content)}` });
		}
		const fields = Object.fromEntries(resources[0]!.schema.fields.map((field) => [field.name, field]));
		expect(fields.county!.description).to.equal(DESCRIPTIONS.current_vehicles!.columns.county);
		expect(
			[fields.dol_vehicle_id, fields.electric_utilities, fields.first_seen_at].map((field) => field!.type),
		).to.deep.equal(["integer", "array", "datetime"]);
		for (const { path, schema } of resources)
			for (const { name, description } of schema.fields) expect(description, `${path}, ${name}`).to.not.equal("");
	});

	it("writes files for each snapshot, once", async () => {
		await database.load({ day: 0, pages: [vehicles(1, 30)] });
		const { seconds, ...first } = await invoke();
		expect(first).to.include({ made: true, files: FILES.length }).and.property("bytes").above(1_000);
		expect(await invoke()).to.include({ ...first, made: false });
		await database.load({ day: 30, pages: [vehicles(1, 40)] });
		expect(await invoke()).to.include({ made: true });
		expect(seconds).to.be.above(0);
	});

	it("writes nothing where nothing is published", async () => {
		expect(await invoke()).to.include({ made: false, files: 0, bytes: 0 });
		expect(await site.size(`site/data/${PACKAGE}`)).to.equal(undefined);
	});

	it("keeps the old description until all files are written", async () => {
		await database.load({ day: 0, pages: [vehicles(1, 30)] });
		await invoke();
		const before = await readPackage();
		await database.load({ day: 30, pages: [vehicles(1, 40)] });
		await database.query("alter table ev.snapshot_counts rename to hidden");
		expect((await failed(invoke())).message).to.include("snapshot_counts");
		expect(await readPackage()).to.deep.equal(before);
	});

	for (const [what, relation, marker] of [
		["CSV", "current_vehicles", "array_to_string"],
		["JSON", "snapshot_counts", "to_json"],
	] as const)
		it(`fails with DatabaseUnavailable if the session ends within the ${what}`, async () => {
			await database.load({ day: 0, pages: [vehicles(1, 30)] });
			await endSessionsThatRead(relation, marker);
			const { name, message } = await failed(invoke());
			expect([name, message]).to.deep.equal([
				"DatabaseUnavailable",
				"The database (while reading what is published) is not available: terminating connection due to administrator command.",
			]);
			expect(await site.size(`site/data/${PACKAGE}`)).to.equal(undefined);
		});

	/** Puts a view in a relation's place, which ends the session of whoever reads it with a statement that has `marker`. */
	const endSessionsThatRead = async (relation: string, marker: string) => {
		const ends = `case when current_query() like '%${marker}%' then pg_terminate_backend(pg_backend_pid()) else true end`;
		await database.query(`alter table ev.${relation} rename to hidden`);
		await database.query(`create view ev.${relation} as select * from ev.hidden where ${ends}`);
		await database.query(`grant select on ev.${relation} to ev_reader`);
	};
});

/** A row without the reader's own types: numbers are numbers, and JSON is its value. */
function plain(row: Record<string, unknown>): Record<string, unknown> {
	const value = (name: string, found: unknown) => {
		if (typeof found === "bigint" || name === "dol_vehicle_id") return Number(found);
		if ((name === "old" || name === "new") && typeof found === "string") return JSON.parse(found);
		return found ?? null;
	};
	return Object.fromEntries(Object.entries(row).map(([name, found]) => [name, value(name, found)]));
}
