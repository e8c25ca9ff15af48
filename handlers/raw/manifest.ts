/** The manifest: the commit mark of a fetched snapshot, and the only way to its pages. */

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

/** What a manifest is of. */
export type Version = Pick<Manifest, "dataset" | "rowsUpdatedAt" | "format">;

/** The last that a Date can hold, Unix seconds. */
const LAST_SECOND = 8.64e12;

/** `2024-10-12T00:00:00Z` → `20241012T000000Z`: sorts as text, and needs no escaping in a key. */
export function versionName(rowsUpdatedAt: number): string {
	return new Date(rowsUpdatedAt * 1000).toISOString().replace(/[-:]|\.000/g, "");
}

/** Folder of everything fetched of one version in one format. */
function rawPrefix({ dataset, rowsUpdatedAt, format }: Version): string {
	return `raw/${dataset}/${versionName(rowsUpdatedAt)}/${format}`;
}

/** Key of a version's pointer to its latest manifest; before there were pointers, of its manifest. */
export function versionKey(version: Version): string {
	return `${rawPrefix(version)}/manifest.json`;
}

/** Key of an attempt's manifest, which is therefore never written again. */
export function manifestKey(version: Version, attempt: string): string {
	return `${rawPrefix(version)}/${attempt}/manifest.json`;
}

/** A page's key carries the attempt's id, so that pages of two attempts never mix. `index` counts from 0. */
export function pageKey(version: Version, attempt: string, index: number): string {
	return `${rawPrefix(version)}/${attempt}/${String(index + 1).padStart(5, "0")}.${version.format}.gz`;
}

/** As manifests name it, in hexadecimal. */
export function sha256(content: Buffer): string {
	return createHash("sha256").update(content).digest("hex");
}

/** Compressed size of all pages. */
export function totalBytes(manifest: Manifest): number {
	return manifest.pages.reduce((sum, page) => sum + page.bytes, 0);
}

/** Whether two manifests name the same content: the same pages in the same order, read in the same way. */
export function hasSameContent(a: Manifest, b: Manifest): boolean {
	const contentOf = ({ format, header, pages }: Manifest) =>
		JSON.stringify([format, header, pages.map(({ sha256, rows }) => [sha256, rows])]);
	return contentOf(a) === contentOf(b);
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
	if (!isKeyOf(key, manifest))
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

/** Whether a manifest may stand under a key: its version's, or that of an attempt. */
function isKeyOf(key: string, version: Version): boolean {
	const attempt = key.split("/").at(-2) ?? "";
	return key === versionKey(version) || key === manifestKey(version, attempt);
}
