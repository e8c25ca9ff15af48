/** A snapshot's raw pages, as they come out of the bucket: whole and undamaged, or not at all. */

import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { failure, reasonOf } from "../common/failure";
import type { Storage } from "./bucket";
import { type ManifestPage, sha256 } from "./manifest";

/** No page comes near; one that does is no page of ours, and would take all of the function's memory. */
const MAX_PAGE_BYTES = 128 * 1024 * 1024;

/**
 * The contents of pages: each is fetched while the one before it is being uncompressed, and that while the one before is used.
 * @returns gives a page's content, each once and in order; throws PageDamaged, StorageUnavailable
 */
export function contentsOf(storage: Storage, pages: ManifestPage[]): (index: number) => Promise<Buffer> {
	const compressed = readAhead(pages, (page) => fetchPage(storage, page));
	return readAhead(pages, async (page, index) => uncompress(page, await compressed(index)));
}

/** Reads pages, each while the one before it is being used. */
function readAhead<T>(pages: ManifestPage[], read: (page: ManifestPage, index: number) => Promise<T>) {
	const start = (index: number) => {
		const reading = pages[index] && read(pages[index], index);
		// Awaited in its turn; if something fails before, nobody will.
		reading?.catch(() => {});
		return reading;
	};
	let ahead = start(0);
	return async (index: number): Promise<T> => {
		const content = await ahead!;
		ahead = start(index + 1);
		return content;
	};
}

const damaged = (page: ManifestPage, what: string, cause?: unknown) =>
	failure("PageDamaged", `The page ${page.key} ${what}; the snapshot must be fetched again.`, cause);

/** A page as it was stored, or an error that says it is not. */
async function fetchPage(storage: Storage, page: ManifestPage): Promise<Buffer> {
	const compressed = await storage.read(page.key);
	if (!compressed) throw damaged(page, "is missing");
	if (compressed.length !== page.bytes)
		throw damaged(page, `has ${compressed.length} bytes and the manifest says ${page.bytes}`);
	if (sha256(compressed) !== page.sha256) throw damaged(page, "has a wrong checksum");
	return compressed;
}

async function uncompress(page: ManifestPage, compressed: Buffer): Promise<Buffer> {
	// A gzip file ends with its content's size (RFC 1952), so that the content comes in one piece; with some room more, so
	// that it is never taken from Node's pool, where other buffers are.
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

/** Gives the memory of a page's content back at once: as garbage, some of them would lie there until they are collected. */
export function release(uncompressed: Buffer): void {
	(uncompressed.buffer as ArrayBuffer).transfer(0);
}
