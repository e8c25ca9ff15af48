/** What holds for any snapshots: made up by fast-check, loaded into real databases, and compared with a model without SQL. */

import { expect } from "chai";
import fc from "fast-check";
import type { LoadCounts, RawFormat } from "../../handlers/contract";
import { asSuperuser } from "../../local/postgres";
import { migrateInto, openDatabase, type TestBed, type TestDatabase, testBed } from "./bed";
import { csvLine, dayOf, FIELDS, pageOf, type Row, type StoredSnapshot, vehicle, vehicles } from "./snapshots";

const KEYS = 40;
const PAGES = 3;

/** A snapshot: rows in their order, the page of each key, and whether it still has the column that was dropped upstream. */
interface Snapshot {
	rows: Row[];
	pageOfKey: number[];
	hasPrice: boolean;
}

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
const snapshot: fc.Arbitrary<Snapshot> = fc.record({ rows, pageOfKey, hasPrice: fc.boolean() });

/** A snapshot's rows on their pages; all rows of a key share one. */
function paged({ rows, pageOfKey, hasPrice }: Snapshot, day: number) {
	const pages: Row[][] = Array.from({ length: PAGES }, () => []);
	for (const row of rows) pages[pageOfKey[Number(row.dol_vehicle_id)] ?? 0]!.push(row);
	return { day, pages, header: FIELDS.filter((name) => hasPrice || name !== "base_msrp") };
}

type Value = string | number | string[] | null;
type Values = Record<string, Value>;

interface Vehicle {
	values: Values;
	firstSeen: number;
	lastChanged: number;
	removed: number | null;
}

interface Change {
	key: number;
	day: number;
	kind: string;
	old: Values;
	new: Values;
}

const POINT = ["longitude", "latitude"];

/** A row's values by column in the order that decides between duplicates; undefined where it does not fit. */
function valuesOf(row: Row, hasPrice: boolean): Values | undefined {
	if (!/^\d+$/.test(row.dol_vehicle_id!) || row.model_year === "20255" || row.electric_range === "far")
		return undefined;
	const text = (name: string) => row[name] || null;
	const count = (name: string) => Number.parseInt(row[name]!, 10) || null;
	const [longitude = null, latitude = null] = (row.geocoded_column!.match(/-?[\d.]+/g) ?? []).map(Number);
	return {
		vin_prefix: text("vin_1_10"),
		county: text("county"),
		city: text("city"),
		state: text("state"),
		postal_code: text("zip_code"),
		model_year: Number(row.model_year),
		make: text("make"),
		model: text("model"),
		vehicle_type: row.ev_type!.includes("(BEV)") ? "BEV" : "PHEV",
		cafv_eligibility: text("cafv_type"),
		electric_range_miles: count("electric_range"),
		...(hasPrice && { base_msrp_usd: count("base_msrp") }),
		legislative_district: text("legislative_district"),
		longitude,
		latitude,
		electric_utilities: row.electric_utility ? row.electric_utility.split(/\|+/) : null,
		census_tract: text("_2020_census_tract"),
	};
}

/** Below zero where `a` is the lesser: by value or by bytes, an array's elements one after the other, null above all. */
function compare(a: Value, b: Value): number {
	if (a === null || b === null) return Number(a === null) - Number(b === null);
	if (typeof a === "number") return a - (b as number);
	if (typeof a === "string") return Buffer.compare(Buffer.from(a), Buffer.from(b as string));
	const other = b as string[];
	for (let at = 0; at < Math.min(a.length, other.length); at++) {
		const order = compare(a[at]!, other[at]!);
		if (order) return order;
	}
	return a.length - other.length;
}

const isGreater = (a: Values, b: Values) => {
	const decisive = Object.keys(a).find((name) => compare(a[name]!, b[name]!) !== 0);
	return decisive !== undefined && compare(a[decisive]!, b[decisive]!) > 0;
};

