/**
 * From a staged snapshot to the database, in a few whole statements of one transaction.
 *
 * Column lists come from db/source.ts and types from `ev.vehicles` itself, so that a new column is named in one place.
 * Readers are never blocked: rows are updated in place, nothing is truncated, no index is touched.
 */

import type { SourceColumn } from "./source";

const targetsOf = (columns: SourceColumn[]) => columns.flatMap((column) => column.targets);
const KEY = "dol_vehicle_id";

/** Columns of the point, whose change alone is counted apart: the source re-geocodes nearly all of them in some months. */
const isPoint = (column: SourceColumn) => column.kind === "point";

/**
 * For the transaction: $1 milliseconds until it is ended; memory, so that a month's staged rows and the join with them need
 * no file; and what a page costs that is read by itself, on any disk of today little more than one among its neighbours.
 */
export const SET_UP_TRANSACTION = `
	select
		set_config('transaction_timeout', $1, true),
		set_config('lock_timeout', '10s', true),
		set_config('temp_buffers', '32MB', true),
		set_config('work_mem', '32MB', true),
		set_config('random_page_cost', '1.1', true)`;

/** A temporary table for rows to merge, which goes with the transaction. */
export function createStaging(present: SourceColumn[]): string {
	return `
		create temporary table incoming on commit drop as
			select 0 as page, row_hash, ${targetsOf(present).join(", ")} from ev.vehicles with no data`;
}

/** Whether no vehicle was ever seen: then there is nothing to compare with, and rows need not be staged. */
export const IS_EMPTY = "select not exists (select from ev.vehicles) as empty";

/** COPY's target for the rows of the very first snapshot: hash, the columns that are present, and the snapshot's time, twice. */
export function copyFirst(present: SourceColumn[]): string {
	return `copy ev.vehicles (row_hash, ${targetsOf(present).join(", ")}, first_seen_at, last_changed_at) from stdin`;
}

/** COPY's target for staged rows: page, hash, then the columns that are present. */
export function copyIncoming(present: SourceColumn[]): string {
	return `copy incoming (page, row_hash, ${targetsOf(present).join(", ")}) from stdin`;
}

/** Blocks of the table whose vehicles go in one message: 64 KB of keys and hashes. */
const BLOCKS = 256;

/**
 * Key and hash of every registered vehicle, eight bytes each, for handlers/rows/known-rows.ts. In long rows, since a message
 * for each vehicle would take longer than all else about it; each of some blocks, so that it is sent, and read, while
 * the next are counted up.
 */
export const COPY_KNOWN = `
	copy (
		select coalesce((
			select string_agg(int8send(${KEY}) || int8send(row_hash), '')
			from ev.vehicles
			where ctid >= format('(%s,0)', block)::tid and ctid < format('(%s,0)', block + ${BLOCKS})::tid and removed_at is null
		), '')
		from generate_series(0, pg_relation_size('ev.vehicles') / current_setting('block_size')::int, ${BLOCKS}) as block
	) to stdout (format binary)`;

/** What the merge's plan depends on; the other columns' statistics would cost as much as half of the staging. */
export const ANALYZE_STAGING = `analyze incoming (${KEY})`;

/** How many keys stand there more than once, and how many of them on more than one page. */
export const COUNT_DUPLICATE_KEYS = `
	select
		count(*)::int as keys,
		count(*) filter (where first_page < last_page)::int as split,
		min(${KEY}) filter (where first_page < last_page)::text as example
	from (
		select ${KEY}, min(page) as first_page, max(page) as last_page
		from incoming group by ${KEY} having count(*) > 1
	)`;

/**
 * Leaves one row of each key: the greatest, by PostgreSQL's comparison of the columns in order, text by its bytes, NULL
 * above all values; of rows that mean the same, the greatest hash. Never by position, since the source's order carries
 * nothing.
 */
export function foldDuplicates(present: SourceColumn[], textColumns: string[]): string {
	const order = targetsOf(present).map((name) => `${name}${textColumns.includes(name) ? ' collate "C"' : ""} desc`);
	return `
		with ranked as (
			select ctid, row_number() over (partition by ${KEY} order by ${order.join(", ")}, row_hash desc) as place
			from incoming
			where ${KEY} in (select ${KEY} from incoming group by ${KEY} having count(*) > 1)
		)
		delete from incoming using ranked where incoming.ctid = ranked.ctid and ranked.place > 1`;
}

