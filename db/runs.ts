/** Records of runs, each written in a transaction of its own or in the load's. */

/** Any two bigints would do, as long as nobody else takes them: they spell "ev", "load". */
export const TRY_LOCK_RUN = "select pg_try_advisory_lock(25974, 1819238756) as locked";

/** A run whose process died says "running" for ever; whoever holds the lock knows better. */
export const ABANDON_ORPHANS = "update ev.runs set status = 'abandoned', finished_at = now() where status = 'running'";

/** Opens a run, or opens it again where the workflow loads twice: $1 run, $2 manifest, $3 guards overridden. */
export const START_RUN = `
	insert into ev.runs (run_id, manifest_key, status, started_at, accepted, notes)
	values ($1, $2, 'running', now(), $3, '{}')
	on conflict (run_id) do update set
		manifest_key = excluded.manifest_key, status = 'running', started_at = excluded.started_at,
		finished_at = null, accepted = excluded.accepted, notes = '{}', error = null, message = null`;

/** Closes a run that did what it was asked to. */
export const FINISH_RUN = `
	update ev.runs set
		status = $2, finished_at = clock_timestamp(), snapshot_at = $3, notes = $4, rows = $5, added = $6, returned = $7,
		changed = $8, regeocoded = $9, unchanged = $10, duplicates = $11, rejected = $12, removed = $13
	where run_id = $1`;

/** Closes a run that failed: $2 error's name, $3 its message. A run that was published stays so. */
export const FAIL_RUN = `
	update ev.runs set status = 'failed', finished_at = now(), error = $2, message = $3
	where run_id = $1 and status = 'running'`;

/** A run that ended well, as `load` gave it: for a retry after its reply was lost. */
export const FINISHED_RUN = `
	select status, extract(epoch from snapshot_at)::float8 as "rowsUpdatedAt", notes, rows, added, returned, changed, regeocoded,
		unchanged, duplicates, rejected, removed,
		extract(epoch from finished_at - started_at)::float8 as seconds
	from ev.runs
	where run_id = $1 and status in ('loaded', 'unchanged')`;

/** Sets rows aside: $1 run, $2 page, then arrays of line, key, reason and raw bytes. */
export const REJECT_ROWS = `
	insert into ev.rejected_rows (run_id, page, line, dol_vehicle_id, reason, raw)
	select $1, $2, * from unnest($3::int[], $4::bigint[], $5::text[], $6::bytea[])`;

export const FORGET_REJECTS = "delete from ev.rejected_rows where run_id = $1";