/** The database as its rules have it, in a Map. */
function createModel() {
	const known = new Map<number, Vehicle>();
	const changes: Change[] = [];
	const snapshots: object[] = [];

	const bringUpToDate = (key: number, values: Values, day: number): keyof LoadCounts => {
		const vehicle = known.get(key);
		if (!vehicle) {
			const seen = { firstSeen: day, lastChanged: day, removed: null };
			known.set(key, { values: { base_msrp_usd: null, ...values }, ...seen });
			return "added";
		}
		const { values: before, removed } = vehicle;
		const differing = Object.keys(values).filter((name) => compare(values[name]!, before[name]!) !== 0);
		const isMoved = differing.length > 0 && differing.every((name) => POINT.includes(name));
		vehicle.values = { ...before, ...values };
		vehicle.removed = null;
		if (removed === null && (!differing.length || isMoved)) return isMoved ? "regeocoded" : "unchanged";
		const kind = removed === null ? "changed" : "returned";
		const pick = (from: Values) => Object.fromEntries(differing.map((name) => [name, from[name]!]));
		changes.push({ key, day, kind, old: pick(before), new: pick(values) });
		vehicle.lastChanged = day;
		return kind;
	};

	return {
		load({ rows, hasPrice }: Snapshot, day: number): LoadCounts {
			const counts = { rows: rows.length, added: 0, returned: 0, changed: 0, regeocoded: 0, unchanged: 0 };
			const rest = { duplicates: 0, rejected: 0, removed: 0 };
			const greatest = new Map<number, Values>();
			const aside = new Set<number>();
			for (const row of rows) {
				const key = Number(row.dol_vehicle_id);
				const values = valuesOf(row, hasPrice);
				if (!values) {
					rest.rejected++;
					aside.add(key);
					continue;
				}
				const rival = greatest.get(key);
				if (rival) rest.duplicates++;
				if (!rival || isGreater(values, rival)) greatest.set(key, values);
			}
			for (const [key, values] of greatest) counts[bringUpToDate(key, values, day) as "added"]++;
			// A rejected row whose key can't be read could be anybody's.
			if (!aside.has(Number.NaN))
				for (const [key, vehicle] of known) {
					if (vehicle.removed !== null || greatest.has(key) || aside.has(key)) continue;
					vehicle.removed = day;
					changes.push({ key, day, kind: "removed", old: {}, new: {} });
					rest.removed++;
				}
			const { unchanged: _, ...published } = counts;
			const registered = [...known.values()].filter(({ removed }) => removed === null);
			const tally = (name: string) =>
				registered.reduce<Record<string, number>>((sums, { values }) => {
					const group = String(values[name] ?? "");
					sums[group] = (sums[group] ?? 0) + 1;
					return sums;
				}, {});
			const figures = { by_type: tally("vehicle_type"), by_county: tally("county") };
			snapshots.push({ ...published, removed: rest.removed, ...figures });
			return { ...counts, ...rest };
		},
		/** As the test bed's `contents()`, but for hashes, and times within a snapshot's JSON. */
		contents() {
			const time = (day: number | null) => (day === null ? null : dayOf(day));
			return {
				vehicles: [...known]
					.sort(([a], [b]) => a - b)
					.map(([key, { values, firstSeen, lastChanged, removed }]) => ({
						dol_vehicle_id: String(key),
						...values,
						first_seen_at: time(firstSeen),
						last_changed_at: time(lastChanged),
						removed_at: time(removed),
					})),
				changes: [...changes]
					.sort((a, b) => a.key - b.key || a.day - b.day)
					.map(({ key, day, ...rest }) => ({ dol_vehicle_id: String(key), changed_at: time(day), ...rest })),
				snapshots,
			};
		},
	};
}

/** A database's contents without what the model does not have. */
async function comparable(database: TestDatabase) {
	const { vehicles, changes, snapshots } = await database.contents();
	return {
		vehicles: (vehicles as object[])
			.map((row) => ({ ...row, row_hash: undefined }))
			.map(({ row_hash: _, ...row }) => row),
		changes,
		snapshots: (snapshots as { snapshot: { snapshot_at: string } }[]).map(({ snapshot }) => {
			const { snapshot_at: _, ...rest } = snapshot;
			return rest;
		}),
	};
}

const GOOD_ROWS = 60;
const FIRST_HOSTILE_KEY = 1_000_000;
/** In one go: twice as CSV, once as JSON. */
const HOSTILE_LINES = 400;
const HOSTILE_ELEMENTS = 300;

const anyText = fc.string({ unit: "binary", maxLength: 40 });
const wideText = fc
	.tuple(fc.constantFrom(10, 300, 999, 1000, 1001, 3000), fc.integer({ min: 0x4e00, max: 0x9000 }), fc.nat())
	.map(([length, first, seed]) =>
		String.fromCodePoint(...Array.from({ length }, (_, at) => first + ((seed + at * at * 7919) % 5000))),
	);
const numbers = fc.constantFrom("far", "1e3", "-3", "²", "12345678901", "NaN", "0x10", "1,000", " 5", "291.5", "٣");
const years = fc.constantFrom("20255", "-1", "0", "99999", "2O20", " 2020", "2020.0", "1899", "２０２０");
const points = fc.constantFrom(
	"POINT (200 47)",
	"POINT (-122.5 95)",
	"POINT (1e400 4)",
	"POINT (NaN NaN)",
	"POINT (47)",
	"POINT EMPTY",
	`POINT (0.${"0".repeat(400)}1 47)`,
	`POINT (${"0".repeat(5000)}1 47)`,
	`POINT (9.${"9".repeat(5000)} 47)`,
	"POINT(−122 47)",
);
const lists = fc.constantFrom("{", "}", "NULL", '"', "\\", "|||", "{A,B}", 'A"|\\"B', ",|,", "\\N");
const escapes = fc.constantFrom(
	"\\.",
	"\\N",
	"a\rb",
	"a\nb",
	"a\r\nb",
	"\t",
	"\\",
	"\\x41",
	'"',
	",",
	"\u0000",
	"\ufeff",
	"\u2028",
);
const keys = fc.constantFrom(
	"",
	"0",
	"-1",
	"1e5",
	"0123",
	"１２３",
	"9".repeat(15),
	"9".repeat(16),
	"9".repeat(30),
	"1O5",
);

