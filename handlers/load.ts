/** load: brings the database to exactly the snapshot that a manifest names, in one transaction. */

import { setFlagsFromString } from "node:v8";
import type { Client } from "pg";
import {
	ANALYZE_STAGING,
	COUNT_DUPLICATE_KEYS,
	COUNT_REMOVABLE,
	createStaging,
	foldDuplicates,
	HAS_KNOWN_TWIN,
	IS_EMPTY,
	LATEST_SNAPSHOT,
	mergeIncoming,
	PUBLISH,
	REMOVE_UNSEEN,
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
import { type Layout, matchHeader } from "../db/source";
import {
	COUNT_NAMES,
	GUARDS,
	type Guard,
	type HandlerContext,
	type LoadCounts,
	type LoadEvent,
	type LoadResult,
} from "./contract";
import { connectWithSecret, databaseFailure, disconnect, isOutOfTime, sqlState } from "./database";
import { failure, isFailure, reasonOf } from "./failure";
import { createLog, type Log } from "./log";
import { type Manifest, parseManifest, totalBytes, versionName } from "./manifest";
import { metricLine } from "./metrics";
import { createSecrets, readSecret } from "./secrets";
import {
	firstTarget,
	noKnownRows,
	readKnownRows,
	readPages,
	type Stage,
	type Staged,
	stageUnseen,
	stagingTarget,
} from "./stage";
import { createStorage, type Storage } from "./storage";

/** Limits past which a person must look, shares of 1, and whose metrics a run writes. */
export interface LoadSettings {
	stack: string;
	/** Of the snapshot's rows, how many may be set aside. */
	maxRejectedShare: number;
	/** Of the registered vehicles, how many one snapshot may remove. */
	maxRemovedShare: number;
}

/** Kept back for the answer and for what must be said before the function is stopped. */
const MARGIN_MS = 3_000;
/** Of that, for the answer. */
const ANSWER_MS = 1_000;

const UNIQUE_VIOLATION = "23505";

interface Run {
	event: LoadEvent;
	settings: LoadSettings;
	client: Client;
	storage: Storage;
	log: Log;
	/** Milliseconds left to the load. */
	timeLeft(): number;
	/** Whether a person overrode a guard; if so, the run says so. */
	accepts(guard: Guard, note: string): boolean;
	notes: string[];
}

/** Makes the load function. @param settings what the stack's configuration decides */
export function loadHandler(settings: LoadSettings) {
	// Rows are garbage as soon as they are sent: a young generation that does not grow collects them as fast, in 40 MB less.
	setFlagsFromString("--semi-space-growth-factor=1");
	const secrets = createSecrets();
	return async (event: LoadEvent, context: HandlerContext): Promise<LoadResult> => {
		const log = createLog({ runId: event.runId, function: "load" });
		checkAccepted(event.accept);
		const timeLeft = () => context.getRemainingTimeInMillis() - MARGIN_MS;
		const { bucket } = await readSecret<{ bucket: string }>(secrets, event.secrets.pipeline, "pulumi up");
		const open = (budgetMs: number) => connectWithSecret(secrets, event.secrets.database, budgetMs);
		const client = await open(timeLeft());
		const notes: string[] = [];
		const accepts = (guard: Guard, note: string) => {
			if (!event.accept?.includes(guard)) return false;
			notes.push(`${guard} was accepted: ${note}.`);
			return true;
		};
		const run: Run = { event, settings, client, storage: createStorage(bucket), log, timeLeft, accepts, notes };
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

/** A guard misspelt would go on guarding. @throws ConfigurationInvalid */
function checkAccepted(names: string[] = []): void {
	const unknown = names.find((name) => !(GUARDS as readonly string[]).includes(name));
	if (unknown !== undefined)
		throw failure("ConfigurationInvalid", `There is no guard "${unknown}" to accept; there are ${GUARDS.join(", ")}.`);
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
		const notCounted = Object.fromEntries(COUNT_NAMES.map((name) => [name, null])) as unknown as LoadCounts;
		return await finish("unchanged", { ...notCounted, rows: manifest.rows });
	}
	const layout = matchColumns(run, manifest);
	log.info("load started", {
		rows: manifest.rows,
		pages: manifest.pages.length,
		bytes: totalBytes(manifest),
		rowsUpdatedAt,
	});

	await client.query("begin");
	await client.query("select set_config('transaction_timeout', $1, true), set_config('lock_timeout', '10s', true)", [
		String(Math.max(1, Math.floor(run.timeLeft()))),
	]);
	const counts = (await loadFirst(run, manifest, layout)) ?? (await loadNext(run, manifest, layout));
	await publish(run, manifest, counts);
	const result = await finish("loaded", counts);
	log.info("committing");
	await client.query("commit");
	log.info("loaded", { ...counts });
	return result;
}

async function readManifest({ storage, event }: Run): Promise<Manifest> {
	const content = await storage.read(event.manifestKey);
	if (!content)
		throw failure("ManifestInvalid", `The manifest ${event.manifestKey} is missing; fetch the snapshot again.`);
	return parseManifest(content.toString("utf8"), event.manifestKey);
}

const snapshotTime = (manifest: Manifest) => new Date(manifest.rowsUpdatedAt * 1000);

/** Whether the manifest's version is the latest published. @throws OlderSnapshot */
async function isPublished({ client }: Run, { rowsUpdatedAt }: Manifest): Promise<boolean> {
	const { rows } = await client.query<{ at: number | null }>(LATEST_SNAPSHOT);
	const published = rows[0]!.at;
	if (published !== null && rowsUpdatedAt < published)
		throw failure(
			"OlderSnapshot",
			`The snapshot is of ${versionName(rowsUpdatedAt)} and ${versionName(published)} is published already; the database never goes back, so load a later one.`,
		);
	return published === rowsUpdatedAt;
}

/** Matches the header with the database's columns. @throws SchemaDrift */
function matchColumns({ accepts }: Run, manifest: Manifest): Layout {
	const layout = matchHeader(manifest.header);
	const drift = (what: string) => failure("SchemaDrift", `${what}, in the header of dataset ${manifest.dataset}.`);
	const list = (names: string[]) => names.map((name) => JSON.stringify(name)).join(", ");
	if (layout.missing.length)
		throw drift(`The source no longer has the column ${list(layout.missing)}, which the database needs`);
	const left = `${list(layout.unknown)} is left out, and stays in the raw files`;
	if (layout.unknown.length && !accepts("SchemaDrift", left))
		throw drift(
			`The source has a column that the database does not know, ${list(layout.unknown)} (add it to db/, or accept "SchemaDrift" to leave it out)`,
		);
	return layout;
}

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
	run.log.info("merging", { incoming: staged.incoming, known: staged.known });
	return await merge(run, manifest, layout, staged, duplicates);
}

function pagesOf(run: Run, manifest: Manifest, layout: Layout): Stage {
	const { client, storage, log, event } = run;
	const checkTime = (page: number) => {
		if (run.timeLeft() > 0) return;
		throw failure(
			"OutOfTime",
			`The load stopped before page ${page} of ${manifest.pages.length}, since its time was up; give the function more time or memory.`,
		);
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
		const known = await readKnownRows(client, trusted);
		const staged = await readPages(pages, known, target);
		await stageUnseen(client, known);
		await client.query(ANALYZE_STAGING);
		return staged;
	};
	await client.query(createStaging(layout.present));
	const staged = await stageAll(true);
	const twin = await client.query<{ found: boolean }>(HAS_KNOWN_TWIN);
	if (!twin.rows[0]!.found) return staged;
	log.info("staging again", { reason: "a vehicle has another row beside its known one" });
	await client.query("truncate incoming, unseen");
	await client.query(FORGET_REJECTS, [event.runId]);
	return await stageAll(false);
}

/** Folds rows of the same key. @returns how many were folded away @throws SourceIncomplete for a key on two pages */
async function resolveDuplicates(run: Run, layout: Layout, staged: Staged): Promise<number> {
	const { client } = run;
	const counted = await client.query<{ keys: number; split: number; example: string | null }>(COUNT_DUPLICATE_KEYS);
	const { keys, split, example } = counted.rows[0]!;
	const onTwoPages = split + staged.onTwoPages;
	const what = `${onTwoPages} vehicles stand on more than one page${example ? `, ${example} among them` : ""}`;
	if (onTwoPages && !run.accepts("SourceIncomplete", what))
		throw failure(
			"SourceIncomplete",
			`${what}: the source changed between two pages, so that others are missing; the snapshot must be fetched again.`,
		);
	if (keys === 0) return staged.repeated;
	const textColumns = layout.present.filter((column) => ["text", "vehicleType", "list"].includes(column.kind));
	const names = textColumns.flatMap((column) => column.targets);
	const folded = await client.query(foldDuplicates(layout.present, names));
	return staged.repeated + (folded.rowCount ?? 0);
}

/** @throws TooManyRejects */
function checkRejects(run: Run, staged: Staged): void {
	const { maxRejectedShare } = run.settings;
	if (staged.rejected <= maxRejectedShare * staged.rows) return;
	const what = `${staged.rejected} of ${staged.rows} rows do not fit, the first on ${staged.firstReject}`;
	if (!run.accepts("TooManyRejects", what))
		throw failure(
			"TooManyRejects",
			`${what}; maxRejectedShare allows ${maxRejectedShare} of them (accept "TooManyRejects" to load the rest).`,
		);
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
	const removable = await removableKeys(run, staged);
	const merged = await client.query<Record<"added" | "returned" | "changed" | "regeocoded" | "unchanged", number>>(
		mergeIncoming(layout.present),
		[at],
	);
	const { added, returned, changed, regeocoded, unchanged } = merged.rows[0]!;
	const removed = removable
		? (await client.query<{ removed: number }>(REMOVE_UNSEEN, [at, staged.rejectedKeys])).rows[0]!.removed
		: 0;
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
	const figures = [rows, added, returned, changed, regeocoded, removed];
	await client.query(PUBLISH, [at, event.manifestKey, event.runId, ...figures]);
}

/**
 * Whether the vehicles that were not seen may be removed: not while a rejected row could be any of them.
 * @throws SuspiciousShrink
 */
async function removableKeys(run: Run, staged: Staged): Promise<boolean> {
	const { client, settings, notes } = run;
	const counted = await client.query<{ removed: number }>(COUNT_REMOVABLE, [staged.rejectedKeys]);
	const { removed } = counted.rows[0]!;
	if (removed === 0) return true;
	const unreadable = `the keys of ${staged.unreadableKeys} rejected rows cannot be read`;
	if (staged.unreadableKeys && !run.accepts("UnreadableKeys", unreadable)) {
		notes.push(`Nobody was removed, since ${unreadable} and could be any of the ${removed} that are missing.`);
		return false;
	}
	const what = `${removed} of ${staged.registered} registered vehicles are not in the snapshot`;
	if (removed > settings.maxRemovedShare * staged.registered && !run.accepts("SuspiciousShrink", what))
		throw failure(
			"SuspiciousShrink",
			`${what}; maxRemovedShare allows ${settings.maxRemovedShare} of them (accept "SuspiciousShrink" if it is true).`,
		);
	return true;
}

/**
 * What a caught error is called: as it was named, or by what the database did. A session that was ended while nobody asked
 * it anything is just gone: then the time tells why.
 */
function nameOf({ timeLeft }: Run, error: unknown): Error {
	const named = databaseFailure(error, "while loading");
	if (isOutOfTime(error) || (isFailure(named, "DatabaseUnavailable") && timeLeft() <= 0))
		return failure(
			"OutOfTime",
			`The load was stopped by the database, since its time was up: ${reasonOf(error)}.`,
			error,
		);
	return named;
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
