/** Reads a snapshot's pages from S3 into PostgreSQL, sending only rows that the database does not know. */

import { Readable, promises as streams } from "node:stream";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Client } from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import xxhash from "xxhash-wasm";
import { COPY_KNOWN, COPY_UNSEEN, copyFirst, copyIncoming } from "../db/merge";
import { REJECT_ROWS } from "../db/runs";
import type { Layout, SourceColumn } from "../db/source";
import { failure, reasonOf } from "./failure";
import { createKnownRows, type KnownRows } from "./known-rows";
import type { Log } from "./log";
import { type Manifest, type ManifestPage, sha256 } from "./manifest";
import { frameCsv, frameJson, splitCsv } from "./records";
import { createRowReader } from "./rows";
import type { Storage } from "./storage";

/** Part of a row's hash: raise it when the same raw row begins to mean something else, and every row is read anew. */
const TRANSFORM_VERSION = 1;

/** No page comes near; one that does is no page of ours, and would take all of the function's memory. */
const MAX_PAGE_BYTES = 128 * 1024 * 1024;

/** Rows that do not fit are sent in portions of so many bytes: on their way they take six times as much. */
const MAX_REJECT_BYTES = 4 * 1024 * 1024;

const CHUNK_CHARACTERS = 64 * 1024;

export interface Staged {
	/** Vehicles that were registered before. */
	registered: number;
	/** Rows in the pages. */
	rows: number;
	/** Rows that the database knew, each of another vehicle. */
	known: number;
	/** Rows sent to the database. */
	incoming: number;
	/** Known rows that stood there once more. */
	repeated: number;
	/** Known rows that stood on two pages. */
	onTwoPages: number;
	rejected: number;
	/** Keys of rejected rows, where they could be read, and how many could not. */
	rejectedKeys: number[];
	unreadableKeys: number;
	/** The first reject, for people. */
	firstReject?: string;
}

export interface Stage {
	client: Client;
	storage: Storage;
	manifest: Manifest;
	layout: Layout;
	runId: string;
	log: Log;
	/** Called before each page; throws when there is no time for it. */
	checkTime(page: number): void;
}

/** Where rows are sent: COPY's statement, and what stands before and after the hash and the values of each. */
export interface Target {
	copy: string;
	before(page: number): string;
	after: string;
}

interface Reject {
	line: number;
	key: number | undefined;
	reason: string;
	raw: Buffer;
}

/** What the database holds. */
export interface Known {
	rows: KnownRows;
	/** False: every row is to be read and compared, known or not. */
	trusted: boolean;
}

/** What an empty database holds. */
export function noKnownRows(): Known {
	return { rows: createKnownRows(0), trusted: true };
}

/** Reads what the database holds. */
export async function readKnownRows(client: Client, trusted: boolean): Promise<Known> {
	const { rows } = await client.query<{ n: number }>(
		"select count(*)::int as n from ev.vehicles where removed_at is null",
	);
	const known = createKnownRows(rows[0]!.n);
	for await (const chunk of client.query(copyTo(COPY_KNOWN))) known.add(chunk);
	return { rows: known, trusted };
}

/** Sends rows to the staging table, with the page each stood on. */
export function stagingTarget(present: SourceColumn[]): Target {
	return { copy: copyIncoming(present), before: (page) => `${page}\t`, after: "\n" };
}

/** Sends rows to `ev.vehicles` itself. @param at the snapshot's time */
export function firstTarget(present: SourceColumn[], at: Date): Target {
	const time = at.toISOString();
	return { copy: copyFirst(present), before: () => "", after: `\t${time}\t${time}\n` };
}

/**
 * Reads every page: rows that are not known go to the target, rows that do not fit to `ev.rejected_rows`.
 * @throws PageDamaged, SourceIncomplete, StorageUnavailable
 */
export async function readPages(stage: Stage, known: Known, target: Target): Promise<Staged> {
	const { client, storage, log } = stage;
	const { pages } = stage.manifest;
	const staged: Staged = {
		registered: known.rows.size,
		rows: 0,
		known: 0,
		incoming: 0,
		repeated: 0,
		onTwoPages: 0,
		rejected: 0,
		rejectedKeys: [],
		unreadableKeys: 0,
	};
	const encode = await createEncoder(stage, known, target);
	const content = readAhead(storage, pages);
	let bytes = 0;
	let next = 0;
	/** Rows of one page after the other, until one has rows to set aside: COPY leaves no room for another statement. */
	const rowsUntil = async function* (rejects: Reject[]) {
		while (next < pages.length && rejects.length === 0) {
			const page = pages[next]!;
			stage.checkTime(next + 1);
			const before = staged.rows;
			yield* encode(await content(next), ++next, staged, rejects);
			if (staged.rows - before < page.rows)
				throw failure(
					"SourceIncomplete",
					`Page ${next} (${page.key}) has ${staged.rows - before} rows and the manifest says ${page.rows}; the snapshot must be fetched again.`,
				);
			bytes += page.bytes;
			log.progress("loading", { page: next, pages: pages.length, rows: staged.rows, bytes });
		}
	};
	while (next < pages.length) {
		const rejects: Reject[] = [];
		await streams.pipeline(Readable.from(rowsUntil(rejects)), client.query(copyFrom(target.copy)));
		await rejectRows(stage, next, rejects, staged);
	}
	return staged;
}

/** Reads pages, each while the one before it is being used. @returns gives a page's content, once, in order */
function readAhead(storage: Storage, pages: ManifestPage[]): (index: number) => Promise<Buffer> {
	const read = (index: number) => {
		const reading = pages[index] && readPage(storage, pages[index]);
		// Awaited in its turn; if something fails before, nobody will.
		reading?.catch(() => {});
		return reading;
	};
	let ahead = read(0);
	return async (index) => {
		const content = await ahead!;
		ahead = read(index + 1);
		return content;
	};
}

