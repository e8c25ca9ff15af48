/** The guards: checks that must pass before a snapshot is published. A person may accept most of them for one run. */

import { COUNT_DUPLICATE_KEYS, foldDuplicates, LATEST_SNAPSHOT } from "../../db/merge";
import { type Layout, matchHeader } from "../../db/source";
import { GUARDS } from "../common/contract";
import { failure } from "../common/failure";
import { type Manifest, versionName } from "../raw/manifest";
import type { Copied } from "./copy-pages";
import type { Run, SnapshotRun } from "./run";

/** Checks the names of accepted guards: a misspelt one would have no effect. @throws ConfigurationInvalid */
export function checkAccepted(names: string[] = []): void {
	const unknown = names.find((name) => !(GUARDS as readonly string[]).includes(name));
	if (unknown !== undefined)
		throw failure("ConfigurationInvalid", `Unknown guard "${unknown}". Valid guards: ${GUARDS.join(", ")}.`);
}

/** Whether the manifest's version is the latest published. @throws OlderSnapshot */
export async function isPublished({ client }: Run, { rowsUpdatedAt }: Manifest): Promise<boolean> {
	const { rows } = await client.query<{ at: number | null }>(LATEST_SNAPSHOT);
	const published = rows[0]!.at;
	if (published !== null && rowsUpdatedAt < published)
		throw failure(
			"OlderSnapshot",
			`The snapshot is of ${versionName(rowsUpdatedAt)}, but ${versionName(published)} is published already; the database never goes back to an older snapshot, so load a newer one.`,
		);
	return published === rowsUpdatedAt;
}

/** Matches the header with the database's columns. @throws SchemaDrift */
export function matchColumns({ accepts }: Run, manifest: Manifest): Layout {
	const layout = matchHeader(manifest.header);
	const drift = (what: string) => failure("SchemaDrift", `${what}, in the header of dataset ${manifest.dataset}.`);
	const list = (names: string[]) => names.map((name) => JSON.stringify(name)).join(", ");
	if (layout.missing.length)
		throw drift(`The source has no column ${list(layout.missing)} any more, which the database requires`);
	if (layout.repeated.length)
		throw drift(
			`The source has a column twice, the second time as ${list(layout.repeated)}; it is unknown which one is right`,
		);
	const ignored = `${list(layout.unknown)} is ignored and remains in the raw files only`;
	if (layout.unknown.length && !accepts("SchemaDrift", ignored))
		throw drift(
			`The source has a new column, ${list(layout.unknown)} (add it to db/, or accept "SchemaDrift" to ignore it)`,
		);
	return layout;
}

/**
 * Deletes staged rows so that one is left of each key.
 * @returns how many were deleted
 * @throws SourceIncomplete where a key occurs on two pages
 */
export async function foldDuplicateRows(run: SnapshotRun, copied: Copied): Promise<number> {
	const { client, layout } = run;
	const counted = await client.query<{ keys: number; split: number; example: string | null }>(COUNT_DUPLICATE_KEYS);
	const { keys, split, example } = counted.rows[0]!;
	const onTwoPages = split + copied.onTwoPages;
	const what = `${onTwoPages} vehicles occur on more than one page${example ? `, for example ${example}` : ""}`;
	if (onTwoPages && !run.accepts("SourceIncomplete", what))
		throw failure(
			"SourceIncomplete",
			`${what}: the source changed between two pages, so other vehicles are missing; the snapshot must be fetched again.`,
		);
	if (keys === 0) return copied.repeated;
	const folded = await client.query(foldDuplicates(layout.present));
	return copied.repeated + (folded.rowCount ?? 0);
}

/** @throws TooManyRejects */
export function checkRejects(run: Run, { rejected, rows, firstReject }: Copied): void {
	const { maxRejectedShare } = run.settings;
	if (rejected <= maxRejectedShare * rows) return;
	const what = `${rejected} of ${rows} rows do not fit, the first on ${firstReject}`;
	if (!run.accepts("TooManyRejects", what))
		throw failure(
			"TooManyRejects",
			`${what}; the setting maxRejectedShare allows a share of ${maxRejectedShare} (accept "TooManyRejects" to load the others).`,
		);
}

/**
 * Whether the vehicles that are gone may be removed: not while a rejected row could be one of them.
 * @throws SuspiciousShrink
 */
export function mayRemove({ accepts, settings, notes }: Run, { gone, registered, unreadableKeys }: Copied): boolean {
	if (gone.length === 0) return false;
	const unreadable = `the keys of ${unreadableKeys} rejected rows cannot be read`;
	if (unreadableKeys && !accepts("UnreadableKeys", unreadable)) {
		notes.push(
			`No vehicles were removed, because ${unreadable} and could be any of the ${gone.length} that are missing.`,
		);
		return false;
	}
	const what = `${gone.length} of ${registered} registered vehicles are not in the snapshot`;
	if (gone.length > settings.maxRemovedShare * registered && !accepts("SuspiciousShrink", what))
		throw failure(
			"SuspiciousShrink",
			`${what}; the setting maxRemovedShare allows a share of ${settings.maxRemovedShare} (accept "SuspiciousShrink" if they really left).`,
		);
	return true;
}
