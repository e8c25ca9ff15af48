/** Where the rows of a snapshot went: the counts that a load returns, `ev.runs` stores and messages report. */

/** `rows` is the sum of all the others but `removed`. Null: not determined. */
export interface LoadCounts {
	rows: number | null;
	/** Never seen before. */
	added: number | null;
	/** Seen before, then removed, now back. */
	returned: number | null;
	/** Differs in any column but the point. */
	changed: number | null;
	/** Differs in the point alone. */
	regeocoded: number | null;
	unchanged: number | null;
	/** Dropped, because another row of the same page has the same key. */
	duplicates: number | null;
	/** Set aside in `ev.rejected_rows`. */
	rejected: number | null;
	/** Registered before, but not in this snapshot. */
	removed: number | null;
}

/** The columns of `ev.runs`, in the order in which statements list them. */
export const COUNT_NAMES = [
	"rows",
	"added",
	"returned",
	"changed",
	"regeocoded",
	"unchanged",
	"duplicates",
	"rejected",
	"removed",
] as const satisfies (keyof LoadCounts)[];

/** The counts that `ev.snapshots` keeps as well. */
export const SNAPSHOT_COUNT_NAMES = [
	"rows",
	"added",
	"returned",
	"changed",
	"regeocoded",
	"removed",
] as const satisfies (keyof LoadCounts)[];

/** A run that counted nothing. */
export const NOT_COUNTED = Object.fromEntries(COUNT_NAMES.map((name) => [name, null])) as unknown as LoadCounts;

/** The counts alone, of something that holds more. */
export function countsOf(source: LoadCounts): LoadCounts {
	return Object.fromEntries(COUNT_NAMES.map((name) => [name, source[name]])) as unknown as LoadCounts;
}
