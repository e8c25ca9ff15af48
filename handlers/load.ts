/** load: brings the database to exactly the snapshot that a manifest names, in one transaction. */

import { setFlagsFromString } from "node:v8";
import type { Client } from "pg";
import {
	ANALYZE_STAGING,
	COUNT_REGISTERED,
	createStaging,
	IS_EMPTY,
	mergeIncoming,
	PUBLISH,
	REMOVE_GONE,
	SET_UP_TRANSACTION,
} from "../db/merge";
import {
	ABANDON_ORPHANS,
	FAIL_RUN,
	FINISH_RUN,
	FINISHED_RUN,
	FORGET_REJECTS,
	START_RUN,
	TRY_LOCK_RUN,
} from "../db/runs";
import type { Layout } from "../db/source";
import {
	COUNT_NAMES,
	type Guard,
	type HandlerContext,
	type LoadCounts,
	type LoadEvent,
	type LoadResult,
	NOT_COUNTED,
} from "./common/contract";
import { connectWithSecret, databaseFailure, disconnect, isOutOfTime, sqlState } from "./common/database";
import { failure, isFailure, reasonOf } from "./common/failure";
import { createLog } from "./common/log";
import { metricLine } from "./common/metrics";
import { createSecrets, readSecret, type Secrets } from "./common/secrets";
import {
	firstTarget,
	noKnownRows,
	readKnownRows,
	readPages,
	type Stage,
	type Staged,
	stagingTarget,
} from "./loading/copy-pages";
import { checkAccepted, checkRejects, isPublished, matchColumns, mayRemove, resolveDuplicates } from "./loading/guards";
import type { LoadSettings, Run } from "./loading/run";
import { createStorage, type Storage } from "./raw/bucket";
import { type Manifest, parseManifest, totalBytes } from "./raw/manifest";

/** Kept back for the answer and for what must be said before the function is stopped. */
const MARGIN_MS = 3_000;
/** Of that, for the answer. */
const ANSWER_MS = 1_000;

const UNIQUE_VIOLATION = "23505";
const AT_COMMIT = "at its COMMIT";

/** Makes the load function. @param settings what the stack's configuration decides */
export function loadHandler(settings: LoadSettings) {
	// Rows are garbage as soon as they are sent: a young generation that does not grow collects them as fast, in 40 MB less.
	setFlagsFromString("--semi-space-growth-factor=1");
	const secrets = createSecrets();
	return async (event: LoadEvent, context: HandlerContext): Promise<LoadResult> => {
		const log = createLog({ runId: event.runId, function: "load" });
		checkAccepted(event.accept);
		const timeLeft = () => context.getRemainingTimeInMillis() - MARGIN_MS;
		const open = (budgetMs: number) => connectWithSecret(secrets, event.secrets.database, budgetMs);
		const { storage, client } = await openWays(findStorage(secrets, event.secrets.pipeline), open(timeLeft()));
		const notes: string[] = [];
		const accepts = (guard: Guard, note: string) => {
			if (!event.accept?.includes(guard)) return false;
			notes.push(`${guard} was accepted: ${note}.`);
			return true;
		};
		const reached = "before its first page";
		const run: Run = { event, settings, client, storage, log, timeLeft, accepts, notes, reached };
		try {
			return await runOnce(run);
		} catch (error) {
			const named = nameOf(run, error);
			log.warn("load failed", { error: named.name, message: named.message });
			await recordFailure(run, named, open);
			throw named;
		} finally {
			await disconnect(client);
		}
	};
}

async function findStorage(secrets: Secrets, pipeline: string): Promise<Storage> {
	const { bucket } = await readSecret<{ bucket: string }>(secrets, pipeline, "pulumi up");
	return createStorage(bucket);
}

/** The ways to raw data and into the database, both at once. @throws what one fails with; then none is left open */
async function openWays(finding: Promise<Storage>, opening: Promise<Client>) {
	try {
		const [storage, client] = await Promise.all([finding, opening]);
		return { storage, client };
	} catch (error) {
		await opening.then(disconnect, () => {});
		throw error;
	}
}

/** Loads under the run's lock, unless this run was finished before and only its answer was lost. */
async function runOnce(run: Run): Promise<LoadResult> {
	const { client, event } = run;
	const lock = await client.query<{ locked: boolean }>(TRY_LOCK_RUN);
	if (!lock.rows[0]!.locked)
		throw failure(
			"RunInProgress",
			"Another run is loading into this database; it is tried again when that one is done.",
		);
	const finished = await client.query<LoadResult>(FINISHED_RUN, [event.runId]);
	if (finished.rows[0]) return finished.rows[0];
	await client.query(ABANDON_ORPHANS);
	await client.query(START_RUN, [event.runId, event.manifestKey, event.accept ?? []]);
	const result = await load(run);
	writeMetrics(run, result);
	return result;
}

