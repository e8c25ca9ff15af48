/** extract: brings the source's latest version into S3, page by page, and writes its manifest last. */

import { Readable, promises as streams } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createGzip } from "node:zlib";
import type { ExtractEvent, ExtractResult, HandlerContext, RawFormat } from "./common/contract";
import { environment } from "./common/environment";
import { failure, isFailure } from "./common/failure";
import { createLog, type Log } from "./common/log";
import { metricLine } from "./common/metrics";
import { createSecrets, readSecret } from "./common/secrets";
import { createStorage, type Storage } from "./raw/bucket";
import {
	type Manifest,
	type ManifestPage,
	manifestKey,
	pageKey,
	parseManifest,
	sha256,
	totalBytes,
	versionName,
} from "./raw/manifest";
import { splitCsv } from "./rows/fields";
import { createSoda, type Soda, type SodaVersion, type SourceState } from "./source/client";

export interface ExtractSettings {
	/** Whose metrics a run writes. */
	stack: string;
	sourceFormat: RawFormat;
	sodaVersion: SodaVersion;
	/** Rows to a page. */
	pageRows: number;
	/** Pages fetched at a time. */
	concurrency: number;
}

/** Kept back for the answer and for what must be said before the function is stopped. */
const MARGIN_MS = 5_000;

/** gzip at 6 makes a page a third smaller than at 1, for a CPU time that hides behind the source's. */
const GZIP_LEVEL = 6;

/** What gzip is given, and gives, in one go: it works beside this thread, and each way there and back takes a while. */
const PIECE_BYTES = 256 * 1024;

interface Fetch {
	event: ExtractEvent;
	settings: ExtractSettings;
	soda: Soda;
	storage: Storage;
	log: Log;
	timeLeft(): number;
}

/** Makes the extract function. @param settings what the stack's configuration decides */
export function extractHandler(settings: ExtractSettings) {
	const secrets = createSecrets();
	return async (event: ExtractEvent, context: HandlerContext): Promise<ExtractResult> => {
		const startedAt = Date.now();
		const log = createLog({ runId: event.runId, function: "extract" });
		const { bucket } = await readSecret<{ bucket: string }>(secrets, event.secrets.pipeline, "pulumi up");
		const token = await secrets.read<{ appToken?: string }>(event.secrets.source);
		const soda = createSoda({
			baseUrl: environment("SOURCE_URL"),
			dataset: event.dataset,
			version: settings.sodaVersion,
			...(token?.appToken && { appToken: token.appToken }),
			log,
		});
		const timeLeft = () => context.getRemainingTimeInMillis() - MARGIN_MS;
		const fetch: Fetch = { event, settings, soda, storage: createStorage(bucket), log, timeLeft };

		const state = await soda.state();
		const key = manifestKey(event.dataset, state.rowsUpdatedAt, settings.sourceFormat);
		const finished = event.refetch ? undefined : await finishedManifest(fetch, key);
		if (finished) log.info("already fetched", { key, rows: finished.rows });
		const manifest = finished ?? (await fetchSnapshot(fetch, state));
		const { rows, rowsUpdatedAt } = manifest;
		const bytes = totalBytes(manifest);
		const seconds = (Date.now() - startedAt) / 1000;
		const measured = { function: "extract", stack: settings.stack, runId: event.runId };
		process.stdout.write(metricLine(measured, { rows, bytes, seconds }));
		return { manifestKey: key, fetched: !finished, rows, bytes, rowsUpdatedAt, seconds };
	};
}

/** A manifest that was written before, if every page it names is there as it says. */
async function finishedManifest({ storage, log }: Fetch, key: string): Promise<Manifest | undefined> {
	const content = await storage.read(key);
	if (!content) return undefined;
	try {
		const manifest = parseManifest(content.toString("utf8"), key);
		const sizes = await Promise.all(manifest.pages.map((page) => storage.size(page.key)));
		const missing = manifest.pages.find((page, index) => sizes[index] !== page.bytes);
		if (!missing) return manifest;
		log.warn("fetching again", { reason: `the page ${missing.key} is not there as the manifest says` });
	} catch (error) {
		if (!isFailure(error, "ManifestInvalid")) throw error;
		log.warn("fetching again", { reason: (error as Error).message });
	}
	return undefined;
}

