/** The manifest: the commit mark of a fetched snapshot, and the only way from a version of the source to its pages. */

import { createHash } from "node:crypto";
import type { RawFormat } from "../common/contract";
import { failure } from "../common/failure";

export interface ManifestPage {
	/** Key of the gzipped page in the raw bucket. */
	key: string;
	/** Compressed size. */
	bytes: number;
	/** Of the compressed bytes, in hexadecimal. */
	sha256: string;
	/** How many rows the source was asked for and should have given. */
	rows: number;
}

export interface Manifest {
	dataset: string;
	/** When the source's rows last changed, Unix seconds: the version. */
	rowsUpdatedAt: number;
	format: RawFormat;
	/** Names of the columns, in the order of the pages' fields. */
	header: string[];
	rows: number;
	pages: ManifestPage[];
	/** When the fetch ended, ISO 8601; the clock's time, for people. */
	fetchedAt: string;
}

/** The last that a Date can hold, Unix seconds. */
const LAST_SECOND = 8.64e12;

/** `2024-10-12T00:00:00Z` → `20241012T000000Z`: sorts as text, and needs no escaping in a key. */
export function versionName(rowsUpdatedAt: number): string {
	return new Date(rowsUpdatedAt * 1000).toISOString().replace(/[-:]|\.000/g, "");
}

/** Folder of everything fetched of one version in one format. */
function rawPrefix(dataset: string, rowsUpdatedAt: number, format: RawFormat): string {
	return `raw/${dataset}/${versionName(rowsUpdatedAt)}/${format}`;
}

export function manifestKey(dataset: string, rowsUpdatedAt: number, format: RawFormat): string {
	return `${rawPrefix(dataset, rowsUpdatedAt, format)}/manifest.json`;
}

/** A page's key carries the attempt's id, so that pages of two attempts never mix. `index` counts from 0. */
export function pageKey(
	manifest: Pick<Manifest, "dataset" | "rowsUpdatedAt" | "format">,
	attempt: string,
	index: number,
): string {
	const prefix = rawPrefix(manifest.dataset, manifest.rowsUpdatedAt, manifest.format);
	return `${prefix}/${attempt}/${String(index + 1).padStart(5, "0")}.${manifest.format}.gz`;
}

/** As manifests name it, in hexadecimal. */
export function sha256(content: Buffer): string {
	return createHash("sha256").update(content).digest("hex");
}

/** Compressed size of all pages. */
export function totalBytes(manifest: Manifest): number {
	return manifest.pages.reduce((sum, page) => sum + page.bytes, 0);
}

/**
 * Reads a manifest and checks it whole, so that nothing after it has to.
 * @param text the object's content
 * @param key where it was read, which must agree with what it says
 * @throws ManifestInvalid naming the key and what is wrong
 */
export function parseManifest(text: string, key: string): Manifest {
	const invalid = (what: string) =>
		failure("ManifestInvalid", `The manifest ${key} ${what}; fetch the snapshot again.`);
	let manifest: Manifest;
	try {
		manifest = JSON.parse(text);
	} catch (error) {
		throw failure("ManifestInvalid", `The manifest ${key} is not JSON; fetch the snapshot again.`, error);
	}
	if (typeof manifest !== "object" || manifest === null) throw invalid("is not an object");
	const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
	if (manifest.format !== "csv" && manifest.format !== "json")
		throw invalid(`has an unknown format, ${JSON.stringify(manifest.format)}`);
	if (!isCount(manifest.rowsUpdatedAt) || manifest.rowsUpdatedAt > LAST_SECOND) throw invalid("has no rowsUpdatedAt");
	if (key !== manifestKey(manifest.dataset, manifest.rowsUpdatedAt, manifest.format))
		throw invalid(
			`is of dataset ${manifest.dataset}, version ${versionName(manifest.rowsUpdatedAt)}, and does not belong there`,
		);
	if (
		!Array.isArray(manifest.header) ||
		!manifest.header.length ||
		!manifest.header.every((name) => typeof name === "string")
	)
		throw invalid("has no header");
	if (!Array.isArray(manifest.pages)) throw invalid("names no pages");
	manifest.pages.forEach((page, index) => {
		const wellFormed =
			typeof page?.key === "string" && isCount(page.bytes) && isCount(page.rows) && /^[0-9a-f]{64}$/.test(page.sha256);
		if (!wellFormed) throw invalid(`describes page ${index + 1} badly`);
	});
	const rows = manifest.pages.reduce((sum, page) => sum + page.rows, 0);
	if (rows !== manifest.rows) throw invalid(`says ${manifest.rows} rows and its pages say ${rows}`);
	return manifest;
}