/** Stages the keys of the vehicles whose row was not seen. */
export async function stageUnseen(client: Client, { rows }: Known): Promise<void> {
	await streams.pipeline(Readable.from(keyLines(rows)), client.query(copyFrom(COPY_UNSEEN)));
}

/** A page as it was fetched, or an error that says it is not. */
async function readPage(storage: Storage, page: ManifestPage): Promise<Buffer> {
	const damaged = (what: string, cause?: unknown) =>
		failure("PageDamaged", `The page ${page.key} ${what}; the snapshot must be fetched again.`, cause);
	const compressed = await storage.read(page.key);
	if (!compressed) throw damaged("is missing");
	if (compressed.length !== page.bytes)
		throw damaged(`has ${compressed.length} bytes and the manifest says ${page.bytes}`);
	if (sha256(compressed) !== page.sha256) throw damaged("has a wrong checksum");
	try {
		return await promisify(gunzip)(compressed, { maxOutputLength: MAX_PAGE_BYTES });
	} catch (error) {
		throw damaged(`cannot be uncompressed (${reasonOf(error)})`, error);
	}
}

/** Makes the generator that turns a page into COPY's input, counting as it goes. */
async function createEncoder(stage: Stage, known: Known, target: Target) {
	const { manifest, layout } = stage;
	const { header, format } = manifest;
	const { h64Raw } = await xxhash();
	const seed = h64Raw(Buffer.from(JSON.stringify([TRANSFORM_VERSION, format, header])));
	const readRow = createRowReader(format, header, layout);
	const { rows: knownRows, trusted } = known;
	const asSigned = BigInt.asIntN;
	const maxChunk = CHUNK_CHARACTERS;
	const framePage = format === "csv" ? csvRecords : jsonRecords;

	return function* encode(page: Buffer, pageNumber: number, staged: Staged, rejects: Reject[]): Generator<string> {
		const records = framePage(page, header, pageNumber);
		const before = target.before(pageNumber);
		const { after } = target;
		let chunk = "";
		for (let at = 0; at < records.length; at += 3) {
			const raw = page.subarray(records[at]!, records[at + 1]!);
			staged.rows++;
			const hash = h64Raw(raw, seed);
			const index = trusted ? knownRows.find(hash) : -1;
			if (index !== -1) {
				const seenOn = knownRows.see(index, pageNumber);
				if (seenOn === 0) staged.known++;
				else {
					staged.repeated++;
					if (seenOn !== pageNumber) staged.onTwoPages++;
				}
				continue;
			}
			const row = readRow(raw);
			if ("reason" in row) {
				rejects.push({ line: records[at + 2]!, key: row.key, reason: row.reason, raw });
				continue;
			}
			staged.incoming++;
			chunk += `${before}${asSigned(64, hash)}\t${row.values}${after}`;
			if (chunk.length >= maxChunk) {
				yield chunk;
				chunk = "";
			}
		}
		if (chunk) yield chunk;
	};
}

/** Start, end and line of each record, one after the other. */
function csvRecords(page: Buffer, header: string[], pageNumber: number): number[] {
	const newline = page.indexOf(0x0a);
	const headerEnd = newline === -1 ? page.length : newline;
	const own = splitCsv(page.toString("utf8", 0, headerEnd).replace(/\r$/, ""));
	if (JSON.stringify(own) !== JSON.stringify(header))
		throw failure(
			"PageDamaged",
			`Page ${pageNumber}, line 1, is not the header that the manifest gives; the snapshot must be fetched again.`,
		);
	const records: number[] = [];
	frameCsv(page, headerEnd + 1, header.length, (start, end, line) => records.push(start, end, line));
	return records;
}

function jsonRecords(page: Buffer, _header: string[], pageNumber: number): number[] {
	const records: number[] = [];
	const wrong = frameJson(page, (start, end, line) => records.push(start, end, line));
	if (wrong)
		throw failure(
			"PageDamaged",
			`Page ${pageNumber} is not a JSON array of rows: ${wrong}, after ${records.length / 3} rows; the snapshot must be fetched again.`,
		);
	return records;
}

async function rejectRows(stage: Stage, pageNumber: number, rejects: Reject[], staged: Staged): Promise<void> {
	const first = rejects[0];
	if (!first) return;
	staged.firstReject ??= `page ${pageNumber}, line ${first.line}: ${first.reason}`;
	staged.rejected += rejects.length;
	for (const { key } of rejects) {
		if (key === undefined) staged.unreadableKeys++;
		else staged.rejectedKeys.push(key);
	}
	for (const portion of portionsOf(rejects)) {
		const column = <T>(pick: (reject: Reject) => T) => portion.map(pick);
		await stage.client.query(REJECT_ROWS, [
			stage.runId,
			pageNumber,
			column((reject) => reject.line),
			column((reject) => reject.key ?? null),
			column((reject) => reject.reason),
			column((reject) => reject.raw),
		]);
	}
}

function* portionsOf(rejects: Reject[]): Generator<Reject[]> {
	let portion: Reject[] = [];
	let bytes = 0;
	for (const reject of rejects) {
		if (portion.length && bytes + reject.raw.length > MAX_REJECT_BYTES) {
			yield portion;
			portion = [];
			bytes = 0;
		}
		portion.push(reject);
		bytes += reject.raw.length;
	}
	yield portion;
}

function* keyLines(known: KnownRows): Generator<string> {
	let chunk = "";
	for (const key of known.unseen()) {
		chunk += `${key}\n`;
		if (chunk.length >= CHUNK_CHARACTERS) {
			yield chunk;
			chunk = "";
		}
	}
	if (chunk) yield chunk;
}
