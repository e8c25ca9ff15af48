/**
 * The statements that fill `snapshot_counts`, in the load's transaction: in full for the very first snapshot, afterwards from the
 * snapshot before and the flows that the merge noted, which takes a third of the time.
 *
 * A cell is what the vehicles of one row have in common. Any of its columns may be NULL, so cells are grouped, never joined.
 */

const CELL = ["state", "county_fips", "county", "make", "model", "model_year", "vehicle_type"];
const FLOWS = ["added", "returned", "removed", "moved_in", "moved_out"] as const;
const NET_CHANGE = "added + returned + moved_in - removed - moved_out";

const columns = (names: readonly string[]) => names.join(", ");
const sums = (names: readonly string[]) => names.map((name) => `sum(${name})`).join(", ");

/** The cell of a vehicle. @param row a row of `vehicles` */
function cellOf(row: string): string[] {
	return CELL.map((name) => (name === "county_fips" ? `left(${row}.census_tract, 5)` : `${row}.${name}`));
}

/** The same as one array of text, which passes through a statement faster than seven columns. */
export function cellArrayOf(row: string): string {
	const values = cellOf(row).map((value) => (value.endsWith("model_year") ? `${value}::text` : value));
	return `array[${columns(values)}]`;
}

/** Creates the table of flows, which the transaction's end drops. */
export const CREATE_FLOWS = `
	create temporary table flows on commit drop as
		select ${columns(CELL)}, ${columns(FLOWS)} from snapshot_counts with no data`;

/** Adds to the flows. @param source what has a cell as an array, and for each flow whether the vehicle is part of it */
export function saveFlows(source: string): string {
	const cell = CELL.map((name, index) => `cell[${index + 1}]${name === "model_year" ? "::smallint" : ""}`);
	return `
		insert into flows (${columns(CELL)}, ${columns(FLOWS)})
		select ${columns(cell)}, ${FLOWS.map((name) => `count(*) filter (where ${name})`).join(", ")}
		from ${source}
		group by cell`;
}

/**
 * Counts the very first snapshot, all of whose vehicles were added by it; $1 is its time. PostgreSQL would sort on the statistics of
 * an empty table, which takes three times as long as hashing.
 */
export const COUNT_IN_FULL = `
	insert into snapshot_counts (snapshot_at, ${columns(CELL)}, vehicles, ${columns(FLOWS)})
	select $1, ${columns(cellOf("vehicles"))}, count(*), count(*), 0, 0, 0, 0
	from vehicles
	where removed_at is null
	group by ${columns(cellOf("vehicles"))}`;

/** For COUNT_IN_FULL, whose transaction sorts nothing afterwards. */
export const HASH_ONLY = "set local enable_sort = off";

/**
 * Counts a snapshot from the one before and the flows; $1 is its time. Of a version that is published again, its own rows are
 * brought up to date: the flows are then those of all its loads.
 */
export const COUNT_FROM_FLOWS = `
	with own as (
		delete from snapshot_counts where snapshot_at = $1 returning ${columns(CELL)}, vehicles, ${columns(FLOWS)}
	)
	insert into snapshot_counts (snapshot_at, ${columns(CELL)}, vehicles, ${columns(FLOWS)})
	select $1, ${columns(CELL)}, sum(vehicles), ${sums(FLOWS)}
	from (
		select * from own
		union all
		select ${columns(CELL)}, vehicles, 0, 0, 0, 0, 0
		from snapshot_counts
		where snapshot_at = (select max(snapshot_at) from snapshots where snapshot_at < $1)
			and not exists (select from snapshots where snapshot_at = $1)
		union all
		select ${columns(CELL)}, ${NET_CHANGE}, ${columns(FLOWS)} from flows
	) as parts
	group by ${columns(CELL)}
	having sum(vehicles) + ${FLOWS.map((name) => `sum(${name})`).join(" + ")} > 0`;
