/** From a page's bytes to COPY's: rows that the database knows are left out, rows that do not fit are set aside. */

import xxhash from "xxhash-wasm";
import type { Layout } from "../../db/source";
import { failure } from "../common/failure";
import type { Manifest } from "../raw/manifest";
import { splitCsv } from "./fields";
import type { KnownRows } from "./known-rows";
import { frameCsv, frameJson, type OnRecord } from "./records";
import { createRowEncoder, type Refusal } from "./row-encoder";

/** Part of a row's hash: raise it when the same raw row begins to mean something else, and every row is read anew. */
const TRANSFORM_VERSION = 2;

/** What was found in the pages so far. */
export interface Found {
	/** Rows in the pages. */
	rows: number;
	/** Rows that the database knew, each of another vehicle. */
	known: number;
	/** Known rows that stood there once more. */
	repeated: number;
	/** Known rows that stood on two pages. */
	onTwoPages: number;
	/** Rows sent to the database. */
	incoming: number;
}

export interface Reject extends Refusal {
	line: number;
	raw: Buffer;
}

export interface Encoded {
	/** Lines of COPY's text format, by key: an index takes neighbours a quarter faster than strangers. */
	lines: Buffer;
	rejects: Reject[];
}

export interface EncodeOptions {
	manifest: Pick<Manifest, "format" | "header">;
	layout: Layout;
	known: KnownRows;
	/** False: every row is to be read and compared, known or not. */
	trusted: boolean;
	/** What stands in a line before the hash, and after the values. */
	before(page: number): string;
	after: string;
}

/**
 * Makes what turns one page after the other into COPY's input, counting as it goes.
 * @returns of a page, uncompressed, and its number from 1, its lines and rejects; throws PageDamaged
 */
export async function createPageEncoder(options: EncodeOptions) {
	const { manifest, layout, known, trusted, after } = options;
	const { header, format } = manifest;
	const { h64Raw } = await xxhash();
	const seed = h64Raw(Buffer.from(JSON.stringify([TRANSFORM_VERSION, format, header])));
	const encoder = createRowEncoder(format, header, layout);
	const frame = format === "csv" ? frameCsvPage : frameJsonPage;
	const found: Found = { rows: 0, known: 0, repeated: 0, onTwoPages: 0, incoming: 0 };

	/** Whether a row is known, and so is done with. */
	const isKnown = (hash: bigint, pageNumber: number): boolean => {
		const seenOn = known.see(hash, pageNumber);
		if (seenOn === -1) return false;
		if (seenOn === 0) found.known++;
		else {
			found.repeated++;
			if (seenOn !== pageNumber) found.onTwoPages++;
		}
		return true;
	};

	const encodePage = (page: Buffer, pageNumber: number): Encoded => {
		const rejects: Reject[] = [];
		const places: LinePlace[] = [];
		const before = options.before(pageNumber);
		encoder.begin(page);
		frame(page, header, pageNumber, (start, end, line) => {
			const raw = page.subarray(start, end);
			const hash = h64Raw(raw, seed);
			found.rows++;
			if (trusted && isKnown(hash, pageNumber)) return;
			const from = encoder.output.length;
			const row = encoder.encode(start, end, `${before}${BigInt.asIntN(64, hash)}\t`, after);
			if (typeof row === "number") {
				known.send(row);
				places.push({ key: row, from, to: encoder.output.length });
				found.incoming++;
				return;
			}
			if (row.key !== undefined) known.setAside(row.key);
			rejects.push({ ...row, line, raw });
		});
		return { lines: sorted(encoder.output.bytes, encoder.output.length, places), rejects };
	};
	return { found, encodePage };
}

interface LinePlace {
	key: number;
	from: number;
	to: number;
}

/** A copy of the lines in the order of their keys. */
function sorted(lines: Buffer, length: number, places: LinePlace[]): Buffer {
	const copy = Buffer.allocUnsafe(length);
	let at = 0;
	for (const { from, to } of places.sort((a, b) => a.key - b.key)) at += lines.copy(copy, at, from, to);
	return copy;
}

function frameCsvPage(page: Buffer, header: string[], pageNumber: number, onRecord: OnRecord): void {
	const newline = page.indexOf(0x0a);
	const headerEnd = newline === -1 ? page.length : newline;
	const own = splitCsv(page.toString("utf8", 0, headerEnd).replace(/\r$/, ""));
	if (JSON.stringify(own) !== JSON.stringify(header))
		throw failure(
			"PageDamaged",
			`Page ${pageNumber}, line 1, is not the header that the manifest gives; the snapshot must be fetched again.`,
		);
	frameCsv(page, headerEnd + 1, header.length, onRecord);
}

function frameJsonPage(page: Buffer, _header: string[], pageNumber: number, onRecord: OnRecord): void {
	let rows = 0;
	const wrong = frameJson(page, (start, end, line) => {
		rows++;
		onRecord(start, end, line);
	});
	if (wrong)
		throw failure(
			"PageDamaged",
			`Page ${pageNumber} is not a JSON array of rows: ${wrong}, after ${rows} rows; the snapshot must be fetched again.`,
		);
}