const change = (field: string, values: fc.Arbitrary<string>) => values.map((value) => ({ [field]: value }));
const anyField = fc.constantFrom(...FIELDS.filter((name) => name !== "dol_vehicle_id"));
const hostileChanges: fc.Arbitrary<Row> = fc.oneof(
	change("electric_range", numbers),
	change("base_msrp", numbers),
	change("model_year", years),
	change("geocoded_column", points),
	change("electric_utility", lists),
	change("dol_vehicle_id", keys),
	fc.tuple(anyField, fc.oneof(escapes, anyText, wideText)).map(([field, value]) => ({ [field]: value })),
	fc.tuple(wideText, wideText).map(([make, model]) => ({ make, model })),
	fc.constant({ ev_type: "Hydrogen", vin_1_10: "" }),
);

/** A row with values nobody expects. */
const hostileRow = fc.record({ changes: hostileChanges, isHuge: fc.nat({ max: 300 }), field: anyField });

/** What may be done to a row's bytes. */
const damage: fc.Arbitrary<(line: Buffer) => Buffer> = fc.oneof(
	{ weight: 5, arbitrary: fc.constant((line: Buffer) => line) },
	fc
		.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.uint8Array({ minLength: 1, maxLength: 4 }))
		.map(([place, bytes]) => (line: Buffer) => {
			const at = Math.floor(place * line.length);
			return Buffer.concat([line.subarray(0, at), Buffer.from(bytes), line.subarray(at)]);
		}),
	fc.double({ min: 0, max: 1, noNaN: true }).map((share) => (line: Buffer) => line.subarray(0, share * line.length)),
	fc
		.constantFrom(',"x"', '"', ',"', "\0", "\xff", "\xc3", ",")
		.map((end) => (line: Buffer) => Buffer.concat([line, Buffer.from(end, "latin1")])),
	fc.uint8Array({ minLength: 0, maxLength: 200 }).map((bytes) => () => Buffer.from(bytes)),
);

const hostileLines = (count: number): fc.Arbitrary<Buffer[]> =>
	fc.array(fc.tuple(hostileRow, damage), { minLength: count, maxLength: count }).map((all) =>
		all.map(([{ changes, isHuge, field }, harm], index) => {
			const huge = isHuge === 7 ? { [field]: "x".repeat(1024 * 1024) } : {};
			const row = vehicle(FIRST_HOSTILE_KEY + index, { ...changes, ...huge });
			return harm(Buffer.from(csvLine(row)));
		}),
	);

/** JSON elements with the same values, some broken off, some with what only JSON can say. */
const hostileElements = (count: number): fc.Arbitrary<Buffer[]> =>
	fc
		.array(
			fc.tuple(
				hostileChanges,
				fc.constantFrom("", "", "", "cut", "escape", "nested", "number", "array", "stranger", "deep"),
				fc.double({ min: 0, max: 1, noNaN: true }),
			),
			{ minLength: count, maxLength: count },
		)
		.map((all) =>
			all.map(([changes, kind, share], index) => {
				const row: Record<string, unknown> = vehicle(FIRST_HOSTILE_KEY + index, changes);
				if (kind === "nested") row.city = { a: [[{}]] };
				if (kind === "number") row.electric_range = 1e300;
				if (kind === "array") row.geocoded_column = { type: "Point", coordinates: [1e-7, [4, "x"], null] };
				if (kind === "stranger") row.colour = "red";
				let text = JSON.stringify(kind === "array" && share < 0.3 ? [row] : row);
				const code = ["\\u0000", "\\ud800", "\\udc00\\ud800", "\\x"][index % 4];
				if (kind === "deep") text = text.replace(/"city":"[^"]*"/, `"city":${"[".repeat(20_000)}${"]".repeat(20_000)}`);
				if (kind === "escape") text = text.replace('"city":"', () => `"city":"${code}`);
				if (kind === "cut") text = text.slice(0, Math.ceil(share * (text.length - 1)));
				return Buffer.from(text);
			}),
		);

/** Puts hostile pieces between the pieces of a page, evenly. */
function interleave(good: Buffer[], hostile: Buffer[]): Buffer[] {
	const mixed: Buffer[] = [];
	for (const [index, piece] of good.entries()) {
		const from = Math.floor((index * hostile.length) / good.length);
		const to = Math.floor(((index + 1) * hostile.length) / good.length);
		mixed.push(piece, ...hostile.slice(from, to));
	}
	return mixed;
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
							{ runId: "hostile" },
						);
						expectEachCounted(result);
						expect(await setAside(database, "hostile")).to.have.length(result.rejected!);
						expect(await goodOnes(database)).to.deep.equal(expected);
					}),
				));
		});
	});
}
