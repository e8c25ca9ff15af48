/** A snapshot on this machine: a CSV export of the dataset, or the made-up sample, and the version it goes by. */

import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { matchHeader, SOURCE_COLUMNS } from "../../db/source";
import { sha256 } from "../../handlers/raw/manifest";
import { splitCsv } from "../../handlers/rows/fields";
import { frameCsv } from "../../handlers/rows/records";

export interface Snapshot {
	/** What people call it. */
	name: string;
	dataset: string;
	/** Unix seconds. */
	rowsUpdatedAt: number;
	/** Names of the columns, as the file gives them. */
	header: string[];
	/** The CSV's bytes, uncompressed. */
	content: Buffer;
	/** Where each row begins; the last entry is where the content ends. */
	offsets: number[];
}

/** A version that was given to some content before. */
export interface KnownVersion {
	rowsUpdatedAt: number;
	/** Of the uncompressed content. */
	sha256: string;
}

export const DATASET = "f6w7-q2d2";
const DAY = 24 * 3600;
const KEY_COLUMN = SOURCE_COLUMNS.find((column) => column.kind === "key")!;

/** A snapshot from content that is already here. */
export function createSnapshot(about: Pick<Snapshot, "name" | "dataset" | "rowsUpdatedAt" | "content">): Snapshot {
	const { content, name } = about;
	const newline = content.indexOf("\n");
	const headerEnd = newline === -1 ? content.length : newline;
	// Spreadsheets put a byte-order mark before the first name.
	const line = content.toString("utf8", 0, headerEnd).replace(/^\ufeff|\r$/g, "");
	const header = splitCsv(line);
	if (!header) throw new Error(`${name} is not a CSV file: its first line has a quote that is not closed.`);
	const offsets: number[] = [];
	frameCsv(content, headerEnd + 1, header.length, (start) => offsets.push(start));
	offsets.push(content.length);
	return { ...about, header, offsets };
}

/**
 * Reads a CSV export, gzipped or not.
 * @param path of the file
 * @param known versions that were given before
 * @throws one sentence that names the file and what is wrong with it
 */
export function openSnapshot(path: string, known: KnownVersion[]): { snapshot: Snapshot; version: KnownVersion } {
	const content = readContent(path);
	const hash = sha256(content);
	const rowsUpdatedAt = versionOf(basename(path), hash, known, statSync(path).mtimeMs / 1000);
	const snapshot = createSnapshot({ name: basename(path), dataset: DATASET, rowsUpdatedAt, content });
	checkColumns(path, snapshot.header);
	if (snapshot.offsets.length === 1) throw new Error(`${path} has a header and no rows.`);
	return { snapshot, version: { rowsUpdatedAt, sha256: hash } };
}

function readContent(path: string): Buffer {
	let bytes: Buffer;
	try {
		bytes = readFileSync(path);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOENT") throw new Error(`${path} is not there; give the path of a CSV export of the dataset.`);
		throw new Error(`${path} cannot be read: ${(error as Error).message}.`);
	}
	const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
	if (path.endsWith(".gz") && bytes.length > 0 && !isGzip)
		throw new Error(`${path} is not a gzip file, whatever its name says.`);
	try {
		if (isGzip) bytes = gunzipSync(bytes);
	} catch (error) {
		throw new Error(`${path} cannot be uncompressed: ${(error as Error).message}.`);
	}
	if (bytes.length === 0) throw new Error(`${path} is empty; download the export again.`);
	return bytes;
}

/** A drifted column is for the pipeline to find; what has hardly any of them is another file. */
function checkColumns(path: string, header: string[]): void {
	const { present } = matchHeader(header);
	if (present.length < SOURCE_COLUMNS.length / 2)
		throw new Error(
			`${path} is not an export of Electric Vehicle Population Data: of its ${SOURCE_COLUMNS.length} columns it has ${present.length}.`,
		);
	if (!present.includes(KEY_COLUMN))
		throw new Error(`${path} lacks the column ${KEY_COLUMN.display}, by which vehicles are told apart.`);
}

/**
 * The version a file goes by: the date in its name; without one, what the same content went by before, or a day after the
 * newest. Content that differs under a version that is taken is a second newer.
 * @param modifiedAt when the file was last modified, Unix seconds: for the very first without a date
 */
export function versionOf(name: string, sha256: string, known: KnownVersion[], modifiedAt: number): number {
	const seen = known.find((version) => version.sha256 === sha256);
	const [, year, month, day] = /(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d)/.exec(name) ?? [];
	if (!year) {
		if (seen) return seen.rowsUpdatedAt;
		const newest = Math.max(...known.map((version) => version.rowsUpdatedAt));
		return known.length ? newest + DAY : Math.floor(modifiedAt / DAY) * DAY;
	}
	let version = Date.parse(`${year}-${month}-${day}T00:00:00Z`) / 1000;
	while (known.some((other) => other.rowsUpdatedAt === version && other.sha256 !== sha256)) version++;
	return version;
}
