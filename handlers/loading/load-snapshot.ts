/** The load as an outline: read the manifest, copy the rows, check them, merge them, publish the snapshot. */

import { COUNT_NAMES, type LoadCounts, NOT_COUNTED, SNAPSHOT_COUNT_NAMES } from "../../db/counts";
import {
	ANALYZE_STAGING,
	BEGIN_LOAD,
	CONFIRM_SNAPSHOT,
	createStaging,
	IS_EMPTY,
	mergeStaging,
	PUBLISH,
	REMOVE_GONE,
	TRUNCATE_STAGING,
} from "../../db/merge";
import { DELETE_REJECTS, FINISH_RUN, FORGET_REJECTS, SAVE_MANIFEST_SUM } from "../../db/runs";
import { COUNT_FROM_FLOWS, COUNT_IN_FULL, CREATE_FLOWS, HASH_ONLY } from "../../db/snapshot-counts";
import { type SourceColumn, TRANSFORM_VERSION } from "../../db/source-columns";
import type { LoadResult } from "../common/contract";
import { isDuplicateKey } from "../common/database";
import { failure, isFailure } from "../common/failure";
import { hasSameContent, type Manifest, totalBytes } from "../raw/manifest";
import { readManifest, type StoredManifest } from "../raw/stored-manifest";
import { type Copied, copyPages, loadKnownRows, noKnownRows, stagingTable, vehiclesTable } from "./copy-pages";
import {
	checkChanges,
	checkColumns,
	checkRejects,
	findPublished,
	foldDuplicateRows,
	matchColumns,
	mayRemove,
} from "./guards";
import { type Run, type SnapshotRun, snapshotTime } from "./run";

/**
 * Brings the database to the snapshot, or finds that it is there already.
 * @throws every failure that `load` names but those of opening the database; nothing is published then
 */
export async function loadSnapshot(run: Run): Promise<LoadResult> {
	const startedAt = Date.now();
	const stored = await openManifest(run);
	const { manifest } = stored;
	const { rowsUpdatedAt, rows, pages } = manifest;
	if (!run.event.reload && (await holdsContent(run, stored))) {
		run.log.info("unchanged", { rowsUpdatedAt });
		return await finish(run, manifest, "unchanged", { ...NOT_COUNTED, rows }, startedAt);
	}
	const snapshot: SnapshotRun = {
		...run,
		manifest,
		manifestSha256: stored.sha256,
		layout: matchColumns(run, manifest),
		snapshotAt: snapshotTime(manifest),
	};
	run.log.info("load started", { rows, pages: pages.length, bytes: totalBytes(manifest), rowsUpdatedAt });

	await run.client.query("begin");
	await run.client.query(BEGIN_LOAD, [String(Math.max(1, Math.floor(run.timeLeft())))]);
	const first = await copyIntoEmptyTable(snapshot);
	const counts = first ?? (await stageAndMerge(snapshot));
	await publish(snapshot, counts, first ? countInFull : countFromFlows);
	const result = await finish(run, manifest, "loaded", counts, startedAt);
	run.progress.phase = "committing";
	run.log.info("committing");
	await run.client.query("commit");
	run.log.info("loaded", { ...counts });
	return result;
}

/** Reads the manifest and records which one it was. @throws ManifestInvalid where it is not the one that the event names */
async function openManifest({ client, bucket, event }: Run): Promise<StoredManifest> {
	const stored = await readManifest(bucket, event.manifestKey, event.manifestSha256);
	const { dataset } = stored.manifest;
	if (event.dataset !== undefined && dataset !== event.dataset)
		throw failure(
			"ManifestInvalid",
			`The manifest ${event.manifestKey} is of dataset ${dataset}, but this run is for ${event.dataset}; start it with a manifest of that dataset.`,
		);
	await client.query(SAVE_MANIFEST_SUM, [event.runId, stored.sha256]);
	return stored;
}

/**
 * Whether the database holds what the manifest names: its version is the latest published, and was published from this manifest
 * or from one with the same pages. Where that cannot be known, it must be merged.
 * @throws OlderSnapshot, StorageUnavailable
 */
async function holdsContent(run: Run, { sha256, manifest }: StoredManifest): Promise<boolean> {
	const published = await findPublished(run, manifest);
	// Without a sum, the manifest may have been written again after it was published.
	if (!published?.manifestSha256) return false;
	if (published.manifestSha256 === sha256) return true;
	try {
		const other = await readManifest(run.bucket, published.manifestKey, published.manifestSha256);
		return hasSameContent(other.manifest, manifest);
	} catch (error) {
		if (!isFailure(error, "ManifestInvalid")) throw error;
		run.log.warn("merging again", { reason: (error as Error).message });
		return false;
	}
}

