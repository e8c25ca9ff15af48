/** From a page's bytes to COPY's input: known rows are left out, rows that do not fit are rejected. */

import xxhash from "xxhash-wasm";
import { type Layout, TRANSFORM_VERSION } from "../../db/source-columns";
import { failure } from "../common/failure";
import type { Manifest } from "../raw/manifest";
import { splitCsv } from "./csv-fields";
import type { KnownRows } from "./known-rows";
import { frameCsv, frameJson, type OnRecord } from "./page-records";
import { createRowEncoder, type Refusal } from "./row-encoder";

/** The rows of all pages so far. */
export interface RowCounts {
	/** Rows in the pages. */
	rows: number;
	/** Rows that the database knows, each of another vehicle. */
	known: number;
	/** Further occurrences of known rows. */
	repeated: number;
	/** Those of them on another page than the first. */
	onTwoPages: number;
	/** Rows to copy. */
	copied: number;
}

export interface Reject extends Refusal {
	line: number;
	raw: Buffer;
}

export interface EncodedPage {
	/** Rows in the page. */
	rows: number;
	/** Lines of COPY's text format, sorted by key: appending to an index in order is a quarter faster. */
	lines: Buffer;
	rejects: Reject[];
}

export interface EncodeOptions {
	manifest: Pick<Manifest, "format" | "header">;
	layout: Layout;
	known: KnownRows;
	/** Whether rows that the database knows are copied too. */
	copyKnown: boolean;
	/** What a line holds before the hash. @param page its number, from 1 */
	prefix(page: number): string;
	/** What a line holds after the values. */
	suffix: string;
}

/**
 * Creates the encoder of a snapshot's pages.
 * @returns the counts so far, and a function that takes a page, uncompressed, and its number from 1; throws PageDamaged
 */
export async function createPageEncoder({ manifest, layout, known, copyKnown, ...line }: EncodeOptions) {
	const { header, format } = manifest;
	const { h64Raw } = await xxhash();
	// A CSV row means nothing without its header; a JSON row carries its names.
	const meaning = format === "csv" ? [TRANSFORM_VERSION, format, header] : [TRANSFORM_VERSION, format];
	const seed = h64Raw(Buffer.from(JSON.stringify(meaning)));
	const encoder = createRowEncoder(format, layout.header, layout);
	const frame = format === "csv" ? frameCsvPage : frameJsonPage;
	const counts: RowCounts = { rows: 0, known: 0, repeated: 0, onTwoPages: 0, copied: 0 };

	/** Looks a row up, and counts it where it is known. */
	const isKnown = (hash: bigint, pageNumber: number): boolean => {
		const seenOn = known.markSeen(hash, pageNumber);
		if (seenOn === -1) return false;
		if (seenOn === 0) counts.known++;
		else {
			counts.repeated++;
			if (seenOn !== pageNumber) counts.onTwoPages++;
		}
		return true;
	};

	const encodePage = (page: Buffer, pageNumber: number): EncodedPage => {
		const rejects: Reject[] = [];
		const lines: LinePosition[] = [];
		const lineFrame = { prefix: line.prefix(pageNumber), hash: 0n, suffix: line.suffix };
		const rowsBefore = counts.rows;
		encoder.begin(page);
		frame(page, header, pageNumber, (start, end, lineNumber) => {
			const raw = page.subarray(start, end);
			lineFrame.hash = h64Raw(raw, seed);
			counts.rows++;
			if (!copyKnown && isKnown(lineFrame.hash, pageNumber)) return encoder.inspect(start, end);
			const from = encoder.output.length;
			const row = encoder.encode(start, end, lineFrame);
			if (typeof row === "number") {
				known.markCopied(row);
				lines.push({ key: row, from, to: encoder.output.length });
				counts.copied++;
				return;
			}
			if (end === page.length && format === "csv") throw cutPage(pageNumber, lineNumber, row);
			if (row.key !== undefined) known.markRejected(row.key);
			rejects.push({ ...row, line: lineNumber, raw });
		});
		return { rows: counts.rows - rowsBefore, lines: sortByKey(encoder.output, lines), rejects };
	};
	return { counts, findings: encoder.findings, encodePage };
}

/** A page whose last line does not fit and has no line end was cut off. */
function cutPage(page: number, line: number, { reason }: Refusal): Error {
	return failure(
		"PageDamaged",
		`Page ${page} ends in the middle of line ${line}, without a line end (${reason}); the snapshot must be fetched again.`,
	);
}

interface LinePosition {
	key: number;
	from: number;
	to: number;
}

/** A copy of the lines, ordered by key. */
function sortByKey({ bytes, length }: { bytes: Buffer; length: number }, lines: LinePosition[]): Buffer {
	const copy = Buffer.allocUnsafe(length);
	let at = 0;
	for (const { from, to } of lines.sort((a, b) => a.key - b.key)) at += bytes.copy(copy, at, from, to);
	return copy;
}

function frameCsvPage(page: Buffer, header: string[], pageNumber: number, onRecord: OnRecord): void {
	const newline = page.indexOf(0x0a);
	const headerEnd = newline === -1 ? page.length : newline;
	const own = splitCsv(page.toString("utf8", 0, headerEnd).replace(/\r$/, ""));
	if (JSON.stringify(own) !== JSON.stringify(header))
		throw failure(
			"PageDamaged",
			`Line 1 of page ${pageNumber} differs from the manifest's header; the snapshot must be fetched again.`,
		);
	frameCsv(page, headerEnd + 1, header.length, onRecord);
}

function frameJsonPage(page: Buffer, _header: string[], pageNumber: number, onRecord: OnRecord): void {
	let rows = 0;
	const problem = frameJson(page, (start, end, line) => {
		rows++;
		onRecord(start, end, line);
	});
	if (problem)
		throw failure(
			"PageDamaged",
			`Page ${pageNumber} is not a JSON array of rows: ${problem}, after ${rows} rows; the snapshot must be fetched again.`,
		);
}
