/** Reads a snapshot's pages from S3 into PostgreSQL, sending only rows that the database does not know. */

import { resolve } from "node:path";
import { Readable, promises as streams } from "node:stream";
import type { Client } from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { COPY_KNOWN, copyFirst, copyIncoming } from "../../db/merge";
import { REJECT_ROWS } from "../../db/runs";
import type { Layout, SourceColumn } from "../../db/source";
import { failure } from "../common/failure";
import type { Log } from "../common/log";
import type { Storage } from "../raw/bucket";
import type { Manifest } from "../raw/manifest";
import { contentsOf, release } from "../raw/pages";
import type { Found, KnownRows, Reject } from "../rows";

/** Rows that do not fit are sent in portions of so many bytes: on their way they take six times as much. */
const MAX_REJECT_BYTES = 4 * 1024 * 1024;
/** What goes with the bytes of each: its place, key and reason. */
const REJECT_BYTES = 200;

export interface Staged extends Found {
	/** Vehicles that were registered before. */
	registered: number;
	/** Keys of those of which no row stands in the snapshot, not even one that was set aside. */
	gone: number[];
	/** Whether a vehicle has another row beside its known one. */
	hasTwin: boolean;
	rejected: number;
	/** How many of the rejected rows have a key that cannot be read. */
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

/** What the database holds. */
export interface Known {
	rows: KnownRows;
	/** False: every row is to be read and compared, known or not. */
	trusted: boolean;
}

/** What is done for each row. It ships as files of their own: in a closure it would take two to three times as long. */
const forEachRow = () => require(resolve("handlers/rows")) as typeof import("../rows");

/** What an empty database holds. */
export async function noKnownRows(): Promise<Known> {
	return { rows: forEachRow().createKnownRowsReader().index(), trusted: true };
}

/** Reads what the database holds. */
export async function readKnownRows(client: Client, trusted: boolean): Promise<Known> {
	const reader = forEachRow().createKnownRowsReader();
	for await (const chunk of client.query(copyTo(COPY_KNOWN))) reader.add(chunk);
	return { rows: reader.index(), trusted };
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
 * Reads every page, once what is known is read: rows that are not known go to the target, rows that do not fit to `ev.rejected_rows`.
 * @throws PageDamaged, SourceIncomplete, StorageUnavailable
 */
export async function readPages(stage: Stage, reading: Promise<Known>, target: Target): Promise<Staged> {
	const { client, storage, log, manifest, layout } = stage;
	const { pages } = manifest;
	// The first page is on its way while the database answers.
	const content = contentsOf(storage, pages);
	const { createPageEncoder } = forEachRow();
	const known = await reading;
	const { found, encodePage } = await createPageEncoder({
		manifest,
		layout,
		known: known.rows,
		trusted: known.trusted,
		...target,
	});
	const rejected: Rejected = { rejected: 0, unreadableKeys: 0 };
	let rejects: Reject[] = [];
	let bytes = 0;
	let next = 0;
	/** Rows of one page after the other, until one has rows to set aside: COPY leaves no room for another statement. */
	const linesUntilReject = async function* () {
		while (next < pages.length && rejects.length === 0) {
			const page = pages[next]!;
			stage.checkTime(next + 1);
			const before = found.rows;
			const uncompressed = await content(next);
			const encoded = encodePage(uncompressed, ++next);
			rejects = encoded.rejects;
			// Rejects are parts of their page.
			if (rejects.length === 0) release(uncompressed);
			if (encoded.lines.length) yield encoded.lines;
			if (found.rows - before < page.rows)
				throw failure(
					"SourceIncomplete",
					`Page ${next} (${page.key}) has ${found.rows - before} rows and the manifest says ${page.rows}; the snapshot must be fetched again.`,
				);
			bytes += page.bytes;
			log.progress("loading", { page: next, pages: pages.length, rows: found.rows, bytes });
		}
	};
	while (next < pages.length) {
		rejects = [];
		await streams.pipeline(Readable.from(linesUntilReject()), client.query(copyFrom(target.copy)));
		await rejectRows(stage, next, rejects, rejected);
	}
	return { ...found, ...rejected, registered: known.rows.size, ...known.rows.compare() };
}

type Rejected = Pick<Staged, "rejected" | "unreadableKeys" | "firstReject">;

async function rejectRows(stage: Stage, pageNumber: number, rejects: Reject[], rejected: Rejected): Promise<void> {
	const first = rejects[0];
	if (!first) return;
	rejected.firstReject ??= `page ${pageNumber}, line ${first.line}: ${first.reason}`;
	rejected.rejected += rejects.length;
	rejected.unreadableKeys += rejects.filter(({ key }) => key === undefined).length;
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
		const size = REJECT_BYTES + reject.raw.length;
		if (portion.length && bytes + size > MAX_REJECT_BYTES) {
			yield portion;
			portion = [];
			bytes = 0;
		}
		portion.push(reject);
		bytes += size;
	}
	yield portion;
}
