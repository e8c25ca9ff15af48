/** What holds for any snapshots: made up by fast-check, loaded into real databases, and compared with a model without SQL. */

import { expect } from "chai";
import fc from "fast-check";
import type { LoadCounts } from "../../db/counts";
import type { RawFormat } from "../../handlers/common/contract";
import { asSuperuser } from "../../local/machine/postgres";
import { migrateInto, openDatabase, type TestBed, type TestDatabase, testBed } from "./bed";
import { hostileElements, hostileLines, interleave } from "./hostile";
import { comparable, createModel, type Snapshot } from "./model";
import { csvLine, FIELDS, pageOf, type Row, type StoredSnapshot, vehicle, vehicles } from "./snapshots";

const KEYS = 40;
const PAGES = 3;

const GOOD_ROWS = 60;
/** In one go: twice as CSV, once as JSON. */
const HOSTILE_LINES = 400;
const HOSTILE_ELEMENTS = 300;

/** Mostly the first, so that much stays the same from one snapshot to the next. */
const mostly = (usual: string, ...others: string[]) =>
	fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: fc.constantFrom(...others) });

const rows = fc.array(
	fc
		.tuple(
			mostly("", "bad year", "bad range", "bad key"),
			fc.integer({ min: 1, max: KEYS }),
			fc.record({
				county: mostly("King", "Pierce", ""),
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
			// A fault in every row of ten would leave too few.
			if (fault === "bad year" && chance < 10) row.model_year = "20255";
			if (fault === "bad range" && chance < 10) row.electric_range = "far";
			if (fault === "bad key" && chance < 4) row.dol_vehicle_id = `${key}O5`;
			return row;
		}),
	{ maxLength: 50, size: "max" },
);
const pageOfKey = fc.array(fc.nat({ max: PAGES - 1 }), { minLength: KEYS + 1, maxLength: KEYS + 1 });
/** One row with a value in every column, since a column without any is taken for missing. */
const COMPLETE = vehicle(KEYS + 1);
const snapshot: fc.Arbitrary<Snapshot> = fc.record({
	rows: rows.map((some) => [...some, COMPLETE]),
	pageOfKey,
	hasPrice: fc.boolean(),
});

/** A snapshot's rows on their pages; all rows of a key share one. */
function paged({ rows, pageOfKey, hasPrice }: Snapshot, day: number) {
	const pages: Row[][] = Array.from({ length: PAGES }, () => []);
	for (const row of rows) pages[pageOfKey[Number(row.dol_vehicle_id)] ?? 0]!.push(row);
	return { day, pages, header: FIELDS.filter((name) => hasPrice || name !== "base_msrp") };
}

/** What `foldDuplicates`, rejects and the rest make of all rows: every one is counted, once. */
function expectEachCounted({ rows, removed: _, ...counts }: LoadCounts): void {
	const { added, returned, changed, regeocoded, unchanged, duplicates, rejected } = counts;
	const sum = [added, returned, changed, regeocoded, unchanged, duplicates, rejected].reduce<number>(
		(a, b) => a + b!,
		0,
	);
	expect(sum, "rows that are accounted for").to.equal(rows);
}

/**
 * Declares the properties.
 * @param scale 1 in `npm test`
 * @param seed of everything made up
 */
export function testProperties(scale: number, seed: number): void {
	describe(`of any snapshots (seed ${seed})`, function () {
		this.timeout(60_000 * scale);
		let bed: TestBed;
		before(async () => {
			bed = await testBed();
		});

		const check = (runs: number, property: fc.IAsyncProperty<unknown>) =>
			fc.assert(property as fc.IAsyncProperty<[unknown]>, {
				seed,
				numRuns: runs * scale,
				// Making a counterexample smaller takes minutes: take this out, and give the test the time.
				endOnFailure: true,
				asyncReporter: async (details) => {
					const message = details.failed && fc.defaultReportMessage(details);
					if (message) throw new Error(message.slice(0, 3_000), { cause: details.errorInstance });
				},
			});

		it("one that is loaded twice is the same as loaded once", () =>
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

		it("three in sequence give the vehicles, the history and the counts of a model that has no database", () =>
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
				}),
			));

		it("the order of the rows and their pages carry nothing", () =>
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

		it("neither does the language that the database sorts by", async () => {
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

		describe(`with ${(2 * HOSTILE_LINES + HOSTILE_ELEMENTS) * scale} rows that nobody expects (seed ${seed})`, () => {
			const good = vehicles(1, GOOD_ROWS);
			const mix = (format: RawFormat, hostile: Buffer[], end: string): Buffer => {
				const lines = interleave(
					good.map((row) => Buffer.from(format === "csv" ? csvLine(row) : JSON.stringify(row))),
					hostile,
				);
				// A page whose last row is broken can't be told from one that broke off: a good row is the last.
				if (format === "json") return Buffer.from(`[${[...lines.slice(1), lines[0]].join("\n,")}]\n`);
				return Buffer.concat([pageOf([], "csv"), ...lines.flatMap((line) => [line, Buffer.from(end)])]);
			};
			/** The good rows' values. */
			const goodOnes = async (database: TestDatabase) =>
				await database.query(
					`select (to_jsonb(v) - array['row_hash', 'first_seen_at', 'last_changed_at', 'removed_at']) as vehicle
					from ev.vehicles v where dol_vehicle_id <= $1 and removed_at is null order by dol_vehicle_id`,
					[GOOD_ROWS],
				);
			const setAside = async (database: TestDatabase, runId: string) => {
				const found = await database.query<{ raw: Buffer }>("select raw from ev.rejected_rows where run_id = $1", [
					runId,
				]);
				return found.map(({ raw }) => raw.toString("latin1"));
			};
			let expected: object[];
			before(async () => {
				const database = await bed.newDatabase();
				await database.load({ day: 0, pages: [good] });
				expected = await goodOnes(database);
				expect(expected).to.have.length(GOOD_ROWS);
			});

			for (const [when, earlier] of [
				["first", undefined],
				["next", { day: 0, pages: [vehicles(1, GOOD_ROWS - 10, { city: "Kent" })] }],
			] satisfies [string, StoredSnapshot | undefined][])
				it(`in CSV, in a ${when} load, loads every good one, and sets each bad one aside or takes it for what it says`, () =>
					check(
						1,
						fc.asyncProperty(hostileLines(HOSTILE_LINES), fc.constantFrom("\n", "\r\n"), async (hostile, end) => {
							const database = await bed.newDatabase();
							if (earlier) await database.load(earlier);
							const page = mix("csv", hostile, end);
							const result = await database.load({ day: 30, pages: [page] }, { runId: "hostile" });
							expectEachCounted(result);
							expect(await goodOnes(database)).to.deep.equal(expected);

							const aside = await setAside(database, "hostile");
							expect(aside).to.have.length(result.rejected!);
							// A record that runs over lines is set aside with all of them.
							const linesOf = (text: string) => text.split("\n").map((line) => line.replace(/\r$/, ""));
							const bytesAside = new Set(aside.flatMap((text) => [text, ...linesOf(text)]));
							const keys = await database.query<{ key: string }>("select dol_vehicle_id as key from ev.vehicles");
							const taken = new Set<string | undefined>(keys.map(({ key }) => key));
							let isOpen = false;
							for (const bytes of hostile) {
								const text = bytes.toString("latin1");
								const isTaken = taken.has(/^"(\d+)",/.exec(text)?.[1]);
								// What closes a quote that the row before left open is that row's last line.
								const wasOpen = isOpen;
								isOpen = isTaken && text.split('"').length % 2 === 0;
								if (isTaken || wasOpen || bytesAside.has(text)) continue;
								// As it stands between two line breaks, each of which may be \n or \r\n.
								const lost = linesOf(`${text}${end}`).filter((line) => line !== "" && !bytesAside.has(line));
								expect(lost, "lines that are nowhere").to.deep.equal([]);
							}
							const once = await database.contents();
							await database.load({ day: 30, pages: [page] }, { reload: true });
							expect(await database.contents(), "when loaded again").to.deep.equal(once);
						}),
					));

			it("in JSON, loads every good one", () =>
				check(
					1,
					fc.asyncProperty(hostileElements(HOSTILE_ELEMENTS), async (hostile) => {
						const database = await bed.newDatabase();
						const result = await database.load(
							{ day: 0, pages: [mix("json", hostile, "\n")], format: "json" },
							{ runId: "hostile", accept: ["SchemaDrift"] },
						);
						expectEachCounted(result);
						expect(await setAside(database, "hostile")).to.have.length(result.rejected!);
						expect(await goodOnes(database)).to.deep.equal(expected);
					}),
				));
		});
	});
}
