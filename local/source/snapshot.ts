/** A snapshot on this machine: CSV exports of the dataset, or the made-up sample, and the version each goes by. */

import { statSync } from "node:fs";
import { basename } from "node:path";
import { sha256 } from "../../handlers/raw/manifest";
import { splitCsv } from "../../handlers/rows/csv-fields";
import { frameCsv } from "../../handlers/rows/page-records";
import { findHeader } from "./csv-header";
import { findRows } from "./csv-rows";
import { readContent } from "./file-content";
import { dateOf, describeVersion, type FileDate, type KnownVersion, knownVersion, versionOf } from "./file-dates";

export type { KnownVersion } from "./file-dates";

export interface Snapshot {
	/** What people call it. */
	name: string;
	dataset: string;
	/** Unix seconds. */
	rowsUpdatedAt: number;
	/** Names of the columns, as the file gives them. */
	header: string[];
	/** The CSV's bytes, uncompressed, without lines among the rows that are none. */
	content: Buffer;
	/** Where each row begins; the last entry is where the content ends. */
	offsets: number[];
	/** The line of the file on which each row begins, from 1. */
	lines: number[];
}

export interface OpenedFile {
	snapshot: Snapshot;
	version: KnownVersion;
	/** The snapshot's day and where it comes from. */
	dated: string;
	/** What was read over or dropped, each a sentence. */
	notes: string[];
}

export interface OpenOptions {
	/** The day of the snapshot, as `--date` gives it; for one file only. */
	date?: string | undefined;
	/** Guards that are accepted: with SourceIncomplete, a vehicle may have several rows. */
	accept?: string[] | undefined;
	now?: Date | undefined;
}

export const DATASET = "f6w7-q2d2";

/** A snapshot from content that is already here. */
export function createSnapshot(about: Pick<Snapshot, "name" | "dataset" | "rowsUpdatedAt" | "content">): Snapshot {
	const { content, name } = about;
	const newline = content.indexOf("\n");
	const headerEnd = newline === -1 ? content.length : newline;
	const header = splitCsv(content.toString("utf8", 0, headerEnd).replace(/^\ufeff|\r$/g, ""));
	if (!header) throw new Error(`${name} is not a CSV file: its first line has a quote that is not closed.`);
	const offsets: number[] = [];
	const lines: number[] = [];
	frameCsv(content, headerEnd + 1, header.length, (start, _, line) => {
		offsets.push(start);
		lines.push(line);
	});
	offsets.push(content.length);
	return { ...about, header, offsets, lines };
}

/**
 * Reads a CSV export, gzipped or not.
 * @param path of the file
 * @param known versions that were given before
 * @throws one sentence that names the file and what is wrong with it
 */
export function openSnapshot(path: string, known: KnownVersion[], options: OpenOptions = {}): OpenedFile {
	return openSnapshots([path], known, options)[0]!;
}

/**
 * Reads CSV exports and puts them in the order of their versions, in which they are loaded.
 * @param known versions that were given before; those that are given now are not added
 * @throws one sentence that names the file and what is wrong with it
 */
export function openSnapshots(paths: string[], known: KnownVersion[], options: OpenOptions = {}): OpenedFile[] {
	if (options.date !== undefined && paths.length > 1)
		throw new Error("--date is the day of one file; give it with one --source.");
	const files = paths.map((path) => readFile(path, known, options));
	const given = [...known];
	const opened = files
		.sort((one, other) => one.date.seconds - other.date.seconds)
		.map(({ date, notes, ...file }): OpenedFile => {
			const rowsUpdatedAt = versionOf(file.sha256, date.seconds, given);
			const version = { rowsUpdatedAt, sha256: file.sha256 };
			const dated = describeDate(date, rowsUpdatedAt, knownVersion(file.sha256, given) !== undefined);
			given.push(version);
			return { snapshot: { ...file.snapshot, rowsUpdatedAt }, version, dated, notes };
		});
	return opened.sort((one, other) => one.version.rowsUpdatedAt - other.version.rowsUpdatedAt);
}

/** Says in which order files are loaded. @returns undefined where it is the order in which they were given */
export function describeOrder(paths: string[], opened: OpenedFile[]): string | undefined {
	const names = opened.map(({ snapshot }) => snapshot.name);
	if (names.join("\n") === paths.map((path) => basename(path)).join("\n")) return undefined;
	const list = opened.map(({ snapshot, dated }) => `${snapshot.name} of ${dated}`);
	return `The files are loaded in order of their dates: ${list.join("; then ")}.`;
}

interface ReadFile {
	snapshot: Omit<Snapshot, "rowsUpdatedAt">;
	sha256: string;
	date: FileDate;
	notes: string[];
}

function readFile(path: string, known: KnownVersion[], { date, accept = [], now }: OpenOptions): ReadFile {
	const name = basename(path);
	const content = readContent(path);
	const hash = sha256(content);
	const header = findHeader(path, content);
	const rows = findRows(path, content, header, accept.includes("SourceIncomplete"));
	const modifiedAt = statSync(path).mtimeMs / 1000;
	return {
		snapshot: { name, dataset: DATASET, header: header.names, ...rows },
		sha256: hash,
		date: dateOf({ path, name, modifiedAt, knownVersion: knownVersion(hash, known), date, now }),
		notes: [...header.notes, ...rows.notes].map((note) => `${name}: ${note}.`),
	};
}

/** A version's day, and where it comes from. */
function describeDate({ seconds, origin }: FileDate, version: number, isKnown: boolean): string {
	const day = describeVersion(version);
	if (isKnown && version !== seconds)
		return `${day} (the date that the same content had before, and not ${describeVersion(seconds)}, ${origin})`;
	if (version !== seconds) return `${day} (${origin}; other content has that date, so it is a little later)`;
	return `${day} (${origin})`;
}
