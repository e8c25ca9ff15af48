/** Function archives without files that Node.js never loads through `require`. */

import { readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { asset } from "@pulumi/pulumi";

/**
 * Files that are never loaded: ES modules, TypeScript, type declarations, source maps, documents, and the packages' own tests
 * and build files. They are five sixths of what packages contain.
 */
const UNUSED_FILES = new RegExp(
	[
		"(^|/)(dist-es|dist-types|test|tests|testing)/",
		"(^|/)(test|bench|Makefile|[^/]+\\.test)(\\.js)?$",
		"(^|/)\\.[^/]+$",
		"\\.([cm]?ts|mjs|map|md|html|yml)$",
		"(^|/)drizzle-orm/.*\\.js$",
	].join("|"),
);

/** A folder in an archive; what is left of a FileArchive in a resolved one. */
interface ResolvedFolder {
	path: string;
}

/**
 * An AssetArchive as `apply` passes it on: an Output resolves the promises inside and keeps the fields, but not the class.
 */
export interface ResolvedArchive {
	assets: Record<string, asset.Asset | ResolvedFolder>;
}

/** Creates an archive of single files without the unused ones. @param additional files to add, by their path */
export function pruneArchive({ assets }: ResolvedArchive, additional: asset.AssetMap): asset.AssetArchive {
	const files = Object.entries(listFiles(assets)).filter(([path]) => !UNUSED_FILES.test(path));
	return new asset.AssetArchive({ ...Object.fromEntries(files), ...additional });
}

/** Replaces each folder by its files. */
function listFiles(assets: ResolvedArchive["assets"]): asset.AssetMap {
	const files: asset.AssetMap = {};
	for (const [path, part] of Object.entries(assets)) {
		if (isFolder(part))
			for (const file of filesBelow(part.path))
				files[posix.join(path, file)] = new asset.FileAsset(join(part.path, file));
		else files[path] = part;
	}
	return files;
}

function isFolder(part: asset.Asset | ResolvedFolder): part is ResolvedFolder {
	return asset.Archive.isInstance(part);
}

/** All files in a folder and its subfolders: paths relative to the folder, sorted. */
export function filesBelow(folder: string): string[] {
	const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
	return entries
		.filter((entry) => entry.isFile())
		.map((entry) =>
			join(entry.parentPath, entry.name)
				.slice(join(folder).length + 1)
				.replaceAll("\\", "/"),
		)
		.sort();
}