/** Copies the very first snapshot straight into `vehicles`. @returns undefined where the rows must be staged */
async function copyIntoEmptyTable(run: SnapshotRun): Promise<LoadCounts | undefined> {
	const { client, log, layout, snapshotAt } = run;
	if (!(await client.query<{ empty: boolean }>(IS_EMPTY)).rows[0]!.empty) return undefined;
	await client.query("savepoint first");
	try {
		const copied = await copyPages(run, vehiclesTable(layout.present, snapshotAt), noKnownRows());
		checkColumns(run, copied);
		checkRejects(run, copied);
		const none = { returned: 0, changed: 0, regeocoded: 0, unchanged: 0, duplicates: 0, removed: 0 };
		return { ...none, rows: copied.rows, added: copied.copied, rejected: copied.rejected };
	} catch (error) {
		if (!isDuplicateKey(error)) throw error;
		log.info("staging", { reason: "a vehicle has more than one row" });
		await client.query("rollback to savepoint first");
		return undefined;
	}
}

/** Copies the rows that the database does not know into the staging table, checks them, and merges them. */
async function stageAndMerge(run: SnapshotRun): Promise<LoadCounts> {
	const copied = await stageRows(run);
	const present = checkColumns(run, copied);
	const duplicates = await foldDuplicateRows(run, copied, present);
	checkRejects(run, copied);
	run.progress.phase = "merging";
	run.log.info("merging", { copied: copied.copied, known: copied.known });
	return await merge(run, copied, present, duplicates);
}

/**
 * Fills the staging table. Rows whose hash is known are not compared with other rows of their vehicle; where there is such
 * a row, everything is staged again, known rows included.
 */
async function stageRows(run: SnapshotRun): Promise<Copied> {
	const { client, log, event, layout } = run;
	const stage = async (copyKnown: boolean) => {
		const copied = await copyPages(run, stagingTable(layout.present), loadKnownRows(client), { copyKnown });
		await client.query(ANALYZE_STAGING);
		return copied;
	};
	await client.query(createStaging(layout.present));
	await client.query(CREATE_FLOWS);
	const copied = await stage(false);
	if (!copied.hasConflictingRow) return copied;
	log.info("staging again", { reason: "a vehicle has another row beside its known one" });
	await client.query(TRUNCATE_STAGING);
	await client.query(DELETE_REJECTS, [event.runId]);
	return await stage(true);
}

type MergeCounts = Record<"added" | "returned" | "changed" | "overwritten" | "regeocoded" | "unchanged", number>;

/** Merges the staged rows and removes the vehicles that are gone. */
async function merge(
	run: SnapshotRun,
	copied: Copied,
	present: SourceColumn[],
	duplicates: number,
): Promise<LoadCounts> {
	const { client, snapshotAt } = run;
	const gone = mayRemove(run, copied) ? copied.gone : [];
	const merged = await client.query<MergeCounts>(mergeStaging(present), [snapshotAt]);
	const { overwritten, ...counts } = merged.rows[0]!;
	await checkChanges(run, copied, overwritten);
	const removed = gone.length
		? (await client.query<{ removed: number }>(REMOVE_GONE, [snapshotAt, gone])).rows[0]!.removed
		: 0;
	const { rows, rejected, known } = copied;
	return { rows, ...counts, unchanged: counts.unchanged + known, duplicates, rejected, removed };
}

/** Records the snapshot as published; where it was already and nothing changed, only what it was read from. */
async function publish(
	run: SnapshotRun,
	counts: LoadCounts,
	count: (run: SnapshotRun) => Promise<void>,
): Promise<void> {
	const { client, event, manifest, manifestSha256, snapshotAt } = run;
	const [, ...changes] = SNAPSHOT_COUNT_NAMES;
	const hasChanges = changes.some((name) => counts[name] !== 0);
	const source = [event.manifestKey, manifestSha256];
	if (!hasChanges && (await findPublished(run, manifest))) {
		await client.query(CONFIRM_SNAPSHOT, [snapshotAt, ...source, TRANSFORM_VERSION, counts.rows]);
		return;
	}
	await count(run);
	const figures = SNAPSHOT_COUNT_NAMES.map((name) => counts[name]);
	await client.query(PUBLISH, [snapshotAt, ...source, event.runId, TRANSFORM_VERSION, ...figures]);
}

async function countInFull({ client, snapshotAt }: SnapshotRun): Promise<void> {
	await client.query(HASH_ONLY);
	await client.query(COUNT_IN_FULL, [snapshotAt]);
}

async function countFromFlows({ client, snapshotAt }: SnapshotRun): Promise<void> {
	await client.query(COUNT_FROM_FLOWS, [snapshotAt]);
}

/** Closes the run's record. @returns what load returns */
async function finish(
	run: Run,
	manifest: Manifest,
	status: LoadResult["status"],
	counts: LoadCounts,
	startedAt: number,
): Promise<LoadResult> {
	const { client, event, notes } = run;
	const values = COUNT_NAMES.map((name) => counts[name]);
	await client.query(FINISH_RUN, [event.runId, status, snapshotTime(manifest), notes, ...values]);
	await client.query(FORGET_REJECTS);
	const seconds = (Date.now() - startedAt) / 1000;
	return { status, ...counts, rowsUpdatedAt: manifest.rowsUpdatedAt, notes, seconds };
}
