/** Properties of any snapshots: fast-check generates them, and real databases are compared with a model without SQL. */

import { expect } from "chai";
import fc from "fast-check";
import type { LoadCounts } from "../../db/counts";
import type { RawFormat } from "../../handlers/common/contract";
import { asSuperuser } from "../../local/machine/postgres";
import { migrateInto, openDatabase, type TestBed, type TestDatabase, testBed } from "./bed";
import { hostileElements, hostileLines, interleave } from "./hostile";
import { comparable, createModel, type Snapshot } from "./model";
import { expectExactCounts } from "./snapshot-counts";
import { csvLine, dayOf, FIELDS, pageOf, type Row, type StoredSnapshot, vehicle, vehicles } from "./snapshots";

const KEYS = 40;
const PAGES = 3;

/** What the register holds of a vehicle, but for its point and last change. */
const REGISTER =
	"dol_vehicle_id, vin_prefix, county, city, state, postal_code, model_year, make, model, vehicle_type, cafv_eligibility, electric_range_miles, base_msrp_usd, legislative_district, electric_utilities, census_tract, county_fips, first_seen_at";

const GOOD_ROWS = 60;
/** Malformed rows of each run: two runs with CSV, one with JSON. */
const HOSTILE_LINES = 400;
const HOSTILE_ELEMENTS = 300;

/** Mostly the usual value, so that most values stay the same from one snapshot to the next. */
const mostly = (usual: string, ...others: string[]) =>
	fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: fc.constantFrom(...others) });

const rows = fc.array(
	fc
		.tuple(
			mostly("", "bad year", "bad range", "bad key"),
			fc.integer({ min: 1, max: KEYS }),
			fc.record({
				county: mostly("King", "Pierce", ""),
				model: mostly("MODEL Y", "MODEL 3", ""),
				city: mostly("Seattle", "Kent", "", 'Doña "Ana", \\N', "a\tb\\"),
				model_year: mostly("2020", "2021"),
				ev_type: mostly("Battery Electric Vehicle (BEV)", "Plug-in Hybrid Electric Vehicle (PHEV)"),
				electric_range: mostly("291", "291.0", "0", "", "30"),
				base_msrp: mostly("0", "31950", ""),
				geocoded_column: mostly("POINT (-122.5 47.5)", "POINT (-120.25 46)", "POINT (9.5 -1)", ""),
				electric_utility: mostly("A|B", "A||B", "A", "B", ""),
			}),
			fc.nat({ max: 30 }),
		)
		.map(([fault, key, changes, chance]) => {
			const row = vehicle(key, changes);
			// A fault in one row of ten would leave too few rows.
			if (fault === "bad year" && chance < 10) row.model_year = "20255";
			if (fault === "bad range" && chance < 10) row.electric_range = "far";
			if (fault === "bad key" && chance < 4) row.dol_vehicle_id = `${key}O5`;
			return row;
		}),
	{ maxLength: 50, size: "max" },
);
const pageOfKey = fc.array(fc.nat({ max: PAGES - 1 }), { minLength: KEYS + 1, maxLength: KEYS + 1 });
/** A row with a value in every column, because a column without values counts as missing. */
const COMPLETE = vehicle(KEYS + 1);
const snapshot: fc.Arbitrary<Snapshot> = fc.record({
	rows: rows.map((some) => [...some, COMPLETE]),
	pageOfKey,
	hasPrice: fc.boolean(),
});

/** Puts a snapshot's rows onto pages; all rows with the same key share one. */
function paged({ rows, pageOfKey, hasPrice }: Snapshot, day: number) {
	const pages: Row[][] = Array.from({ length: PAGES }, () => []);
	for (const row of rows) pages[pageOfKey[Number(row.dol_vehicle_id)] ?? 0]!.push(row);
	return { day, pages, header: FIELDS.filter((name) => hasPrice || name !== "base_msrp") };
}

/** Expects that every row is counted exactly once. */
function expectEachCounted({ rows, removed: _, ...counts }: LoadCounts): void {
	const { added, returned, changed, regeocoded, unchanged, duplicates, rejected } = counts;
	const sum = [added, returned, changed, regeocoded, unchanged, duplicates, rejected].reduce<number>(
		(a, b) => a + b!,
		0,
	);
	expect(sum, "rows in all counts").to.equal(rows);
}

/**
 * Declares a test for each property.
 * @param scale multiplies the number of runs and of malformed rows; 1 in `npm test`
 * @param seed of all generated data
 */
