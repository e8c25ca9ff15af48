/** load brings a real database to exactly the snapshot that a manifest names, or leaves it as it was. */

import { expect } from "chai";
import { SOURCE_COLUMNS } from "../../db/source";
import { asSuperuser } from "../../local/machine/postgres";
import { failed } from "../support/assertions";
import { type TestBed, type TestDatabase, testBed } from "../support/bed";
import { csvLine, dayOf, FIELDS, pageOf, storeSnapshot, vehicle, vehicles } from "../support/snapshots";

describe("load", () => {
	let bed: TestBed;
	let database: TestDatabase;

	before(async function () {
		this.timeout(60_000);
		bed = await testBed();
	});
	beforeEach(async () => {
		database = await bed.newDatabase();
	});

	const current = (columns: string) =>
		database.query<Record<string, unknown>>(`select ${columns} from ev.current_vehicles order by dol_vehicle_id`);
	const versions = () => database.query("select ctid::text, xmin::text, * from ev.vehicles order by dol_vehicle_id");
	const run = async (runId: string) => (await database.query("select * from ev.runs where run_id = $1", [runId]))[0];

	describe("of a snapshot", () => {
		it("types every value, keeps codes as text, and takes 0 and nothing for unknown", async () => {
			const nothing = Object.fromEntries(
				["county", "city", "zip_code", "electric_range", "geocoded_column", "electric_utility"].map((name) => [
					name,
					"",
				]),
			);
			await database.load({
				day: 0,
				pages: [
					[vehicle(7, { zip_code: "08122", base_msrp: "31950" }), vehicle(8, { ...nothing, electric_range: "0" })],
				],
			});
			const [full, empty] = await database.query<Record<string, unknown>>("select * from ev.vehicles order by 1");
			expect(full).to.deep.include({
				dol_vehicle_id: "7",
				vin_prefix: "5YJYGDEE1L",
				postal_code: "08122",
				model_year: 2020,
				vehicle_type: "BEV",
				electric_range_miles: 291,
				base_msrp_usd: 31950,
				legislative_district: "37",
				longitude: -122.30839,
				latitude: 47.610365,
				electric_utilities: ["CITY OF SEATTLE - (WA)", "CITY OF TACOMA - (WA)"],
				census_tract: "53033007800",
				first_seen_at: dayOf(0),
				last_changed_at: dayOf(0),
				removed_at: null,
			});
			const unknown = [
				"county",
				"city",
				"postal_code",
				"electric_range_miles",
				"base_msrp_usd",
				"longitude",
				"latitude",
			];
			for (const name of [...unknown, "electric_utilities"]) expect(empty, name).to.have.property(name, null);
		});

		it("counts each row once: added, returned, changed, re-geocoded, unchanged; and who was removed", async () => {
			await database.load({ day: 0, pages: [vehicles(1, 6)] });
			await database.load({ day: 30, pages: [vehicles(1, 5)] });
			const moved = { geocoded_column: "POINT (-120.5 47.5)" };
			const result = await database.load({
				day: 60,
				pages: [
					[vehicle(1), vehicle(2, { city: "Tacoma" }), vehicle(3, moved)],
					[vehicle(6, moved), vehicle(7), vehicle(4, { city: "Tacoma", ...moved })],
				],
			});
			expect(result).to.deep.include({
				status: "loaded",
				rows: 6,
				added: 1,
				returned: 1,
				changed: 2,
				regeocoded: 1,
				unchanged: 1,
				duplicates: 0,
				rejected: 0,
				removed: 1,
			});
		});

		it("writes history: what changed from what to what, who left and who came back, at the snapshots' times", async () => {
			await database.load({ day: 0, pages: [vehicles(1, 4)] });
			await database.load({ day: 30, pages: [[vehicle(1, { city: "Tacoma", county: "Pierce" }), ...vehicles(2, 3)]] });
			await database.load({
				day: 60,
				pages: [
					[vehicle(1, { city: "Tacoma", county: "Pierce" }), vehicle(2, { geocoded_column: "" }), ...vehicles(3, 4)],
				],
			});
			expect(
				await database.query("select * from ev.vehicle_changes order by changed_at, dol_vehicle_id"),
			).to.deep.equal([
				{
					dol_vehicle_id: "1",
					changed_at: dayOf(30),
					kind: "changed",
					old: { city: "Seattle", county: "King" },
					new: { city: "Tacoma", county: "Pierce" },
				},
				{ dol_vehicle_id: "4", changed_at: dayOf(30), kind: "removed", old: {}, new: {} },
				{ dol_vehicle_id: "4", changed_at: dayOf(60), kind: "returned", old: {}, new: {} },
			]);
			const times = await database.query(
				"select first_seen_at, last_changed_at, removed_at from ev.vehicles order by dol_vehicle_id",
			);
			expect(times).to.deep.equal([
				{ first_seen_at: dayOf(0), last_changed_at: dayOf(30), removed_at: null },
				{ first_seen_at: dayOf(0), last_changed_at: dayOf(0), removed_at: null },
				{ first_seen_at: dayOf(0), last_changed_at: dayOf(0), removed_at: null },
				{ first_seen_at: dayOf(0), last_changed_at: dayOf(60), removed_at: null },
			]);
		});

		it("shows analysts what is registered, and keeps who is not", async () => {
			await database.load({ day: 0, pages: [vehicles(1, 3)] });
			await database.load({ day: 30, pages: [vehicles(2, 3)] });
			expect(await current("dol_vehicle_id")).to.deep.equal([{ dol_vehicle_id: "2" }, { dol_vehicle_id: "3" }]);
			expect(await database.query("select removed_at from ev.vehicles where dol_vehicle_id = 1")).to.deep.equal([
				{ removed_at: dayOf(30) },
			]);
		});

		it("knows every vehicle of a table that is read in many parts, and who of them is gone", async () => {
			const all = vehicles(1, 10_000);
			await database.load({ day: 0, pages: [all] });
			const [{ parts }] = (await database.query(
				"select pg_relation_size('ev.vehicles') / current_setting('block_size')::int / 256 as parts",
			)) as [{ parts: string }];
			expect(Number(parts)).to.be.above(1);
			// One of ten: more than one in each block.
			const left = all.filter((_, index) => index % 10 !== 0);
			const result = await database.load({ day: 30, pages: [left] }, { accept: ["SuspiciousShrink"] });
			expect(result).to.include({ added: 0, changed: 0, unchanged: 9_000, removed: 1_000 });
		});

		it("publishes it with its figures by type and by county", async () => {
			const hybrid = { ev_type: "Plug-in Hybrid Electric Vehicle (PHEV)", county: "" };
			await database.load({ day: 0, pages: [[...vehicles(1, 3), vehicle(4, hybrid)]] }, { runId: "first" });
			const [snapshot] = await database.query("select * from ev.snapshots");
			expect(snapshot).to.deep.include({
				snapshot_at: dayOf(0),
				run_id: "first",
				rows: 4,
				added: 4,
				by_type: { BEV: 3, PHEV: 1 },
				by_county: { King: 3, "": 1 },
			});
		});

		it("gives the same database from csv and from json, row hashes apart", async () => {
			const rows = [
				...vehicles(1, 3),
				vehicle(4, { model: 'Q"4, e-tron', city: "Doña Ana", geocoded_column: "", base_msrp: "" }),
				vehicle(5, { electric_utility: "A, B||C", county: "", zip_code: "" }),
			];
			const other = await bed.newDatabase();
			await database.load({ day: 0, format: "csv", pages: [rows] });
			await other.load({ day: 0, format: "json", pages: [rows] });
			const select = "select to_jsonb(v) - 'row_hash' as vehicle from ev.vehicles v order by dol_vehicle_id";
			expect(await other.query(select)).to.deep.equal(await database.query(select));
		});

		it("does not depend on the order of rows or on the pages they stand on", async () => {
			const rows = [...vehicles(1, 5), vehicle(6, { city: "Tacoma" }), vehicle(6, { city: "Kent" })];
			const other = await bed.newDatabase();
			await database.load({ day: 0, pages: [rows] });
			await other.load({ day: 0, pages: [rows.slice(5).reverse(), rows.slice(0, 2), rows.slice(2, 5).reverse()] });
			expect((await other.contents()).vehicles).to.deep.equal((await database.contents()).vehicles);
		});
	});

	describe("of what is there already", () => {
		const snapshot = { day: 0, pages: [vehicles(1, 50)] };

		it("says unchanged and writes nothing when the version is the latest published", async () => {
			await database.load(snapshot);
			const before = await versions();
			const result = await database.load(snapshot);
			expect(result).to.deep.include({ status: "unchanged", rows: 50, added: null, removed: null });
			expect(await versions()).to.deep.equal(before);
		});

		it("finds every row unchanged on reload, and writes not one of them", async () => {
			await database.load(snapshot);
			const before = await versions();
			const result = await database.load(snapshot, { reload: true });
			expect(result).to.deep.include({ status: "loaded", rows: 50, unchanged: 50, added: 0, changed: 0, removed: 0 });
			expect(await versions()).to.deep.equal(before);
		});

		it("takes other spellings of the same values for unchanged", async () => {
			await database.load({ day: 0, pages: [[vehicle(1, { electric_range: "291", base_msrp: "0" })]] });
			const result = await database.load({ day: 1, pages: [[vehicle(1, { electric_range: "291.0", base_msrp: "" })]] });
			expect(result).to.deep.include({ unchanged: 1, changed: 0 });
			const again = await database.load(
				{ day: 1, pages: [[vehicle(1, { electric_range: "291.0", base_msrp: "" })]] },
				{ reload: true },
			);
			expect(again).to.deep.include({ unchanged: 1 });
		});

		it("adds to a version's figures and history when it is loaded again with other content", async () => {
			await database.load({ day: 0, pages: [vehicles(1, 3)] });
			await database.load({ day: 30, pages: [[vehicle(1, { city: "Tacoma" }), vehicle(2)]] });
			await database.load(
				{ day: 30, pages: [[vehicle(1, { city: "Kent" }), vehicle(2), vehicle(3)]] },
				{ reload: true },
			);
			expect(
				await database.query("select changed, removed, returned from ev.snapshots order by snapshot_at desc limit 1"),
			).to.deep.equal([{ changed: 2, removed: 1, returned: 1 }]);
			const [change] = await database.query("select old, new from ev.vehicle_changes where dol_vehicle_id = 1");
			expect(change).to.deep.equal({ old: { city: "Seattle" }, new: { city: "Kent" } });
		});

		it("gives a retry with the same run id the result it had, not unchanged", async () => {
			const first = await database.load(snapshot, { runId: "same" });
			const { seconds: _, ...again } = await database.load(snapshot, { runId: "same" });
			expect(again).to.deep.include({ status: "loaded", added: 50 });
			expect(first).to.deep.include(again);
		});

		it("refuses to go back to an older snapshot", async () => {
			await database.load({ day: 30, pages: [vehicles(1, 2)] });
			const error = await failed(database.load({ day: 0, pages: [vehicles(1, 3)] }));
			expect(error).to.deep.include({ name: "OlderSnapshot" });
			expect(error.message).to.include("20240101T000000Z").and.include("20240131T000000Z");
			expect(await current("dol_vehicle_id")).to.have.length(2);
		});
	});

	describe("of columns", () => {
		it("knows them by display name as well", async () => {
			const header = SOURCE_COLUMNS.map((column) => column.display);
			await database.load({ day: 0, header, pages: [[vehicle(1)]] });
			expect(await current("city")).to.deep.equal([{ city: "Seattle" }]);
		});

		it("fails with SchemaDrift naming a column that is missing", async () => {
			const header = FIELDS.filter((name) => name !== "county");
			const error = await failed(database.load({ day: 0, header, pages: [[vehicle(1)]] }));
			expect(error.name).to.equal("SchemaDrift");
			expect(error.message).to.include('"County"');
		});

		it("fails with SchemaDrift naming one that is there twice, under either name, and nobody can accept it", async () => {
			for (const again of ["county", "County"]) {
				const snapshot = { day: 0, header: [...FIELDS, again], pages: [[vehicle(1)]] };
				const error = await failed(database.load(snapshot, { accept: ["SchemaDrift"] }));
				expect(error.name).to.equal("SchemaDrift");
				expect(error.message).to.include(`twice, the second time as "${again}"`);
			}
		});

		it("fails with SchemaDrift naming an unknown one, unless a person accepts it; then the run says it was left out", async () => {
			const snapshot = { day: 0, header: [...FIELDS, "battery_kwh"], pages: [[vehicle(1, { battery_kwh: "75" })]] };
			const error = await failed(database.load(snapshot));
			expect(error).to.deep.include({ name: "SchemaDrift" });
			expect(error.message).to.include('"battery_kwh"');
			const result = await database.load(snapshot, { accept: ["SchemaDrift"], runId: "accepted" });
			expect(result.notes.join()).to.include("battery_kwh");
			expect(await run("accepted")).to.deep.include({ accepted: ["SchemaDrift"], notes: result.notes });
		});

		it("ignores the source's own, which begin with a colon", async () => {
			const header = [...FIELDS, ":@computed_region_x"];
			expect(
				await database.load({ day: 0, header, pages: [[vehicle(1, { ":@computed_region_x": "3" })]] }),
			).to.deep.include({ added: 1 });
		});

		it("does without Base MSRP: what is known stays, and nothing counts as changed", async () => {
			await database.load({ day: 0, pages: [[vehicle(1, { base_msrp: "31950" })]] });
			const header = FIELDS.filter((name) => name !== "base_msrp");
			expect(await database.load({ day: 30, header, pages: [[vehicle(1)]] })).to.deep.include({
				unchanged: 1,
				changed: 0,
			});
			expect(await current("base_msrp_usd")).to.deep.equal([{ base_msrp_usd: 31950 }]);
		});
	});

	describe("of duplicates", () => {
		it("folds rows of one key into the greatest, wherever it stands, and counts the others", async () => {
			const rows = [
				vehicle(1, { city: "Kent" }),
				vehicle(1, { city: "Zillah" }),
				vehicle(1, { city: "Auburn" }),
				vehicle(2),
				vehicle(2),
			];
			for (const pages of [[rows], [[...rows].reverse()]]) {
				const other = await bed.newDatabase();
				expect(await other.load({ day: 0, pages })).to.deep.include({ rows: 5, added: 2, duplicates: 3 });
				expect(await other.query("select city from ev.vehicles where dol_vehicle_id = 1")).to.deep.equal([
					{ city: "Zillah" },
				]);
			}
		});

		it("is not fooled by a known row beside another of the same key, and settles", async () => {
			const rows = [vehicle(1, { city: "Kent" }), vehicle(1, { city: "Zillah" }), ...vehicles(2, 9)];
			await database.load({ day: 0, pages: [[vehicle(1, { city: "Kent" }), ...vehicles(2, 9)]] });
			expect(await database.load({ day: 1, pages: [rows] })).to.deep.include({
				changed: 1,
				unchanged: 8,
				duplicates: 1,
			});
			const settled = await versions();
			expect(await database.load({ day: 1, pages: [rows] }, { reload: true })).to.deep.include({
				changed: 0,
				unchanged: 9,
				duplicates: 1,
			});
			expect(await versions()).to.deep.equal(settled);
		});

		it("takes a key on two pages for rows that others are missing for, unless a person accepts it", async () => {
			const snapshot = { day: 0, pages: [vehicles(1, 3), vehicles(3, 5)] };
			const error = await failed(database.load(snapshot));
			expect(error).to.deep.include({ name: "SourceIncomplete" });
			expect(error.message).to.include("more than one page, for example 3");
			expect(await current("dol_vehicle_id")).to.deep.equal([]);
			expect(await database.load(snapshot, { accept: ["SourceIncomplete"] })).to.deep.include({
				added: 5,
				duplicates: 1,
			});
			const known = await failed(database.load({ ...snapshot, day: 1 }));
			expect(known, "also when both rows are known").to.deep.include({ name: "SourceIncomplete" });
		});
	});

	describe("of rows that do not fit", () => {
		const page = (...lines: (string | Buffer)[]) =>
			Buffer.concat([pageOf([], "csv"), ...lines.flatMap((line) => [Buffer.from(line), Buffer.from("\n")])]);

		it("sets them aside with their bytes, place and reason, and loads the rest", async () => {
			const invalid = Buffer.from(csvLine(vehicle(3, { city: "Se\u0080ttle" })), "latin1");
			const lines = [csvLine(vehicle(1)), csvLine(vehicle(2, { model_year: "20255" })), invalid, csvLine(vehicle(4))];
			const result = await database.load({ day: 0, pages: [page(...lines)] }, { runId: "r" });
			expect(result).to.deep.include({ rows: 4, added: 2, rejected: 2 });
			const rejected = await database.query(
				"select run_id, page, line, dol_vehicle_id, reason, raw from ev.rejected_rows order by line",
			);
			expect(rejected).to.deep.equal([
				{
					run_id: "r",
					page: 1,
					line: 3,
					dol_vehicle_id: "2",
					reason: 'Model Year does not fit: "20255"',
					raw: Buffer.from(lines[1] as string),
				},
				{ run_id: "r", page: 1, line: 4, dol_vehicle_id: "3", reason: "it is not valid UTF-8", raw: invalid },
			]);
		});

		it("never removes the vehicle of a rejected row, which keeps its last values", async () => {
			await database.load({ day: 0, pages: [vehicles(1, 3)] });
			const result = await database.load({ day: 30, pages: [[vehicle(1), vehicle(2, { electric_range: "many" })]] });
			expect(result).to.deep.include({ rejected: 1, removed: 1, unchanged: 1 });
			expect(await current("dol_vehicle_id, electric_range_miles")).to.deep.equal([
				{ dol_vehicle_id: "1", electric_range_miles: 291 },
				{ dol_vehicle_id: "2", electric_range_miles: 291 },
			]);
		});

		it("removes nobody while a rejected row could be anyone's, and says so, unless a person accepts it", async () => {
			await database.load({ day: 0, pages: [vehicles(1, 3)] });
			const snapshot = { day: 30, pages: [[vehicle(1), vehicle("1O5")]] };
			const result = await database.load(snapshot);
			expect(result).to.deep.include({ removed: 0, rejected: 1 });
			expect(result.notes.join()).to.match(/No vehicles were removed.* 1 rejected rows.* any of the 2/);
			const accepted = await database.load(snapshot, { reload: true, accept: ["UnreadableKeys"] });
			expect(accepted).to.deep.include({ removed: 2 });
		});

		it("stops at more of them than maxRejectedShare allows, with figures, unless a person accepts it", async () => {
			const snapshot = { day: 0, pages: [[...vehicles(1, 8), vehicle(9, { make: "" }), vehicle(10, { make: "" })]] };
			const settings = { maxRejectedShare: 0.1 };
			const error = await failed(database.load(snapshot, { settings }));
			expect(error).to.deep.include({ name: "TooManyRejects" });
			expect(error.message).to.include("2 of 10 rows").and.include("page 1, line 10: Make is empty");
			expect(await current("1")).to.deep.equal([]);
			const result = await database.load(snapshot, { settings, accept: ["TooManyRejects"] });
			expect(result).to.deep.include({ added: 8, rejected: 2 });
		});
	});

	describe("of raw files that are not what the manifest says", () => {
		const store = (manifest: object) => storeSnapshot(bed.storage, { day: 0, pages: [vehicles(1, 3)], manifest });
		const cases: [string, object, string][] = [
			["a page is missing", { key: "raw/none.csv.gz" }, "is missing"],
			["a page has another size", { bytes: 1 }, "has"],
			["a page has another checksum", { sha256: "0".repeat(64) }, "wrong checksum"],
		];
		for (const [what, wrong, said] of cases)
			it(`fails with PageDamaged when ${what}`, async () => {
				const manifestKey = await store({});
				const manifest = JSON.parse((await bed.storage.read(manifestKey))!.toString());
				await store({ pages: [{ ...manifest.pages[0], ...wrong }] });
				const error = await failed(database.loadManifest(manifestKey));
				expect(error).to.deep.include({ name: "PageDamaged" });
				expect(error.message).to.include(said);
			});

		it("fails with PageDamaged when a page's header is another one", async () => {
			const other = pageOf([vehicle(1)], "csv", [...FIELDS].reverse());
			expect(await failed(database.load({ day: 0, pages: [other] }))).to.deep.include({ name: "PageDamaged" });
		});

		it("fails with PageDamaged when a page is larger uncompressed than any page of ours", async () => {
			const error = await failed(database.load({ day: 0, pages: [Buffer.alloc(129 * 1024 * 1024)] }));
			expect(error).to.deep.include({ name: "PageDamaged" });
			expect(error.message).to.match(/cannot be uncompressed \(.*larger than 134217728 bytes/);
		});

		it("fails with PageDamaged naming page and line when JSON breaks off", async () => {
			const whole = pageOf(vehicles(1, 3), "json");
			const error = await failed(
				database.load({ day: 0, format: "json", pages: [whole.subarray(0, whole.length - 40)] }),
			);
			expect(error).to.deep.include({ name: "PageDamaged" });
			expect(error.message).to.match(/Page 1 .* its array is not closed on line 3, after 3 rows/);
		});

		it("fails with SourceIncomplete when a page has fewer rows", async () => {
			const content = pageOf(vehicles(1, 3), "csv");
			const manifestKey = await storeSnapshot(bed.storage, { day: 0, pages: [content] });
			const manifest = JSON.parse((await bed.storage.read(manifestKey))!.toString());
			await storeSnapshot(bed.storage, {
				day: 0,
				pages: [content],
				manifest: { rows: 4, pages: [{ ...manifest.pages[0], rows: 4 }] },
			});
			const error = await failed(database.loadManifest(manifestKey));
			expect(error).to.deep.include({ name: "SourceIncomplete" });
			expect(error.message).to.include("has 3 rows, but the manifest says 4");
		});

		for (const [what, wrong] of Object.entries({
			"is of another dataset": { dataset: "abcd-1234" },
			"has no pages": { pages: undefined },
			"has another sum of rows": { rows: 5 },
			"has a format nobody reads": { format: "xml" },
		}))
			it(`fails with ManifestInvalid when the manifest ${what}`, async () => {
				const manifestKey = await store(wrong as object);
				expect(await failed(database.loadManifest(manifestKey))).to.deep.include({ name: "ManifestInvalid" });
			});

		it("fails with ManifestInvalid naming the key when there is none", async () => {
			const error = await failed(database.loadManifest("raw/nothing/manifest.json"));
			expect(error).to.deep.include({ name: "ManifestInvalid" });
			expect(error.message).to.include("raw/nothing/manifest.json is missing");
		});
	});

	describe("under its guards", () => {
		it("stops when more is removed than maxRemovedShare allows, with figures, unless a person accepts it", async () => {
			await database.load({ day: 0, pages: [vehicles(1, 10)] });
			const snapshot = { day: 30, pages: [vehicles(1, 7)] };
			const settings = { maxRemovedShare: 0.2 };
			const error = await failed(database.load(snapshot, { settings, runId: "shrunk" }));
			expect(error).to.deep.include({ name: "SuspiciousShrink" });
			expect(error.message).to.include("3 of 10 registered vehicles").and.include("maxRemovedShare");
			expect(await run("shrunk")).to.deep.include({
				status: "failed",
				error: "SuspiciousShrink",
				message: error.message,
			});
			expect(await current("1")).to.have.length(10);
			const result = await database.load(snapshot, { settings, accept: ["SuspiciousShrink"] });
			expect(result).to.deep.include({ removed: 3 });
			expect(result.notes.join()).to.include("SuspiciousShrink was accepted");
		});

		it("refuses to accept a guard that does not exist, by name", async () => {
			const error = await failed(database.load({ day: 0, pages: [vehicles(1, 1)] }, { accept: ["SuspiciousShrnk"] }));
			expect(error).to.deep.include({ name: "ConfigurationInvalid" });
			expect(error.message).to.include('"SuspiciousShrnk"').and.include("SuspiciousShrink");
		});

		it("stops by itself when its time is up, saying how far it came", async () => {
			const pages = [vehicles(1, 3), vehicles(4, 6), vehicles(7, 9)];
			let asked = 0;
			// Asked when the session is opened, when the transaction begins, and before each page.
			const timeLeftMs = () => (++asked > 4 ? 0 : 60_000);
			const error = await failed(database.load({ day: 0, pages }, { timeLeftMs, runId: "late" }));
			expect(error).to.deep.include({ name: "OutOfTime" });
			expect(error.message).to.match(/stopped at page [123] of 3, because its time was up; give/);
			expect(await run("late")).to.deep.include({ status: "failed", error: "OutOfTime" });
			expect(await current("1")).to.deep.equal([]);
		});
	});

	describe("as a run", () => {
		it("is recorded with its counts and times", async () => {
			const result = await database.load({ day: 0, pages: [vehicles(1, 3)] }, { runId: "r" });
			const recorded = await run("r");
			expect(recorded).to.deep.include({
				status: "loaded",
				snapshot_at: dayOf(0),
				rows: 3,
				added: 3,
				removed: 0,
				error: null,
			});
			expect(recorded).to.have.property("finished_at").that.is.an.instanceOf(Date);
			expect(result.seconds).to.be.above(0);
		});

		it("marks one whose process died as abandoned", async () => {
			await database.query(
				"insert into ev.runs (run_id, manifest_key, status, started_at, accepted, notes) values ('dead', 'm', 'running', now(), '{}', '{}')",
			);
			await database.load({ day: 0, pages: [vehicles(1, 3)] });
			expect(await run("dead")).to.deep.include({ status: "abandoned" });
		});

		it("blocks no reader: a query that began before it sees the old snapshot to its end", async () => {
			await database.load({ day: 0, pages: [vehicles(1, 3)] });
			await asSuperuser(bed.postgres, async () => {
				const reading = database.query<{ before: number; after: number }>(
					`select (select count(*)::int from ev.current_vehicles) as before, pg_sleep(0.6)::text,
						(select count(*)::int from ev.current_vehicles) as after`,
				);
				const result = await database.load({ day: 30, pages: [vehicles(1, 9)] });
				expect(result.seconds, "it did not wait for the reader").to.be.below(0.6);
				expect((await reading)[0]).to.deep.include({ before: 3, after: 3 });
			});
			expect(await current("1")).to.have.length(9);
		});
	});
});
