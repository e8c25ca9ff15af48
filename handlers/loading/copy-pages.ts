/** Reads a snapshot's pages from S3 and copies into PostgreSQL the rows that the database does not know. */

import { resolve } from "node:path";
import { Readable, promises as streams } from "node:stream";
import type { Client } from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { COPY_KNOWN, copyIntoStaging, copyIntoVehicles } from "../../db/merge";
import { SAVE_REJECTS } from "../../db/runs";
import type { SourceColumn } from "../../db/source-columns";
import { failure } from "../common/failure";
import type { ManifestPage } from "../raw/manifest";
import { prefetchPages, release } from "../raw/pages";
import type { Findings, KnownRows, Reject, RowCounts } from "../rows";
import { outOfTime, type SnapshotRun } from "./run";

/** Rejects are saved in batches of at most this many bytes: on their way to PostgreSQL they take six times as much. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** What accompanies the bytes of a reject: page, line, key and reason. */
const REJECT_OVERHEAD_BYTES = 200;

/** Where rows are copied to. */
export interface CopyTarget {
	/** The COPY statement. */
	statement: string;
	/** What a line holds before the row's hash. @param page its number, from 1 */
	prefix(page: number): string;
	/** What a line holds after the row's values. */
	suffix: string;
}

/** What became of a snapshot's rows. */
export interface Copied extends RowCounts, RejectCounts {
	/** Vehicles that were registered before. */
	registered: number;
	/** Keys of the registered vehicles that no row of the snapshot has, rejected rows included. */
	gone: number[];
	/** Whether a vehicle has another row beside the one that the database knows. */
	hasConflictingRow: boolean;
	findings: Findings;
}

interface RejectCounts {
	rejected: number;
	/** Rejected rows whose key cannot be read. */
	unreadableKeys: number;
	/** The first reject, for people. */
	firstReject?: string;
}

/** The code that runs for each row ships as modules, since loops in a closure take two to three times as long. */
const rowsModule = () => require(resolve("handlers/rows")) as typeof import("../rows");

/** The known rows of an empty database. */
export async function noKnownRows(): Promise<KnownRows> {
	return rowsModule().createKnownRowsReader().index();
}

/** Reads key and hash of every registered vehicle. */
export async function loadKnownRows(client: Client): Promise<KnownRows> {
	const reader = rowsModule().createKnownRowsReader();
	for await (const chunk of client.query(copyTo(COPY_KNOWN))) reader.add(chunk);
	return reader.index();
}

/** The staging table, which keeps the page of each row. */
export function stagingTable(present: SourceColumn[]): CopyTarget {
	return { statement: copyIntoStaging(present), prefix: (page) => `${page}\t`, suffix: "\n" };
}

/** `ev.vehicles` itself. @param snapshotAt the time at which its vehicles are first seen */
export function vehiclesTable(present: SourceColumn[], snapshotAt: Date): CopyTarget {
	const time = snapshotAt.toISOString();
	return { statement: copyIntoVehicles(present), prefix: () => "", suffix: `\t${time}\t${time}\n` };
}

/**
 * Copies the rows of all pages to a table, and those that do not fit to `ev.rejected_rows`.
 * @param knownRows on their way from the database, while the first page is on its way from S3
 * @param copyKnown whether rows that the database knows are copied too
 * @throws PageDamaged, SourceIncomplete, StorageUnavailable, OutOfTime
 */
export async function copyPages(
	run: SnapshotRun,
	target: CopyTarget,
	knownRows: Promise<KnownRows>,
	{ copyKnown = false } = {},
): Promise<Copied> {
	const { manifest, layout } = run;
	const nextPage = prefetchPages(run.bucket, manifest.pages);
	const known = await knownRows;
	const { prefix, suffix } = target;
	const encoder = await rowsModule().createPageEncoder({ manifest, layout, known, copyKnown, prefix, suffix });
	const rejects = await copyAllPages(run, target.statement, nextPage, encoder);
	return { ...encoder.counts, findings: encoder.findings, ...rejects, registered: known.size, ...known.compare() };
}

type PageEncoder = Awaited<ReturnType<ReturnType<typeof rowsModule>["createPageEncoder"]>>;

/** One COPY runs from page to page until a page has rejects: while it runs, the session takes no other statement. */
async function copyAllPages(
	run: SnapshotRun,
	statement: string,
	nextPage: () => Promise<Buffer>,
	encoder: PageEncoder,
): Promise<RejectCounts> {
	const { client, log, progress, manifest } = run;
	const { pages } = manifest;
	const counts: RejectCounts = { rejected: 0, unreadableKeys: 0 };
	let rejects: Reject[] = [];
	let bytes = 0;
	progress.pages = pages.length;

	const linesUntilReject = async function* () {
		while (progress.page < pages.length && rejects.length === 0) {
			const page = pages[progress.page++]!;
			if (run.timeLeft() <= 0) throw outOfTime(run);
			const content = await nextPage();
			const encoded = encoder.encodePage(content, progress.page);
			rejects = encoded.rejects;
			// Rejects are views of the page's memory.
			if (rejects.length === 0) release(content);
			if (encoded.lines.length) yield encoded.lines;
			checkRowCount(page, progress.page, encoded.rows);
			bytes += page.bytes;
			log.progress("loading", { page: progress.page, pages: pages.length, rows: encoder.counts.rows, bytes });
		}
	};
	for (progress.page = 0; progress.page < pages.length; rejects = []) {
		await streams.pipeline(Readable.from(linesUntilReject()), client.query(copyFrom(statement)));
		if (rejects.length) await saveRejects(run, rejects, counts);
	}
	return counts;
}

function checkRowCount(page: ManifestPage, number: number, rows: number): void {
	if (rows < page.rows)
		throw failure(
			"SourceIncomplete",
			`Page ${number} (${page.key}) has ${rows} rows, but the manifest says ${page.rows}; the snapshot must be fetched again.`,
		);
}

/** Saves the rejects of the page that was read last, and counts them. */
async function saveRejects({ client, event, progress }: SnapshotRun, rejects: Reject[], counts: RejectCounts) {
	const [first] = rejects;
	counts.firstReject ??= `page ${progress.page}, line ${first!.line}: ${first!.reason}`;
	counts.rejected += rejects.length;
	counts.unreadableKeys += rejects.filter(({ key }) => key === undefined).length;
	for (const batch of batchesOf(rejects))
		await client.query(SAVE_REJECTS, [
			event.runId,
			progress.page,
			batch.map(({ line }) => line),
			batch.map(({ key }) => key ?? null),
			batch.map(({ reason }) => reason),
			batch.map(({ raw }) => raw),
		]);
}

function* batchesOf(rejects: Reject[]): Generator<Reject[]> {
	let batch: Reject[] = [];
	let bytes = 0;
	for (const reject of rejects) {
		const size = REJECT_OVERHEAD_BYTES + reject.raw.length;
		if (batch.length && bytes + size > MAX_BATCH_BYTES) {
			yield batch;
			batch = [];
			bytes = 0;
		}
		batch.push(reject);
		bytes += size;
	}
	yield batch;
}