export function testProperties(scale: number, seed: number): void {
	describe(`any snapshots (seed ${seed})`, function () {
		this.timeout(60_000 * scale);
		let bed: TestBed;
		before(async () => {
			bed = await testBed();
		});

		const check = (runs: number, property: fc.IAsyncProperty<unknown>) =>
			fc.assert(property as fc.IAsyncProperty<[unknown]>, {
				seed,
				numRuns: runs * scale,
				// Shrinking a counterexample takes minutes. Remove this and raise the timeout to do it.
				endOnFailure: true,
				asyncReporter: async (details) => {
					const message = details.failed && fc.defaultReportMessage(details);
					if (message) throw new Error(message.slice(0, 3_000), { cause: details.errorInstance });
				},
			});

		it("changes nothing when a snapshot is loaded twice", () =>
			check(
				3,
				fc.asyncProperty(snapshot, snapshot, async (first, second) => {
					const database = await bed.newDatabase();
					await database.load(paged(first, 0));
					await database.load(paged(second, 30));
					const once = await database.contents();
					const again = await database.load(paged(second, 30), { reload: true });
					expect(await database.contents()).to.deep.equal(once);
					expect(again).to.include({ added: 0, returned: 0, changed: 0, regeocoded: 0, removed: 0 });
				}),
			));

		it("matches a model without a database over three snapshots", () =>
			check(
				4,
				fc.asyncProperty(fc.array(snapshot, { minLength: 3, maxLength: 3 }), async (sequence) => {
					const database = await bed.newDatabase();
					const model = createModel();
					for (const [index, next] of sequence.entries()) {
						const result = await database.load(paged(next, 30 * index));
						expect(result).to.deep.include(model.load(next, 30 * index));
						expectEachCounted(result);
					}
					expect(await comparable(database)).to.deep.equal(model.contents());
					await expectExactCounts(database.query);
				}),
			));

		it("remembers the register of each snapshot, and counts it", () =>
			check(
				3,
				fc.asyncProperty(fc.array(snapshot, { minLength: 3, maxLength: 5 }), async (sequence) => {
					const database = await bed.newDatabase();
					const registers = [];
					for (const [index, next] of sequence.entries()) {
						await database.load(paged(next, 30 * index));
						registers.push(await database.query(`select ${REGISTER} from ev.current_vehicles order by dol_vehicle_id`));
					}
					for (const [index, register] of registers.entries())
						expect(
							await database.query(`select ${REGISTER} from ev.vehicles_at($1) order by dol_vehicle_id`, [
								dayOf(30 * index),
							]),
						).to.deep.equal(register);
					await expectExactCounts(database.query);
				}),
			));

		it("does not depend on the order of rows and pages", () =>
			check(
				3,
				fc.asyncProperty(
					snapshot,
					snapshot,
					pageOfKey,
					fc.infiniteStream(fc.nat()),
					async (first, second, other, dice) => {
						const order = new Map(second.rows.map((row) => [row, dice.next().value as number]));
						const shuffled = [...second.rows].sort((a, b) => order.get(a)! - order.get(b)!);
						const contents = [];
						for (const arranged of [second, { ...second, rows: shuffled, pageOfKey: other }]) {
							const database = await bed.newDatabase();
							await database.load(paged(first, 0));
							await database.load(paged(arranged, 30));
							contents.push(await database.contents());
						}
						expect(contents[1]).to.deep.equal(contents[0]);
					},
				),
			));

		it("does not depend on the database's collation", async () => {
			const twice = (key: number, field: string) => [vehicle(key, { [field]: "a" }), vehicle(key, { [field]: "B" })];
			const snapshot = { day: 0, pages: [[...twice(1, "city"), ...twice(2, "electric_utility")]] };
			const database = await bed.newDatabase();
			const name = "ev_english";
			await asSuperuser(bed.postgres, async (client) => {
				const language = "locale_provider icu icu_locale 'en' locale 'C'";
				await client.query(`create database ${name} template template0 owner ${bed.owner.user} ${language}`);
			});
			await migrateInto(bed, name);
			const english = openDatabase(bed, name);
			expect(await english.query("select 'a' < 'B' as less")).to.deep.equal([{ less: true }]);
			await database.load(snapshot);
			await english.load(snapshot);
			expect(await english.contents()).to.deep.equal(await database.contents());
		});

		describe(`${(2 * HOSTILE_LINES + HOSTILE_ELEMENTS) * scale} malformed rows (seed ${seed})`, () => {
			const good = vehicles(1, GOOD_ROWS);
			const mix = (format: RawFormat, hostile: Buffer[], end: string): Buffer => {
				const lines = interleave(
					good.map((row) => Buffer.from(format === "csv" ? csvLine(row) : JSON.stringify(row))),
					hostile,
				);
				// The last row must be good: a page with a broken last row looks like a page that was cut off.
				if (format === "json") return Buffer.from(`[${[...lines.slice(1), lines[0]].join("\n,")}]\n`);
				return Buffer.concat([pageOf([], "csv"), ...lines.flatMap((line) => [line, Buffer.from(end)])]);
			};
			/** The stored values of the good rows. */
			const goodRows = async (database: TestDatabase) =>
				await database.query(
					`select (to_jsonb(v) - array['row_hash', 'first_seen_at', 'last_changed_at', 'removed_at']) as vehicle
					from ev.vehicles v where dol_vehicle_id <= $1 and removed_at is null order by dol_vehicle_id`,
					[GOOD_ROWS],
				);
			const rejectedRows = async (database: TestDatabase, runId: string) => {
				const found = await database.query<{ raw: Buffer }>("select raw from ev.rejected_rows where run_id = $1", [
					runId,
				]);
				return found.map(({ raw }) => raw.toString("latin1"));
			};
			let expected: object[];
			before(async () => {
				const database = await bed.newDatabase();
				await database.load({ day: 0, pages: [good] });
				expected = await goodRows(database);
				expect(expected).to.have.length(GOOD_ROWS);
			});

			for (const [when, earlier] of [
				["first", undefined],
				["next", { day: 0, pages: [vehicles(1, GOOD_ROWS - 10, { city: "Kent" })] }],
			] satisfies [string, StoredSnapshot | undefined][])
				it(`loads or rejects every row of CSV (${when} load)`, () =>
					check(
						1,
						fc.asyncProperty(hostileLines(HOSTILE_LINES), fc.constantFrom("\n", "\r\n"), async (hostile, end) => {
							const database = await bed.newDatabase();
							if (earlier) await database.load(earlier);
							const page = mix("csv", hostile, end);
							const result = await database.load({ day: 30, pages: [page] }, { runId: "hostile" });
							expectEachCounted(result);
							expect(await goodRows(database)).to.deep.equal(expected);

							const rejected = await rejectedRows(database, "hostile");
							expect(rejected).to.have.length(result.rejected!);
							// A record with line breaks is rejected with all its lines.
							const linesOf = (text: string) => text.split("\n").map((line) => line.replace(/\r$/, ""));
							const rejectedBytes = new Set(rejected.flatMap((text) => [text, ...linesOf(text)]));
							const keys = await database.query<{ key: string }>("select dol_vehicle_id as key from ev.vehicles");
							const taken = new Set<string | undefined>(keys.map(({ key }) => key));
							let isOpen = false;
							for (const bytes of hostile) {
								const text = bytes.toString("latin1");
								const isTaken = taken.has(/^"(\d+)",/.exec(text)?.[1]);
								// A line that closes the quote of the row before it belongs to that row.
								const wasOpen = isOpen;
								isOpen = isTaken && text.split('"').length % 2 === 0;
								if (isTaken || wasOpen || rejectedBytes.has(text)) continue;
								// Its lines, without line breaks, each of which may be \n or \r\n.
								const lost = linesOf(`${text}${end}`).filter((line) => line !== "" && !rejectedBytes.has(line));
								expect(lost, "lines neither loaded nor rejected").to.deep.equal([]);
							}
							const once = await database.contents();
							await database.load({ day: 30, pages: [page] }, { reload: true });
							expect(await database.contents(), "when loaded again").to.deep.equal(once);
						}),
					));

			it("loads every good row of JSON and counts the rest", () =>
				check(
					1,
					fc.asyncProperty(hostileElements(HOSTILE_ELEMENTS), async (hostile) => {
						const database = await bed.newDatabase();
						const result = await database.load(
							{ day: 0, pages: [mix("json", hostile, "\n")], format: "json" },
							{ runId: "hostile", accept: ["SchemaDrift"] },
						);
						expectEachCounted(result);
						expect(await rejectedRows(database, "hostile")).to.have.length(result.rejected!);
						expect(await goodRows(database)).to.deep.equal(expected);
					}),
				));
		});
	});
}
