/** extract: copies the source's latest version to S3, page by page, and writes its manifest last. */

import { Readable, promises as streams } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createGzip } from "node:zlib";
import type { ExtractEvent, ExtractResult, HandlerContext, RawFormat } from "./common/contract";
import { requireEnvironment } from "./common/environment";
import { failure, isFailure } from "./common/failure";
import { createLog, type Log } from "./common/log";
import { metricLine } from "./common/metrics";
import { createSecrets, readSecret, type Secrets } from "./common/secrets";
import { type Bucket, openBucket } from "./raw/bucket";
import {
	type Manifest,
	type ManifestPage,
	pageKey,
	sha256,
	totalBytes,
	type Version,
	versionName,
} from "./raw/manifest";
import { readLatestManifest, type StoredManifest, writeManifest } from "./raw/stored-manifest";
import { splitCsv } from "./rows/csv-fields";
import { createSodaClient, type SodaClient, type SourceState } from "./source/client";
import type { SodaVersion } from "./source/requests";

export interface ExtractSettings {
	/** The stack's name, a dimension of the metrics. */
	stack: string;
	sourceFormat: RawFormat;
	sodaVersion: SodaVersion;
	/** Rows per page. */
	pageRows: number;
	/** Pages fetched at a time. */
	concurrency: number;
}

/** Time reserved for the result, or for the error that says why there is none. */
const MARGIN_MS = 5_000;

/** gzip level 6 makes a page a third smaller than level 1; the CPU time is hidden by the wait for the source. */
const GZIP_LEVEL = 6;

/** Size of gzip's input and output chunks. gzip works in another thread, and each call to it has a fixed cost. */
const CHUNK_BYTES = 256 * 1024;

/** What the steps of an invocation share. */
interface ExtractRun {
	event: ExtractEvent;
	settings: ExtractSettings;
	soda: SodaClient;
	bucket: Bucket;
	log: Log;
	/** Milliseconds left for fetching. */
	timeLeft(): number;
}

/** A snapshot that is whole in S3. */
type Fetched = Pick<StoredManifest, "key" | "manifest">;

/** Creates the extract function. @param settings from the stack's configuration */
export function extractHandler(settings: ExtractSettings) {
	const secrets = createSecrets();
	return async (event: ExtractEvent, context: HandlerContext): Promise<ExtractResult> => {
		const startedAt = Date.now();
		const run = await prepareRun(secrets, settings, event, context);
		const state = await run.soda.getState();
		const existing = event.refetch ? undefined : await findCompleteSnapshot(run, state);
		const { key, manifest } = existing ?? (await fetchSnapshot(run, state));

		const { rows, rowsUpdatedAt } = manifest;
		const bytes = totalBytes(manifest);
		const seconds = (Date.now() - startedAt) / 1000;
		const dimensions = { function: "extract", stack: settings.stack, runId: event.runId };
		process.stdout.write(metricLine(dimensions, { rows, bytes, seconds }));
		return { manifestKey: key, fetched: !existing, rows, bytes, rowsUpdatedAt, seconds };
	};
}

/** Reads the secrets, and creates the clients that use them. */
async function prepareRun(
	secrets: Secrets,
	settings: ExtractSettings,
	event: ExtractEvent,
	context: HandlerContext,
): Promise<ExtractRun> {
	const log = createLog({ runId: event.runId, function: "extract" });
	const { bucket } = await readSecret<{ bucket: string }>(secrets, event.secrets.pipeline, "pulumi up");
	const token = await secrets.read<{ appToken?: string }>(event.secrets.source);
	const soda = createSodaClient({
		baseUrl: requireEnvironment("SOURCE_URL"),
		dataset: event.dataset,
		version: settings.sodaVersion,
		...(token?.appToken && { appToken: token.appToken }),
		log,
	});
	const timeLeft = () => context.getRemainingTimeInMillis() - MARGIN_MS;
	return { event, settings, soda, bucket: openBucket(bucket), log, timeLeft };
}

/**
 * The manifest of a snapshot that was fetched before, if it has as many rows as the source, and every page that it names is in
 * S3 in the size that it says.
 */
async function findCompleteSnapshot(run: ExtractRun, state: SourceState): Promise<Fetched | undefined> {
	const { bucket, log } = run;
	try {
		const stored = await readLatestManifest(bucket, versionOf(run, state));
		if (!stored) return undefined;
		const reason = await whyIncomplete(bucket, stored, state);
		if (!reason) {
			log.info("already fetched", { key: stored.key, rows: stored.manifest.rows });
			return stored;
		}
		log.warn("fetching again", { reason });
	} catch (error) {
		if (!isFailure(error, "ManifestInvalid")) throw error;
		log.warn("fetching again", { reason: (error as Error).message });
	}
	return undefined;
}

/** What is missing from a fetched snapshot, in a sentence; undefined where nothing is. */
async function whyIncomplete(
	bucket: Bucket,
	{ key, manifest }: StoredManifest,
	{ rows }: SourceState,
): Promise<string | undefined> {
	// The rows of a version may follow its description by hours.
	if (manifest.rows !== rows) return `${key} has ${manifest.rows} rows, but the source reports ${rows}`;
	const sizes = await Promise.all(manifest.pages.map((page) => bucket.size(page.key)));
	const damaged = manifest.pages.findIndex((page, index) => sizes[index] !== page.bytes);
	if (damaged === -1) return undefined;
	const page = manifest.pages[damaged]!;
	return `${page.key} has ${sizes[damaged] ?? "no"} bytes instead of ${page.bytes}`;
}

