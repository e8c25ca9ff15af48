/** The guards of a load: what must hold before anything is published. A person may override most of them for one run. */

import { COUNT_DUPLICATE_KEYS, foldDuplicates, LATEST_SNAPSHOT } from "../../db/merge";
import { type Layout, matchHeader } from "../../db/source";
import { GUARDS } from "../common/contract";
import { failure } from "../common/failure";
import { type Manifest, versionName } from "../raw/manifest";
import type { Staged } from "./copy-pages";
import type { Run } from "./run";

/** A guard misspelt would go on guarding. @throws ConfigurationInvalid */
export function checkAccepted(names: string[] = []): void {
	const unknown = names.find((name) => !(GUARDS as readonly string[]).includes(name));
	if (unknown !== undefined)
		throw failure("ConfigurationInvalid", `There is no guard "${unknown}" to accept; there are ${GUARDS.join(", ")}.`);
}

/** Whether the manifest's version is the latest published. @throws OlderSnapshot */
export async function isPublished({ client }: Run, { rowsUpdatedAt }: Manifest): Promise<boolean> {
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
export function matchColumns({ accepts }: Run, manifest: Manifest): Layout {
	const layout = matchHeader(manifest.header);
	const drift = (what: string) => failure("SchemaDrift", `${what}, in the header of dataset ${manifest.dataset}.`);
	const list = (names: string[]) => names.map((name) => JSON.stringify(name)).join(", ");
	if (layout.missing.length)
		throw drift(`The source no longer has the column ${list(layout.missing)}, which the database needs`);
	if (layout.repeated.length)
		throw drift(
			`The source has a column twice, the second time as ${list(layout.repeated)}; which one holds is not said`,
		);
	const left = `${list(layout.unknown)} is left out, and stays in the raw files`;
	if (layout.unknown.length && !accepts("SchemaDrift", left))
		throw drift(
			`The source has a column that the database does not know, ${list(layout.unknown)} (add it to db/, or accept "SchemaDrift" to leave it out)`,
		);
	return layout;
}

/** Folds rows of the same key. @returns how many were folded away @throws SourceIncomplete for a key on two pages */
export async function resolveDuplicates(run: Run, layout: Layout, staged: Staged): Promise<number> {
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
export function checkRejects(run: Run, staged: Staged): void {
	const { maxRejectedShare } = run.settings;
	if (staged.rejected <= maxRejectedShare * staged.rows) return;
	const what = `${staged.rejected} of ${staged.rows} rows do not fit, the first on ${staged.firstReject}`;
	if (!run.accepts("TooManyRejects", what))
		throw failure(
			"TooManyRejects",
			`${what}; maxRejectedShare allows ${maxRejectedShare} of them (accept "TooManyRejects" to load the rest).`,
		);
}

/**
 * Whether the vehicles that are gone may be removed: not while a rejected row could be any of them.
 * @throws SuspiciousShrink
 */
export function mayRemove({ accepts, settings, notes }: Run, { gone, registered, unreadableKeys }: Staged): boolean {
	if (gone.length === 0) return false;
	const unreadable = `the keys of ${unreadableKeys} rejected rows cannot be read`;
	if (unreadableKeys && !accepts("UnreadableKeys", unreadable)) {
		notes.push(`Nobody was removed, since ${unreadable} and could be any of the ${gone.length} that are missing.`);
		return false;
	}
	const what = `${gone.length} of ${registered} registered vehicles are not in the snapshot`;
	if (gone.length > settings.maxRemovedShare * registered && !accepts("SuspiciousShrink", what))
		throw failure(
			"SuspiciousShrink",
			`${what}; maxRemovedShare allows ${settings.maxRemovedShare} of them (accept "SuspiciousShrink" if it is true).`,
		);
	return true;
}
