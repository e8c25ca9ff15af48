/**
 * Statements about runs, each executed in a transaction of its own or in the load's. Tables are found through the session's
 * search_path.
 */

import { COUNT_NAMES } from "./counts";

/** Schemas that load may write: what readers see, and what a replay builds beside it. */
export const SCHEMAS = ["ev", "ev_next"] as const;
export type Schema = (typeof SCHEMAS)[number];

/** Lets the session's statements find the tables of one schema: $1 its name. */
export const USE_SCHEMA = "select set_config('search_path', $1, false)";

/** Takes the lock that one load at a time holds. The two numbers spell "ev" and "load"; nothing else uses them. */
export const TRY_LOCK_RUN = "select pg_try_advisory_lock(25974, 1819238756) as locked";

/** Waits for the same lock, and takes it until the transaction ends. */
export const LOCK_RUN = "select pg_advisory_xact_lock(25974, 1819238756)";

/** A run whose process died stays "running" for ever; the run that holds the lock knows that it is over. */
export const ABANDON_ORPHANS = "update runs set status = 'abandoned', finished_at = now() where status = 'running'";

/** Opens a run, or opens it again where the workflow loads twice: $1 run, $2 key of the manifest, $3 accepted guards. */
export const START_RUN = `
	insert into runs (run_id, manifest_key, status, started_at, accepted, notes)
	values ($1, $2, 'running', now(), $3, '{}')
	on conflict (run_id) do update set
		manifest_key = excluded.manifest_key, manifest_sha256 = null, status = 'running', started_at = excluded.started_at,
		finished_at = null, accepted = excluded.accepted, notes = '{}', error = null, message = null`;

/** Records which manifest a run read: $1 run, $2 its SHA-256. */
export const SAVE_MANIFEST_SUM = "update runs set manifest_sha256 = $2 where run_id = $1";

/** Closes a run that succeeded: $1 run, $2 status, $3 snapshot's time, $4 notes, then the counts in order. */
export const FINISH_RUN = `
	update runs set
		status = $2, finished_at = clock_timestamp(), snapshot_at = $3, notes = $4,
		${COUNT_NAMES.map((name, index) => `${name} = $${index + 5}`).join(", ")}
	where run_id = $1`;

/** Closes a run that failed: $1 run, $2 error's name, $3 its message. A published run keeps its status. */
export const FAIL_RUN = `
	update runs set status = 'failed', finished_at = now(), error = $2, message = $3
	where run_id = $1 and status = 'running'`;

/** The result of a run that succeeded, as load returned it; read when a retry follows a lost reply. */
export const FINISHED_RUN = `
	select status, extract(epoch from snapshot_at)::float8 as "rowsUpdatedAt", notes, ${COUNT_NAMES.join(", ")},
		extract(epoch from finished_at - started_at)::float8 as seconds
	from runs
	where run_id = $1 and status in ('loaded', 'unchanged')`;

/** Saves rejected rows: $1 run, $2 page, then arrays of line, key, reason and raw bytes. */
export const SAVE_REJECTS = `
	insert into rejected_rows (run_id, page, line, dol_vehicle_id, reason, raw)
	select $1, $2, * from unnest($3::int[], $4::bigint[], $5::text[], $6::bytea[])`;

export const DELETE_REJECTS = "delete from rejected_rows where run_id = $1";

/** Deletes the rejected rows of runs that began more than a year ago; the raw data still has them. */
export const FORGET_REJECTS = `
	delete from rejected_rows using runs
	where runs.run_id = rejected_rows.run_id and runs.started_at < now() - interval '1 year'`;