/**
 * Brings every staged vehicle up to date and writes its history; $1 is the snapshot's time. Gives one row of counts.
 *
 * A row that is the same as what it was last brought up to date from is not written at all. One that reads differently
 * and means the same gets its hash alone. A column that is absent from the snapshot keeps what is known.
 */
export function mergeIncoming(present: SourceColumn[]): string {
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
			merge into ev.vehicles as v
			using incoming as i on v.${KEY} = i.${KEY}
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
				-- What was and what is, of the columns that changed, if it is to be kept: building it takes longer than the update.
				case
					when merge_action() = 'INSERT' then null
					when old.removed_at is not null or ${distinct(apartFromPoint, "old", "new")}
						then array[${changedColumns("old")}, ${changedColumns("new")}]
				end as difference
		),
		history as (
			insert into ev.vehicle_changes (${KEY}, changed_at, kind, old, new)
			select ${KEY}, $1, case when is_returned then 'returned' else 'changed' end, difference[1], difference[2]
			from merged
			where difference is not null and first_seen_at < $1
			${ON_SECOND_CHANGE}
		),
		counted as (
			select
				count(*) filter (where is_added)::int as added,
				count(*) filter (where is_returned)::int as returned,
				count(*) filter (where difference is not null and not is_returned)::int as changed,
				count(*) filter (where difference is null and is_moved and not is_added)::int as regeocoded
			from merged
		)
		select *, (select count(*)::int from incoming) - added - returned - changed - regeocoded as unchanged
		from counted`;
}

/** A version that is loaded again may change a vehicle again at the same time: from what it was before, to what it is now. */
const ON_SECOND_CHANGE = `
	on conflict (${KEY}, changed_at) do update set
		kind = excluded.kind,
		old = excluded.old || vehicle_changes.old,
		new = vehicle_changes.new || excluded.new`;

/** Marks vehicles as removed; $1 is the snapshot's time, $2 their keys. */
export const REMOVE_GONE = `
	with removed as (
		update ev.vehicles
		set removed_at = $1
		from unnest($2::bigint[]) as gone (${KEY})
		where vehicles.${KEY} = gone.${KEY}
		returning vehicles.${KEY}
	),
	history as (
		insert into ev.vehicle_changes (${KEY}, changed_at, kind, old, new)
		select ${KEY}, $1, 'removed', '{}', '{}' from removed
		${ON_SECOND_CHANGE}
	)
	select count(*)::int as removed from removed`;

/** Counts what is registered; apart from PUBLISH, since PostgreSQL counts with two processes only where nothing is written. */
export const COUNT_REGISTERED = `
	with by_county as (
		select county, vehicle_type, count(*) as vehicles from ev.current_vehicles group by county, vehicle_type
	)
	select
		(select coalesce(jsonb_object_agg(vehicle_type, vehicles), '{}')
		 from (select vehicle_type, sum(vehicles) as vehicles from by_county group by vehicle_type)) as by_type,
		(select coalesce(jsonb_object_agg(coalesce(county, ''), vehicles), '{}')
		 from (select county, sum(vehicles) as vehicles from by_county group by county)) as by_county`;

/** Writes down the published snapshot. A version that is published again adds to what its first publication changed. */
export const PUBLISH = `
	insert into ev.snapshots
		(snapshot_at, manifest_key, run_id, rows, added, returned, changed, regeocoded, removed, by_type, by_county)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
	on conflict (snapshot_at) do update set
		manifest_key = excluded.manifest_key,
		run_id = excluded.run_id,
		rows = excluded.rows,
		added = snapshots.added + excluded.added,
		returned = snapshots.returned + excluded.returned,
		changed = snapshots.changed + excluded.changed,
		regeocoded = snapshots.regeocoded + excluded.regeocoded,
		removed = snapshots.removed + excluded.removed,
		by_type = excluded.by_type,
		by_county = excluded.by_county`;

/** The latest published version, Unix seconds. */
export const LATEST_SNAPSHOT = "select extract(epoch from max(snapshot_at))::float8 as at from ev.snapshots";