/** What a run did, for the dashboard and the alarms; a run whose answer was lost does not count again. */
function writeMetrics({ event, settings }: Run, result: LoadResult): void {
	const { rows, added, returned, changed, regeocoded, removed, rejected, duplicates, seconds } = result;
	const values = { rows, added, returned, changed, regeocoded, removed, rejected, duplicates, seconds };
	process.stdout.write(metricLine({ function: "load", stack: settings.stack, runId: event.runId }, values));
}

/** The load as an outline: read the manifest, check it against what is published, then stage, check, merge, publish. */
async function load(run: Run): Promise<LoadResult> {
	const { client, event, log, notes } = run;
	const startedAt = Date.now();
	const manifest = await readManifest(run);
	const { rowsUpdatedAt } = manifest;
	const finish = async (status: LoadResult["status"], counts: LoadCounts): Promise<LoadResult> => {
		await client.query(FINISH_RUN, [
			event.runId,
			status,
			snapshotTime(manifest),
			notes,
			...COUNT_NAMES.map((name) => counts[name]),
		]);
		return { status, ...counts, rowsUpdatedAt, notes, seconds: (Date.now() - startedAt) / 1000 };
	};

	if ((await isPublished(run, manifest)) && !event.reload) {
		log.info("unchanged", { rowsUpdatedAt });
		return await finish("unchanged", { ...NOT_COUNTED, rows: manifest.rows });
	}
	const layout = matchColumns(run, manifest);
	log.info("load started", {
		rows: manifest.rows,
		pages: manifest.pages.length,
		bytes: totalBytes(manifest),
		rowsUpdatedAt,
	});

	await client.query("begin");
	await client.query(SET_UP_TRANSACTION, [String(Math.max(1, Math.floor(run.timeLeft())))]);
	const counts = (await loadFirst(run, manifest, layout)) ?? (await loadNext(run, manifest, layout));
	await publish(run, manifest, counts);
	const result = await finish("loaded", counts);
	run.reached = AT_COMMIT;
	log.info("committing");
	await client.query("commit");
	log.info("loaded", { ...counts });
	return result;
}

async function readManifest({ storage, event }: Run): Promise<Manifest> {
	const content = await storage.read(event.manifestKey);
	if (!content)
		throw failure("ManifestInvalid", `The manifest ${event.manifestKey} is missing; fetch the snapshot again.`);
	const manifest = parseManifest(content.toString("utf8"), event.manifestKey);
	if (event.dataset !== undefined && manifest.dataset !== event.dataset)
		throw failure(
			"ManifestInvalid",
			`The manifest ${event.manifestKey} is of dataset ${manifest.dataset}, and this run is for ${event.dataset}; give it one of that.`,
		);
	return manifest;
}

const snapshotTime = (manifest: Manifest) => new Date(manifest.rowsUpdatedAt * 1000);

/** The load of the very first snapshot: straight into `ev.vehicles`. @returns undefined where there is more to it than that */
async function loadFirst(run: Run, manifest: Manifest, layout: Layout): Promise<LoadCounts | undefined> {
	const { client, log } = run;
	if (!(await client.query<{ empty: boolean }>(IS_EMPTY)).rows[0]!.empty) return undefined;
	await client.query("savepoint first");
	try {
		const target = firstTarget(layout.present, snapshotTime(manifest));
		const read = await readPages(pagesOf(run, manifest, layout), noKnownRows(), target);
		checkRejects(run, read);
		const { rows, incoming: added, rejected } = read;
		return { rows, added, returned: 0, changed: 0, regeocoded: 0, unchanged: 0, duplicates: 0, rejected, removed: 0 };
	} catch (error) {
		if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
		log.info("staging", { reason: "a vehicle has more than one row" });
		await client.query("rollback to savepoint first");
		return undefined;
	}
}

/** The load of any other snapshot: what is not known is staged, checked and merged. */
async function loadNext(run: Run, manifest: Manifest, layout: Layout): Promise<LoadCounts> {
	const staged = await stage(run, manifest, layout);
	const duplicates = await resolveDuplicates(run, layout, staged);
	checkRejects(run, staged);
	run.reached = "at the merge";
	run.log.info("merging", { incoming: staged.incoming, known: staged.known });
	return await merge(run, manifest, layout, staged, duplicates);
}

function pagesOf(run: Run, manifest: Manifest, layout: Layout): Stage {
	const { client, storage, log, event } = run;
	const checkTime = (page: number) => {
		run.reached = `at page ${page} of ${manifest.pages.length}`;
		if (run.timeLeft() <= 0) throw outOfTime(run);
	};
	return { client, storage, manifest, layout, runId: event.runId, log, checkTime };
}

