/** The guards: checks that must pass before a snapshot is published. A person may accept most of them for one run. */

import { COUNT_DUPLICATE_KEYS, foldDuplicates, LATEST_SNAPSHOT, LATEST_TRANSFORM_VERSION } from "../../db/merge";
import {
	type Layout,
	matchHeader,
	matchJsonFields,
	type SourceColumn,
	TRANSFORM_VERSION,
} from "../../db/source-columns";
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

/** What a version was published from; records made before the sum was kept have none. */
export interface Published {
	manifestKey: string;
	manifestSha256: string | null;
}

/** What the manifest's version was published from, if it is the latest published. @throws OlderSnapshot */
export async function findPublished({ client }: Run, { rowsUpdatedAt }: Manifest): Promise<Published | undefined> {
	const { rows } = await client.query<Published & { at: number }>(LATEST_SNAPSHOT);
	const latest = rows[0];
	if (latest && rowsUpdatedAt < latest.at)
		throw failure(
			"OlderSnapshot",
			`The snapshot is of ${versionName(rowsUpdatedAt)}, but ${versionName(latest.at)} is published already; the database never goes back to an older snapshot, so load a newer one.`,
		);
	return latest?.at === rowsUpdatedAt ? latest : undefined;
}

/** Matches the manifest's header with the database's columns. @throws SchemaDrift */
export function matchColumns({ accepts }: Run, { format, header, dataset }: Manifest): Layout {
	const layout = format === "json" ? matchJsonFields(header) : matchHeader(header);
	const drift = (what: string) => failure("SchemaDrift", `${what}, in the header of dataset ${dataset}.`);
	if (layout.missing.length)
		throw drift(`The source has no column ${listNames(layout.missing)} any more, which the database requires`);
	if (layout.repeated.length)
		throw drift(
			`The source has a column twice, the second time as ${listNames(layout.repeated)}; it is unknown which one is right`,
		);
	if (layout.unknown.length && !acceptsUnknown(accepts, layout.unknown))
		throw drift(`The source has a new column, ${listNames(layout.unknown)} ${HOW_TO_ADD}`);
	return layout;
}

/**
 * Checks what the rows show of the columns: JSON leaves empty values out, and the dataset's description may lag behind.
 * @returns the columns that some row has a value of; of any other, the database keeps what it knows
 * @throws SchemaDrift
 */
export function checkColumns({ accepts, notes, layout, manifest }: SnapshotRun, { findings }: Copied): SourceColumn[] {
	const { unknownFields, withoutValue, missingWords } = findings;
	const drift = (what: string) => failure("SchemaDrift", `${what}, in dataset ${manifest.dataset}.`);
	const unknown = [...unknownFields].sort();
	if (unknown.length && !acceptsUnknown(accepts, unknown))
		throw drift(`Rows have a new field, ${listNames(unknown)} ${HOW_TO_ADD}`);
	const missing = [...withoutValue].filter(({ optional }) => !optional).map(({ display }) => display);
	if (missing.length) throw drift(`No row has a value of ${listNames(missing)}, which the database requires`);
	if (missingWords.size > 0) {
		const words = [...missingWords].map(([word, cells]) => `${JSON.stringify(word)} in ${cells}`).join(", ");
		notes.push(`Words for a missing value were read as empty cells: ${words}.`);
	}
	return layout.present.filter((column) => !withoutValue.has(column));
}

const HOW_TO_ADD = '(add it to db/, or accept "SchemaDrift" to ignore it)';

function acceptsUnknown(accepts: Run["accepts"], names: string[]): boolean {
	return accepts("SchemaDrift", `${listNames(names)} is ignored and remains in the raw files only`);
}

function listNames(names: string[]): string {
	return names.map((name) => JSON.stringify(name)).join(", ");
}

/**
 * Deletes staged rows so that one is left of each key.
 * @returns how many were deleted
 * @throws SourceIncomplete where a key occurs on two pages
 */
export async function foldDuplicateRows(run: SnapshotRun, copied: Copied, present: SourceColumn[]): Promise<number> {
	const { client } = run;
	const counted = await client.query<{ keys: number; split: number; example: string | null }>(COUNT_DUPLICATE_KEYS);
	const { keys, split, example } = counted.rows[0]!;
	const onTwoPages = split + copied.onTwoPages;
	const what = `${onTwoPages} vehicles occur on more than one page${example ? `, for example ${example}` : ""}`;
	if (onTwoPages && !run.accepts("SourceIncomplete", what))
		throw failure(
			"SourceIncomplete",
			`${what}: the source changed between two pages, so other vehicles are missing; the snapshot must be fetched again.`,
		);
	const folded = keys === 0 ? 0 : ((await client.query(foldDuplicates(present))).rowCount ?? 0);
	const duplicates = copied.repeated + folded;
	if (duplicates > 0)
		run.notes.push(`Of vehicles with more than one row, the greatest row was loaded: ${duplicates} rows were dropped.`);
	return duplicates;
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
 * Whether the vehicles that are gone may be removed: not while a rejected row could be one of them. How many are gone is judged
 * all the same, with every such row counted as a vehicle that is present.
 * @throws SuspiciousShrink
 */
export function mayRemove({ accepts, settings, notes }: Run, { gone, registered, unreadableKeys }: Copied): boolean {
	if (gone.length === 0) return false;
	const missing = gone.length - unreadableKeys;
	const what = `${missing} of ${registered} registered vehicles are not in the snapshot`;
	if (missing > settings.maxRemovedShare * registered && !accepts("SuspiciousShrink", what))
		throw failure(
			"SuspiciousShrink",
			`${what}; the setting maxRemovedShare allows a share of ${settings.maxRemovedShare} (accept "SuspiciousShrink" if they really left).`,
		);
	const unreadable = `the keys of ${unreadableKeys} rejected rows cannot be read`;
	if (unreadableKeys === 0 || accepts("UnreadableKeys", unreadable)) return true;
	notes.push(
		`No vehicles were removed, because ${unreadable} and could be any of the ${gone.length} that are missing (accept "UnreadableKeys" to remove them).`,
	);
	return false;
}

/** Below this number of registered vehicles, a share says nothing. */
const MIN_REGISTERED = 100;

/**
 * Checks how many vehicles the merge changed, but for their points, and but for columns that were empty before.
 * @param overwritten vehicles that lost a value to another
 * @throws SuspiciousChange
 */
export async function checkChanges(run: Run, { registered }: Copied, overwritten: number): Promise<void> {
	const { accepts, notes, client } = run;
	const { maxChangedShare } = run.settings;
	if (registered < MIN_REGISTERED || overwritten <= maxChangedShare * registered) return;
	const what = `the values of ${overwritten} of ${registered} registered vehicles changed`;
	const { rows } = await client.query<{ version: number | null }>(LATEST_TRANSFORM_VERSION);
	if (rows[0] && rows[0].version !== TRANSFORM_VERSION) {
		notes.push(`The program reads rows differently than before, and ${what}.`);
		return;
	}
	if (!accepts("SuspiciousChange", what))
		throw failure(
			"SuspiciousChange",
			`The snapshot would overwrite too much: ${what}, often because a tool saved codes as numbers; the setting maxChangedShare allows a share of ${maxChangedShare} (accept "SuspiciousChange" if they really changed).`,
		);
}
