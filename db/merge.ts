/**
 * The statements that bring the table `vehicles` to a snapshot, all in one transaction. Tables are found through the session's
 * search_path: in the schema `ev`, or in `ev_next` during a replay.
 *
 * Column lists come from db/source-columns.ts and types from `vehicles` itself, so a new column is named in one place. Readers are
 * never blocked: rows are updated in place, no table of theirs is truncated, no index is dropped.
 */

import { SNAPSHOT_COUNT_NAMES } from "./counts";
import { cellArrayOf, saveFlows } from "./snapshot-counts";
import type { SourceColumn } from "./source-columns";

const targetsOf = (columns: SourceColumn[]) => columns.flatMap((column) => column.targets);
const KEY = "dol_vehicle_id";

/** Changes of the point alone are counted separately: in some months the source geocodes nearly every vehicle again. */
const isPoint = (column: SourceColumn) => column.kind === "point";

/**
 * Settings of the transaction. $1: milliseconds after which PostgreSQL ends it. Memory, so that a month's staged rows and the
 * join with them need no temporary files. The cost of a random read, which on today's disks is little more than that of a
 * sequential one.
 */
export const BEGIN_LOAD = `
	select
		set_config('transaction_timeout', $1, true),
		set_config('lock_timeout', '10s', true),
		set_config('temp_buffers', '32MB', true),
		set_config('work_mem', '32MB', true),
		set_config('random_page_cost', '1.1', true)`;

/** Creates the staging table, which the transaction's end drops. */
export function createStaging(present: SourceColumn[]): string {
	return `
		create temporary table staging on commit drop as
			select 0 as page, row_hash, ${targetsOf(present).join(", ")} from vehicles with no data`;
}

export const TRUNCATE_STAGING = "truncate staging";

/** Whether there are no vehicles yet: then there is nothing to compare with, and rows need not be staged. */
export const IS_EMPTY = "select not exists (select from vehicles) as empty";

/** Copies the rows of the very first snapshot: hash, the columns that are present, and the snapshot's time, twice. */
export function copyIntoVehicles(present: SourceColumn[]): string {
	return `copy vehicles (row_hash, ${targetsOf(present).join(", ")}, first_seen_at, last_changed_at) from stdin`;
}

/** Copies rows to be merged: page, hash, then the columns that are present. */
export function copyIntoStaging(present: SourceColumn[]): string {
	return `copy staging (page, row_hash, ${targetsOf(present).join(", ")}) from stdin`;
}

/** Blocks of the table whose vehicles PostgreSQL sends in one message: 64 KB of keys and hashes. */
const BLOCKS_PER_MESSAGE = 256;

/**
 * Copies out key and hash of every registered vehicle, eight bytes each, for handlers/rows/known-rows.ts. Many to a message,
 * because one message for each vehicle takes longer than everything else; a range of blocks to each, so that one range is
 * sent and read while PostgreSQL gathers the next.
 */
export const COPY_KNOWN = `
	copy (
		select coalesce((
			select string_agg(int8send(${KEY}) || int8send(row_hash), '')
			from vehicles
			where ctid >= format('(%s,0)', block)::tid and ctid < format('(%s,0)', block + ${BLOCKS_PER_MESSAGE})::tid and removed_at is null
		), '')
		from generate_series(0, pg_relation_size('vehicles') / current_setting('block_size')::int, ${BLOCKS_PER_MESSAGE}) as block
	) to stdout (format binary)`;

/** The merge's plan depends on this column alone; statistics of all would take half as long as the staging. */
export const ANALYZE_STAGING = `analyze staging (${KEY})`;

/** How many keys are staged more than once, and how many of them come from more than one page. */
export const COUNT_DUPLICATE_KEYS = `
	select
		count(*)::int as keys,
		count(*) filter (where first_page < last_page)::int as split,
		min(${KEY}) filter (where first_page < last_page)::text as example
	from (
		select ${KEY}, min(page) as first_page, max(page) as last_page
		from staging group by ${KEY} having count(*) > 1
	)`;