/**
 * Stages all pages. Rows known by their hash are not compared with each other: where a vehicle has another row beside its
 * known one, all is staged again with every row read.
 */
async function stage(run: Run, manifest: Manifest, layout: Layout): Promise<Staged> {
	const { client, log, event } = run;
	const pages = pagesOf(run, manifest, layout);
	const target = stagingTarget(layout.present);
	const stageAll = async (trusted: boolean) => {
		const staged = await readPages(pages, readKnownRows(client, trusted), target);
		await client.query(ANALYZE_STAGING);
		return staged;
	};
	await client.query(createStaging(layout.present));
	const staged = await stageAll(true);
	if (!staged.hasTwin) return staged;
	log.info("staging again", { reason: "a vehicle has another row beside its known one" });
	await client.query("truncate incoming");
	await client.query(FORGET_REJECTS, [event.runId]);
	return await stageAll(false);
}

/** Merges what is staged and removes what is gone. */
async function merge(
	run: Run,
	manifest: Manifest,
	layout: Layout,
	staged: Staged,
	duplicates: number,
): Promise<LoadCounts> {
	const { client } = run;
	const at = snapshotTime(manifest);
	const gone = mayRemove(run, staged) ? staged.gone : [];
	const merged = await client.query<Record<"added" | "returned" | "changed" | "regeocoded" | "unchanged", number>>(
		mergeIncoming(layout.present),
		[at],
	);
	const { added, returned, changed, regeocoded, unchanged } = merged.rows[0]!;
	const removed = gone.length ? (await client.query<{ removed: number }>(REMOVE_GONE, [at, gone])).rows[0]!.removed : 0;
	return {
		rows: staged.rows,
		added,
		returned,
		changed,
		regeocoded,
		unchanged: unchanged + staged.known,
		duplicates,
		rejected: staged.rejected,
		removed,
	};
}

/** Writes down the snapshot, unless it was there and nothing changed. */
async function publish(run: Run, manifest: Manifest, counts: LoadCounts): Promise<void> {
	const { client, event } = run;
	const { rows, added, returned, changed, regeocoded, removed } = counts;
	const differs = [added, returned, changed, regeocoded, removed].some((count) => count !== 0);
	if (!differs && (await isPublished(run, manifest))) return;
	const at = snapshotTime(manifest);
	const registered = await client.query<{ by_type: object; by_county: object }>(COUNT_REGISTERED);
	const { by_type, by_county } = registered.rows[0]!;
	const figures = [rows, added, returned, changed, regeocoded, removed, by_type, by_county];
	await client.query(PUBLISH, [at, event.manifestKey, event.runId, ...figures]);
}

/**
 * What a caught error is called: as it was named, or by what the database did. A session that was ended while nobody asked
 * it anything is just gone: then the time tells why. Whether a COMMIT that nobody answered was done, the next try finds
 * out, so that it must be one that is tried again.
 */
function nameOf(run: Run, error: unknown): Error {
	const named = databaseFailure(error, `while loading, ${run.reached}`);
	const isLate = isOutOfTime(error) || (isFailure(named, "DatabaseUnavailable") && run.timeLeft() <= 0);
	if (!isLate) return named;
	if (run.reached !== AT_COMMIT) return outOfTime(run, error);
	return failure("DatabaseUnavailable", `The database gave no answer to COMMIT in time: ${reasonOf(error)}.`, error);
}

/** @param error what ended the load, if it did not stop by itself */
function outOfTime({ reached }: Run, error?: unknown): Error {
	const why = error === undefined ? "" : ` (${reasonOf(error)})`;
	return failure(
		"OutOfTime",
		`The load stopped ${reached}, since its time was up${why}; give the function more time or memory.`,
		error,
	);
}

/** Closes the run's record, over a new connection where the old one is gone. What fails here must not hide the failure. */
async function recordFailure(run: Run, error: Error, open: (budgetMs: number) => Promise<Client>): Promise<void> {
	// The run that holds the lock is another's; this one has no record.
	if (isFailure(error, "RunInProgress")) return;
	const values = [run.event.runId, error.name, error.message];
	try {
		await run.client.query("rollback");
		await run.client.query(FAIL_RUN, values);
	} catch {
		try {
			const client = await open(run.timeLeft() + MARGIN_MS - ANSWER_MS);
			await client.query(FAIL_RUN, values).finally(() => disconnect(client));
		} catch (again) {
			run.log.warn("run not recorded", { reason: reasonOf(again) });
		}
	}
}