/** Fetches all pages, checks that the source did not change meanwhile, and only then writes the manifest. */
async function fetchSnapshot(run: ExtractRun, state: SourceState): Promise<Fetched> {
	const { event, settings, log } = run;
	const { rows, rowsUpdatedAt } = state;
	if (rows === 0)
		throw failure("SourceIncomplete", `The source reports no rows for dataset ${event.dataset}; nothing was fetched.`);
	log.info("fetch started", { rows, pages: Math.ceil(rows / settings.pageRows), rowsUpdatedAt });
	const version = versionOf(run, state);
	const attempt = `${event.runId}-${Date.now().toString(36)}`;
	const { pages, header } = await fetchPages(run, state, version, attempt);
	await checkUnchanged(run, state);
	const manifest: Manifest = { ...version, header, rows, pages, fetchedAt: new Date().toISOString() };
	const key = await writeManifest(run.bucket, manifest, attempt);
	log.info("manifest written", { key, rows, pages: pages.length, bytes: totalBytes(manifest) });
	return { key, manifest };
}

function versionOf({ event, settings }: ExtractRun, { rowsUpdatedAt }: SourceState): Version {
	return { dataset: event.dataset, rowsUpdatedAt, format: settings.sourceFormat };
}

/** Fetches all pages, several at a time. After the first error no further page is requested. */
async function fetchPages(
	run: ExtractRun,
	state: SourceState,
	version: Version,
	attempt: string,
): Promise<Pick<Manifest, "pages" | "header">> {
	const { soda, bucket, log } = run;
	const { pageRows, sourceFormat: format, concurrency } = run.settings;
	const count = Math.ceil(state.rows / pageRows);
	const pages: ManifestPage[] = new Array(count);
	const total = { pages: 0, rows: 0, bytes: 0 };
	// JSON pages have no header of their own.
	let header = format === "json" ? state.fields : undefined;

	const checkTime = () => {
		if (run.timeLeft() > 0) return;
		const progress = `${total.pages} of ${count} pages`;
		throw failure("OutOfTime", `Ran out of time after fetching ${progress}; give the function more time.`);
	};
	const checkHeader = (index: number, found: string[]) => {
		header ??= found;
		if (found.join("\n") !== header.join("\n"))
			throw failure(
				"SourceChanged",
				`Page ${index + 1} of the source has a different header than the pages before it.`,
			);
	};
	const fetchPage = async (index: number) => {
		checkTime();
		const page = await soda.getPage({ format, index, rows: pageRows }, (body) => compressPage(body, format));
		if (page.header) checkHeader(index, page.header);
		const key = pageKey(version, attempt, index);
		const rows = Math.min(pageRows, state.rows - index * pageRows);
		const checksum = sha256(page.content);
		await bucket.write(key, page.content, { contentType: "application/gzip", sha256: checksum });
		pages[index] = { key, bytes: page.content.length, sha256: checksum, rows };
		total.pages++;
		total.rows += rows;
		total.bytes += page.content.length;
		log.info("page stored", { page: index + 1, pages: count, rows: total.rows, of: state.rows, bytes: total.bytes });
	};
	await forEachIndex(count, concurrency, fetchPage);
	return { pages, header: header! };
}

/** Calls `work` for 0 to `count - 1`, so many at a time. @throws the first error, after which no call begins */
async function forEachIndex(count: number, concurrency: number, work: (index: number) => Promise<void>): Promise<void> {
	let next = 0;
	const worker = async () => {
		try {
			while (next < count) await work(next++);
		} catch (error) {
			next = count;
			throw error;
		}
	};
	await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker));
}

/**
 * Compresses a page while it arrives. The compressed page, about a megabyte, stays in memory until it is complete: S3 then
 * receives it in one request, which can be retried, and a page that breaks off leaves nothing in S3.
 * @returns the gzipped page, and the header line's names (CSV only)
 */
async function compressPage(body: AsyncIterable<Uint8Array>, format: RawFormat) {
	let beginning = "";
	const input = (async function* () {
		for await (const chunk of inLargeChunks(body)) {
			if (format === "csv" && !beginning.includes("\n")) beginning += chunk.toString("utf8");
			yield chunk;
		}
	})();
	const gzip = createGzip({ level: GZIP_LEVEL, chunkSize: CHUNK_BYTES });
	const [content] = await Promise.all([buffer(gzip), streams.pipeline(Readable.from(input), gzip)]);
	if (format === "json") return { content, header: undefined };
	const header = splitCsv(beginning.slice(0, beginning.indexOf("\n")).replace(/\r$/, ""));
	if (!beginning.includes("\n") || !header) throw new Error("the page has no header line");
	return { content, header };
}

/** The same bytes in chunks of at least CHUNK_BYTES, but for the last one. */
async function* inLargeChunks(body: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
	let chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of body) {
		chunks.push(chunk);
		bytes += chunk.length;
		if (bytes < CHUNK_BYTES) continue;
		yield Buffer.concat(chunks);
		chunks = [];
		bytes = 0;
	}
	yield Buffer.concat(chunks);
}

/** @throws SourceChanged where the source's version or its number of rows is not what it was before the first page */
async function checkUnchanged({ soda }: ExtractRun, before: SourceState): Promise<void> {
	const after = await soda.getState();
	if (after.rowsUpdatedAt === before.rowsUpdatedAt && after.rows === before.rows) return;
	const describe = ({ rows, rowsUpdatedAt }: SourceState) => `version ${versionName(rowsUpdatedAt)} with ${rows} rows`;
	throw failure(
		"SourceChanged",
		`The source changed during the fetch, from ${describe(before)} to ${describe(after)}; fetch it again from the start.`,
	);
}
