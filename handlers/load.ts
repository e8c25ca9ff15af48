/** load: brings the database to exactly the snapshot that a manifest names, in one transaction. */

import { setFlagsFromString } from "node:v8";
import type { Client } from "pg";
import { COUNT_NAMES } from "../db/counts";
import {
	ABANDON_ORPHANS,
	FAIL_RUN,
	FINISHED_RUN,
	SCHEMAS,
	type Schema,
	START_RUN,
	TRY_LOCK_RUN,
	USE_SCHEMA,
} from "../db/runs";
import type { Guard, HandlerContext, LoadEvent, LoadResult } from "./common/contract";
import { connectWithSecret, databaseFailure, disconnect, isOutOfTime } from "./common/database";
import { failure, isFailure, reasonOf } from "./common/failure";
import { createLog } from "./common/log";
import { metricLine } from "./common/metrics";
import { createSecrets, readSecret, type Secrets } from "./common/secrets";
import { checkAccepted } from "./loading/guards";
import { loadSnapshot } from "./loading/load-snapshot";
import { describeProgress, type LoadSettings, outOfTime, type Run } from "./loading/run";
import { type Bucket, openBucket } from "./raw/bucket";

/** Kept back from the function's time for its last words: a failed run's record, its log line, its answer. */
const RESERVED_MS = 3_000;
/** The part of it that the answer takes. */
const ANSWER_MS = 1_000;

const DAY_SECONDS = 24 * 3600;

type OpenSession = (budgetMs: number) => Promise<Client>;

/** Creates the load function. @param settings what the stack's configuration decides */
export function loadHandler(settings: LoadSettings) {
	// Rows become garbage as soon as they are copied: a young generation that does not grow takes 40 MB less and no more time.
	setFlagsFromString("--semi-space-growth-factor=1");
	const secrets = createSecrets();
	return async (event: LoadEvent, context: HandlerContext): Promise<LoadResult> => {
		checkAccepted(event.accept);
		checkSchema(event.schema);
		const timeLeft = () => context.getRemainingTimeInMillis() - RESERVED_MS;
		const openSession: OpenSession = (budgetMs) => connectWithSecret(secrets, event.secrets.database, budgetMs);
		const { bucket, client } = await openBoth(locateBucket(secrets, event.secrets.pipeline), openSession(timeLeft()));
		const run = createRun(event, settings, { bucket, client, timeLeft });
		try {
			return await runOnce(run);
		} catch (error) {
			const failed = nameFailure(run, error);
			run.log.warn("load failed", { error: failed.name, message: failed.message });
			await recordFailure(run, failed, openSession);
			throw failed;
		} finally {
			await disconnect(client);
		}
	};
}

/** @throws ConfigurationInvalid for a schema that is not one of load's */
function checkSchema(schema: Schema = "ev"): void {
	if (!SCHEMAS.includes(schema))
		throw failure("ConfigurationInvalid", `Unknown schema "${schema}". Valid schemas: ${SCHEMAS.join(", ")}.`);
}

/** Lets the run's statements find their tables. */
async function useSchema(client: Client, { schema = "ev" }: LoadEvent): Promise<void> {
	await client.query(USE_SCHEMA, [schema]);
}

async function locateBucket(secrets: Secrets, pipeline: string): Promise<Bucket> {
	const { bucket } = await readSecret<{ bucket: string }>(secrets, pipeline, "pulumi up");
	return openBucket(bucket);
}

/** Opens the bucket and the database at the same time. @throws the first failure; no session is left open */
async function openBoth(locating: Promise<Bucket>, connecting: Promise<Client>) {
	try {
		const [bucket, client] = await Promise.all([locating, connecting]);
		return { bucket, client };
	} catch (error) {
		await connecting.then(disconnect, () => {});
		throw error;
	}
}

function createRun(event: LoadEvent, settings: LoadSettings, opened: Pick<Run, "bucket" | "client" | "timeLeft">): Run {
	const notes: string[] = [];
	const accepts = (guard: Guard, what: string) => {
		if (!event.accept?.includes(guard)) return false;
		notes.push(`${guard} was accepted: ${what}.`);
		return true;
	};
	const log = createLog({ runId: event.runId, function: "load" });
	return { event, settings, ...opened, log, notes, accepts, progress: { phase: "reading", page: 0, pages: 0 } };
}

/** Loads while holding the lock on runs, unless this run succeeded before and only its answer was lost. */
async function runOnce(run: Run): Promise<LoadResult> {
	const { client, event } = run;
	await useSchema(client, event);
	const lock = await client.query<{ locked: boolean }>(TRY_LOCK_RUN);
	if (!lock.rows[0]!.locked)
		throw failure(
			"RunInProgress",
			"Another run is loading into this database; the workflow tries again when it is over.",
		);
	const finished = await client.query<LoadResult>(FINISHED_RUN, [event.runId]);
	if (finished.rows[0]) return finished.rows[0];
	await client.query(ABANDON_ORPHANS);
	await client.query(START_RUN, [event.runId, event.manifestKey, event.accept ?? []]);
	const result = await loadSnapshot(run);
	writeMetrics(run, result);
	return result;
}

/** Writes the run's counts for the dashboard and the alarms; a run whose answer was lost is not counted again. */
function writeMetrics({ event, settings }: Run, result: LoadResult): void {
	// Nearly all rows are unchanged, night after night: no metric, since each is paid for by the month.
	const counted = COUNT_NAMES.filter((name) => name !== "unchanged");
	const values = {
		...Object.fromEntries([...counted, "seconds" as const].map((name) => [name, result[name]])),
		ageDays: (Date.now() / 1000 - result.rowsUpdatedAt) / DAY_SECONDS,
	};
	process.stdout.write(metricLine({ function: "load", stack: settings.stack, runId: event.runId }, values));
}

/**
 * Names an error for the workflow: as it is named already, or by what happened to the session. A session that was cut
 * between two statements only says that it is gone; the time left says why. Whether a COMMIT without an answer succeeded is
 * found out by the next attempt, so that failure must be one that the workflow retries.
 */
function nameFailure(run: Run, error: unknown): Error {
	const named = databaseFailure(error, `while loading, ${describeProgress(run.progress)}`);
	const isLate = isOutOfTime(error) || (isFailure(named, "DatabaseUnavailable") && run.timeLeft() <= 0);
	if (!isLate) return named;
	if (run.progress.phase !== "committing") return outOfTime(run, error);
	return failure("DatabaseUnavailable", `The database did not answer COMMIT in time: ${reasonOf(error)}.`, error);
}

/** Closes the run's record, over a new session where the old one is gone. An error here must not hide the failure. */
async function recordFailure(run: Run, error: Error, openSession: OpenSession): Promise<void> {
	// The lock is another run's, so this run has no record.
	if (isFailure(error, "RunInProgress")) return;
	const values = [run.event.runId, error.name, error.message];
	try {
		await run.client.query("rollback");
		await run.client.query(FAIL_RUN, values);
	} catch {
		try {
			const client = await openSession(run.timeLeft() + RESERVED_MS - ANSWER_MS);
			await useSchema(client, run.event)
				.then(() => client.query(FAIL_RUN, values))
				.finally(() => disconnect(client));
		} catch (again) {
			run.log.warn("run not recorded", { reason: reasonOf(again) });
		}
	}
}
