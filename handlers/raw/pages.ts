/** A snapshot's raw pages as they come out of the bucket: whole and undamaged, or not at all. */

import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { failure, reasonOf } from "../common/failure";
import type { Bucket } from "./bucket";
import { type ManifestPage, sha256 } from "./manifest";

/** Far above any page that extract writes; a larger one would take all of the function's memory. */
const MAX_PAGE_BYTES = 128 * 1024 * 1024;

/**
 * Reads pages ahead: each is fetched while the one before it is uncompressed, and that while the one before is used.
 * @returns gives the next page, uncompressed; throws PageDamaged, StorageUnavailable
 */
export function prefetchPages(bucket: Bucket, pages: ManifestPage[]): () => Promise<Buffer> {
	const nextCompressed = readAhead(pages, (page) => fetchPage(bucket, page));
	return readAhead(pages, async (page) => uncompress(page, await nextCompressed()));
}

/** Starts on each page as soon as the one before it is handed out. */
function readAhead<T>(pages: ManifestPage[], read: (page: ManifestPage) => Promise<T>): () => Promise<T> {
	let started = 0;
	const start = () => {
		const page = pages[started++];
		const reading = page && read(page);
		// It is awaited in its turn; if something fails before, its own failure must not end the process.
		reading?.catch(() => {});
		return reading;
	};
	let ahead = start();
	return async () => {
		const content = await ahead!;
		ahead = start();
		return content;
	};
}

const damaged = (page: ManifestPage, what: string, cause?: unknown) =>
	failure("PageDamaged", `The page ${page.key} ${what}; the snapshot must be fetched again.`, cause);

/** A page's compressed bytes, checked against the manifest. */
async function fetchPage(bucket: Bucket, page: ManifestPage): Promise<Buffer> {
	const compressed = await bucket.read(page.key);
	if (!compressed) throw damaged(page, "is missing");
	if (compressed.length !== page.bytes)
		throw damaged(page, `has ${compressed.length} bytes, but the manifest says ${page.bytes}`);
	if (sha256(compressed) !== page.sha256) throw damaged(page, "has a wrong checksum");
	return compressed;
}

async function uncompress(page: ManifestPage, compressed: Buffer): Promise<Buffer> {
	// A gzip file ends with the size of its content (RFC 1952), so the content fits into one chunk; the chunk is larger than
	// Node's buffer pool, so that it never shares memory with other buffers.
	const size = compressed.length < 4 ? 0 : compressed.readUInt32LE(compressed.length - 4);
	try {
		return await promisify(gunzip)(compressed, {
			chunkSize: Math.min(size, MAX_PAGE_BYTES) + Buffer.poolSize,
			maxOutputLength: MAX_PAGE_BYTES,
		});
	} catch (error) {
		throw damaged(page, `cannot be uncompressed (${reasonOf(error)})`, error);
	}
}

/** Frees the memory of a page at once; the garbage collector would let several pages pile up. */
export function release(uncompressed: Buffer): void {
	(uncompressed.buffer as ArrayBuffer).transfer(0);
}