/**
 * Deletes all staged rows of a key but the greatest: by PostgreSQL's comparison of the columns in order, text by its bytes,
 * NULL above all values; of equal rows, the one with the greatest hash. Never by position, since the source's order means
 * nothing.
 */
export function foldDuplicates(present: SourceColumn[]): string {
	const isText = ({ kind }: SourceColumn) => !["key", "year", "count", "point"].includes(kind);
	const order = present.flatMap((column) =>
		column.targets.map((name) => `${name}${isText(column) ? ' collate "C"' : ""} desc`),
	);
	return `
		with ranked as (
			select ctid, row_number() over (partition by ${KEY} order by ${order.join(", ")}, row_hash desc) as place
			from staging
			where ${KEY} in (select ${KEY} from staging group by ${KEY} having count(*) > 1)
		)
		delete from staging using ranked where staging.ctid = ranked.ctid and ranked.place > 1`;
}

/**
 * Updates every staged vehicle and writes its history; $1 is the snapshot's time. Returns one row of counts.
 *
 * A vehicle whose hash is the same is not written at all. One whose raw row differs but has the same values gets only the
 * new hash. A column that is absent from the snapshot keeps its values.
 */
export function mergeStaging(present: SourceColumn[]): string {
	const values = targetsOf(present).filter((name) => name !== KEY);
	const distinct = (columns: SourceColumn[], a: string, b: string) => {
		const names = targetsOf(columns).filter((name) => name !== KEY);
		return names.length ? names.map((name) => `${a}.${name} is distinct from ${b}.${name}`).join(" or ") : "false";
	};
	const apartFromPoint = present.filter((column) => !isPoint(column));
	const point = present.filter(isPoint);
	const changedColumns = (side: string) =>
		values
			.map((name) => {
				const value = `jsonb_build_object('${name}', ${side}.${name})`;
				return `case when old.${name} is distinct from new.${name} then ${value} else '{}' end`;
			})
			.join(" || ");

	return `
		with merged as (
			merge into vehicles as v
			using staging as i on v.${KEY} = i.${KEY}
			when matched and (v.row_hash <> i.row_hash or v.removed_at is not null) then update set
				${values.map((name) => `${name} = i.${name}`).join(", ")},
				row_hash = i.row_hash,
				removed_at = null,
				last_changed_at = case
					when v.removed_at is not null or ${distinct(apartFromPoint, "v", "i")} then $1
					else v.last_changed_at
				end
			when not matched then insert
				(${KEY}, ${values.join(", ")}, row_hash, first_seen_at, last_changed_at)
				values (i.${KEY}, ${values.map((name) => `i.${name}`).join(", ")}, i.row_hash, $1, $1)
			returning
				new.${KEY},
				new.first_seen_at,
				merge_action() = 'INSERT' as is_added,
				old.removed_at is not null as is_returned,
				${distinct(point, "old", "new")} as is_moved,
				-- The values before and after of the columns that changed, only where they are kept: building them takes longer
				-- than the update.
				case
					when merge_action() = 'INSERT' then null
					when old.removed_at is not null or ${distinct(apartFromPoint, "old", "new")}
						then array[${changedColumns("old")}, ${changedColumns("new")}]
				end as difference,
				case
					when merge_action() = 'INSERT' or old.removed_at is not null or ${cellArrayOf("old")} <> ${cellArrayOf("new")}
						then ${cellArrayOf("new")}
				end as new_cell,
				case
					when merge_action() = 'UPDATE' and old.removed_at is null and ${cellArrayOf("old")} <> ${cellArrayOf("new")}
						then ${cellArrayOf("old")}
				end as old_cell
		),
		history as (
			insert into vehicle_changes (${KEY}, changed_at, kind, old, new)
			select ${KEY}, $1, case when is_returned then 'returned' else 'changed' end, difference[1], difference[2]
			from merged
			where difference is not null and first_seen_at < $1
			${ON_SECOND_CHANGE}
		),
		arrived as (
			select new_cell as cell, is_added as added, is_returned as returned, false as removed,
				not is_added and not is_returned as moved_in, false as moved_out
			from merged
			where new_cell is not null
			union all
			select old_cell, false, false, false, false, true from merged where old_cell is not null
		),
		flows as (${saveFlows("arrived")}),
		counted as (
			select
				count(*) filter (where is_added)::int as added,
				count(*) filter (where is_returned)::int as returned,
				count(*) filter (where difference is not null and not is_returned)::int as changed,
				-- Of these, the vehicles that lost a value: a column that was empty before may be filled without suspicion.
				count(*) filter (where not is_returned and jsonb_strip_nulls(difference[1]) <> '{}')::int as overwritten,
				count(*) filter (where difference is null and is_moved and not is_added)::int as regeocoded
			from merged
		)
		select *, (select count(*)::int from staging) - added - returned - changed - regeocoded as unchanged
		from counted`;
}

