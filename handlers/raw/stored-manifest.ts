/**
 * Manifests in the raw bucket. Each attempt has one of its own, which is never written again. Under its version's key stands a
 * pointer to that of the latest attempt; before there were pointers, the manifest itself stood there.
 */

import { failure } from "../common/failure";
import type { Bucket } from "./bucket";
import { type Manifest, manifestKey, parseManifest, sha256, type Version, versionKey } from "./manifest";

/** A manifest with the key that it was read from and the SHA-256 of its bytes, in hexadecimal. */
export interface StoredManifest {
	key: string;
	sha256: string;
	manifest: Manifest;
}

interface Pointer {
	/** Key of the latest attempt's manifest. */
	manifest: string;
	/** Of that manifest, in hexadecimal. */
	sha256: string;
	/** Key of the manifest that stood here before there were pointers: what records of that time mean by this key. */
	replaced?: string;
}

/**
 * Reads the manifest that a record names. Records made before there were pointers name a version's key.
 * @param expected SHA-256 that the manifest must have, in hexadecimal, where it is known
 * @throws ManifestInvalid where it is missing, damaged or another one; StorageUnavailable
 */
export async function readManifest(bucket: Bucket, key: string, expected?: string | null): Promise<StoredManifest> {
	const content = await bucket.read(key);
	const pointer = content && parsePointer(content);
	if (!pointer) return checkManifest(key, content, expected);
	if (pointer.replaced) return await readExactly(bucket, pointer.replaced, expected);
	return await readExactly(bucket, pointer.manifest, expected ?? pointer.sha256);
}

/**
 * Reads the manifest of a version's latest attempt.
 * @returns undefined where the version was never fetched
 * @throws ManifestInvalid, StorageUnavailable
 */
export async function readLatestManifest(bucket: Bucket, version: Version): Promise<StoredManifest | undefined> {
	const key = versionKey(version);
	const content = await bucket.read(key);
	if (!content) return undefined;
	const pointer = parsePointer(content);
	if (!pointer) return checkManifest(key, content);
	return await readExactly(bucket, pointer.manifest, pointer.sha256);
}

/** Writes an attempt's manifest, and then lets its version point to it. @returns the manifest's key */
export async function writeManifest(bucket: Bucket, manifest: Manifest, attempt: string): Promise<string> {
	const key = manifestKey(manifest, attempt);
	const content = jsonOf(manifest);
	await write(bucket, key, content);
	const replaced = await keepReplaced(bucket, manifest);
	const pointer: Pointer = { manifest: key, sha256: sha256(content), ...(replaced && { replaced }) };
	await write(bucket, versionKey(manifest), jsonOf(pointer));
	return key;
}

async function readExactly(bucket: Bucket, key: string, expected?: string | null): Promise<StoredManifest> {
	return checkManifest(key, await bucket.read(key), expected);
}

function checkManifest(key: string, content: Buffer | undefined, expected?: string | null): StoredManifest {
	if (!content) throw failure("ManifestInvalid", `The manifest ${key} is missing; fetch the snapshot again.`);
	const sum = sha256(content);
	if (expected && sum !== expected)
		throw failure(
			"ManifestInvalid",
			`The manifest ${key} is not the one that was recorded: its SHA-256 is ${sum} instead of ${expected}.`,
		);
	return { key, sha256: sum, manifest: parseManifest(content.toString("utf8"), key) };
}

/** @returns undefined where the content is no pointer */
function parsePointer(content: Buffer): Pointer | undefined {
	try {
		const { manifest, sha256, replaced } = JSON.parse(content.toString("utf8"));
		if (typeof manifest !== "string" || typeof sha256 !== "string") return undefined;
		return { manifest, sha256, ...(typeof replaced === "string" && { replaced }) };
	} catch {
		return undefined;
	}
}

/**
 * Keeps the manifest of a time before pointers under another key, since a pointer is to take its place.
 * @returns that key, if there is or was such a manifest
 */
async function keepReplaced(bucket: Bucket, version: Version): Promise<string | undefined> {
	const current = await bucket.read(versionKey(version));
	if (!current) return undefined;
	const pointer = parsePointer(current);
	if (pointer) return pointer.replaced;
	const key = manifestKey(version, `replaced-${sha256(current).slice(0, 8)}`);
	await write(bucket, key, current);
	return key;
}

function jsonOf(value: object): Buffer {
	return Buffer.from(`${JSON.stringify(value, null, "\t")}\n`);
}

async function write(bucket: Bucket, key: string, content: Buffer): Promise<void> {
	await bucket.write(key, content, { contentType: "application/json", sha256: sha256(content) });
}
