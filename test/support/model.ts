/** A model of the database without SQL: computes what it must hold after each load. */

import type { LoadCounts } from "../../db/counts";
import type { TestDatabase } from "./bed";
import { dayOf, type Row } from "./snapshots";

/** A snapshot: rows in order, the page of each key, and whether it has Base MSRP, which the source has dropped. */
export interface Snapshot {
	rows: Row[];
	pageOfKey: number[];
	hasPrice: boolean;
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

/** A row's values by column, in the order that decides between duplicates; undefined if the row must be rejected. */
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

/** Compares as the load does for duplicates: by value, text by bytes, arrays by element, null last. Negative if a < b. */
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

/** Creates an empty model; `load` returns the counts that the load must report. */
export function createModel() {
	const known = new Map<number, Vehicle>();
	const changes: Change[] = [];
	const snapshots: object[] = [];

	const upsert = (key: number, values: Values, day: number): keyof LoadCounts => {
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
			const rejectedKeys = new Set<number>();
			for (const row of rows) {
				const key = Number(row.dol_vehicle_id);
				const values = valuesOf(row, hasPrice);
				if (!values) {
					rest.rejected++;
					rejectedKeys.add(key);
					continue;
				}
				const rival = greatest.get(key);
				if (rival) rest.duplicates++;
				if (!rival || isGreater(values, rival)) greatest.set(key, values);
			}
			for (const [key, values] of greatest) counts[upsert(key, values, day) as "added"]++;
			// A rejected row without a readable key could belong to any vehicle, so none is removed.
			if (!rejectedKeys.has(Number.NaN))
				for (const [key, vehicle] of known) {
					if (vehicle.removed !== null || greatest.has(key) || rejectedKeys.has(key)) continue;
					vehicle.removed = day;
					changes.push({ key, day, kind: "removed", old: {}, new: {} });
					rest.removed++;
				}
			const { unchanged: _, ...published } = counts;
			snapshots.push({ ...published, removed: rest.removed });
			return { ...counts, ...rest };
		},
		/** The test bed's `contents()` without hashes and without the times in a snapshot's JSON. */
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

/** A database's contents, without what the model leaves out. */
export async function comparable(database: TestDatabase) {
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