/** When a version is loaded again, a vehicle may change twice at the same time: the history then leads from the first values to the last. */
const ON_SECOND_CHANGE = `
	on conflict (${KEY}, changed_at) do update set
		kind = case when vehicle_changes.kind = 'returned' and excluded.kind = 'changed' then 'returned' else excluded.kind end,
		old = excluded.old || vehicle_changes.old,
		new = vehicle_changes.new || excluded.new`;

/** Marks vehicles as removed; $1 is the snapshot's time, $2 their keys. */
export const REMOVE_GONE = `
	with removed as (
		update vehicles
		set removed_at = $1
		from unnest($2::bigint[]) as gone (${KEY})
		where vehicles.${KEY} = gone.${KEY}
		returning vehicles.${KEY}, ${cellArrayOf("vehicles")} as cell
	),
	history as (
		insert into vehicle_changes (${KEY}, changed_at, kind, old, new)
		select ${KEY}, $1, 'removed', '{}', '{}' from removed
		${ON_SECOND_CHANGE}
	),
	left_cells as (
		select cell, false as added, false as returned, true as removed, false as moved_in, false as moved_out from removed
	),
	flows as (${saveFlows("left_cells")})
	select count(*)::int as removed from removed`;

/**
 * Records a published snapshot: $1 its time, $2 key and $3 SHA-256 of its manifest, $4 run, $5 version of the transform, then the
 * counts.
 * A version that is published again adds its changes to those of its first publication.
 */
export const PUBLISH = `
	insert into snapshots
		(snapshot_at, manifest_key, manifest_sha256, run_id, transform_version, ${SNAPSHOT_COUNT_NAMES.join(", ")})
	values ($1, $2, $3, $4, $5, ${SNAPSHOT_COUNT_NAMES.map((_, index) => `$${index + 6}`).join(", ")})
	on conflict (snapshot_at) do update set
		manifest_key = excluded.manifest_key,
		manifest_sha256 = excluded.manifest_sha256,
		run_id = excluded.run_id,
		transform_version = excluded.transform_version,
		${SNAPSHOT_COUNT_NAMES.map((name) => (name === "rows" ? "rows = excluded.rows" : `${name} = snapshots.${name} + excluded.${name}`)).join(", ")}`;

/**
 * Records what a snapshot was read from when it was merged again and nothing changed: $1 its time, $2 key and $3 SHA-256 of its
 * manifest, $4 version of the transform, $5 rows.
 */
export const CONFIRM_SNAPSHOT = `
	update snapshots set manifest_key = $2, manifest_sha256 = $3, transform_version = $4, rows = $5 where snapshot_at = $1`;

/** The latest published snapshot: its version in Unix seconds, and the manifest that it was read from. */
export const LATEST_SNAPSHOT = `
	select extract(epoch from snapshot_at)::float8 as at, manifest_key as "manifestKey", manifest_sha256 as "manifestSha256"
	from snapshots
	order by snapshot_at desc
	limit 1`;

/** The version of the transform that the latest snapshot was read by; NULL where a version before 3 published it. */
export const LATEST_TRANSFORM_VERSION =
	"select transform_version as version from snapshots order by snapshot_at desc limit 1";
