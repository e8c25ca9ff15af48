/** The load as an outline: read the manifest, copy the rows, check them, merge them, publish the snapshot. */

import { COUNT_NAMES, type LoadCounts, NOT_COUNTED, SNAPSHOT_COUNT_NAMES } from "../../db/counts";
import {
	ANALYZE_STAGING,
	BEGIN_LOAD,
	COUNT_REGISTERED,
	createStaging,
	IS_EMPTY,
	mergeStaging,
	PUBLISH,
	REMOVE_GONE,
	TRUNCATE_STAGING,
} from "../../db/merge";
import { DELETE_REJECTS, FINISH_RUN } from "../../db/runs";
import { type SourceColumn, TRANSFORM_VERSION } from "../../db/source";
import type { LoadResult } from "../common/contract";
import { isDuplicateKey } from "../common/database";
import { failure } from "../common/failure";
import { type Manifest, parseManifest, totalBytes } from "../raw/manifest";
import { type Copied, copyPages, loadKnownRows, noKnownRows, stagingTable, vehiclesTable } from "./copy-pages";
import {
	checkChanges,
	checkColumns,
	checkRejects,
	foldDuplicateRows,
	isPublished,
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
	const manifest = await readManifest(run);
	const { rowsUpdatedAt, rows, pages } = manifest;
	if ((await isPublished(run, manifest)) && !run.event.reload) {
		run.log.info("unchanged", { rowsUpdatedAt });
		return await finish(run, manifest, "unchanged", { ...NOT_COUNTED, rows }, startedAt);
	}
	const snapshot: SnapshotRun = {
		...run,
		manifest,
		layout: matchColumns(run, manifest),
		snapshotAt: snapshotTime(manifest),
	};
	run.log.info("load started", { rows, pages: pages.length, bytes: totalBytes(manifest), rowsUpdatedAt });

	await run.client.query("begin");
	await run.client.query(BEGIN_LOAD, [String(Math.max(1, Math.floor(run.timeLeft())))]);
	const counts = (await copyIntoEmptyTable(snapshot)) ?? (await stageAndMerge(snapshot));
	await publish(snapshot, counts);
	const result = await finish(run, manifest, "loaded", counts, startedAt);
	run.progress.phase = "committing";
	run.log.info("committing");
	await run.client.query("commit");
	run.log.info("loaded", { ...counts });
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
			`The manifest ${event.manifestKey} is of dataset ${manifest.dataset}, but this run is for ${event.dataset}; start it with a manifest of that dataset.`,
		);
	return manifest;
}

/** Copies the very first snapshot straight into `ev.vehicles`. @returns undefined where the rows must be staged */
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

/** Records the snapshot as published, unless it was published before and nothing changed. */
async function publish(run: SnapshotRun, counts: LoadCounts): Promise<void> {
	const { client, event, manifest, snapshotAt } = run;
	const [, ...changes] = SNAPSHOT_COUNT_NAMES;
	const hasChanges = changes.some((name) => counts[name] !== 0);
	if (!hasChanges && (await isPublished(run, manifest))) return;
	const registered = await client.query<{ by_type: object; by_county: object }>(COUNT_REGISTERED);
	const { by_type, by_county } = registered.rows[0]!;
	const figures = SNAPSHOT_COUNT_NAMES.map((name) => counts[name]);
	await client.query(PUBLISH, [
		snapshotAt,
		event.manifestKey,
		event.runId,
		TRANSFORM_VERSION,
		by_type,
		by_county,
		...figures,
	]);
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
	const seconds = (Date.now() - startedAt) / 1000;
	return { status, ...counts, rowsUpdatedAt: manifest.rowsUpdatedAt, notes, seconds };
}