/** Fetches every page, makes sure that the source stood still meanwhile, and only then writes the manifest. */
async function fetchSnapshot(fetch: Fetch, state: SourceState): Promise<Manifest> {
	const { event, settings, storage, log } = fetch;
	const { rows, rowsUpdatedAt } = state;
	if (rows === 0)
		throw failure(
			"SourceIncomplete",
			`The source says that dataset ${event.dataset} has no rows; nothing was fetched.`,
		);
	const version = { dataset: event.dataset, rowsUpdatedAt, format: settings.sourceFormat };
	log.info("fetch started", { rows, pages: Math.ceil(rows / settings.pageRows), rowsUpdatedAt });
	const { pages, header } = await fetchPages(fetch, state, version);
	await checkUnchanged(fetch, state);

	const manifest: Manifest = { ...version, header, rows, pages, fetchedAt: new Date().toISOString() };
	const content = Buffer.from(`${JSON.stringify(manifest, null, "\t")}\n`);
	const key = manifestKey(event.dataset, rowsUpdatedAt, settings.sourceFormat);
	await storage.write(key, content, { contentType: "application/json", sha256: sha256(content) });
	log.info("manifest written", { key, rows, pages: pages.length, bytes: totalBytes(manifest) });
	return manifest;
}

/** Fetches all pages, some at a time; the first that fails ends the others. */
async function fetchPages(
	fetch: Fetch,
	state: SourceState,
	version: Pick<Manifest, "dataset" | "rowsUpdatedAt" | "format">,
) {
	const { settings, soda, storage, log } = fetch;
	const { pageRows, sourceFormat: format, concurrency } = settings;
	const attempt = `${fetch.event.runId}-${Date.now().toString(36)}`;
	const count = Math.ceil(state.rows / pageRows);
	const pages: ManifestPage[] = new Array(count);
	let header = format === "json" ? state.fields : undefined;
	let next = 0;
	let failed = false;
	const done = { pages: 0, rows: 0, bytes: 0 };

	const fetchPage = async (index: number) => {
		if (fetch.timeLeft() <= 0)
			throw failure(
				"OutOfTime",
				`The fetch stopped after ${done.pages} of ${count} pages, since its time was up; give the function more time.`,
			);
		const page = await soda.page({ format, index, rows: pageRows }, (body) => compress(body, format));
		if (page.header) {
			header ??= page.header;
			if (page.header.join("\n") !== header.join("\n"))
				throw failure("SourceChanged", `Page ${index + 1} of the source has another header than the pages before it.`);
		}
		const key = pageKey(version, attempt, index);
		const rows = Math.min(pageRows, state.rows - index * pageRows);
		const checksum = sha256(page.content);
		await storage.write(key, page.content, { contentType: "application/gzip", sha256: checksum });
		pages[index] = { key, bytes: page.content.length, sha256: checksum, rows };
		done.pages++;
		done.rows += rows;
		done.bytes += page.content.length;
		log.info("page stored", { page: index + 1, pages: count, rows: done.rows, of: state.rows, bytes: done.bytes });
	};
	const worker = async () => {
		while (next < count && !failed) await fetchPage(next++);
	};
	await Promise.all(
		Array.from({ length: Math.min(concurrency, count) }, () =>
			worker().catch((error) => {
				failed = true;
				throw error;
			}),
		),
	);
	return { pages, header: header! };
}

/**
 * Compresses a page as it arrives. Its compressed bytes, a megabyte or so, are kept until it is whole: S3 then takes it
 * at once and can be asked again, and a page that breaks off leaves nothing behind.
 */
async function compress(body: AsyncIterable<Uint8Array>, format: RawFormat) {
	let head = "";
	const watched = (async function* () {
		for await (const piece of inPieces(body)) {
			if (format === "csv" && !head.includes("\n")) head += piece.toString("utf8");
			yield piece;
		}
	})();
	const gzip = createGzip({ level: GZIP_LEVEL, chunkSize: PIECE_BYTES });
	const [content] = await Promise.all([buffer(gzip), streams.pipeline(Readable.from(watched), gzip)]);
	if (format === "json") return { content, header: undefined };
	const header = splitCsv(head.slice(0, head.indexOf("\n")).replace(/\r$/, ""));
	if (!head.includes("\n") || !header) throw new Error("a page without a header line");
	return { content, header };
}

/** The same bytes in larger pieces. */
async function* inPieces(body: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
	let chunks: Uint8Array[] = [];
	let bytes = 0;
	for await (const chunk of body) {
		chunks.push(chunk);
		bytes += chunk.length;
		if (bytes < PIECE_BYTES) continue;
		yield Buffer.concat(chunks);
		chunks = [];
		bytes = 0;
	}
	yield Buffer.concat(chunks);
}

/** @throws SourceChanged where the source is no longer as it was when the first page was asked for */
async function checkUnchanged({ soda }: Fetch, before: SourceState): Promise<void> {
	const after = await soda.state();
	if (after.rowsUpdatedAt === before.rowsUpdatedAt && after.rows === before.rows) return;
	throw failure(
		"SourceChanged",
		`The source changed while it was fetched: from ${before.rows} rows of ${versionName(before.rowsUpdatedAt)} to ${after.rows} of ${versionName(after.rowsUpdatedAt)}; it is fetched again from the start.`,
	);
}
