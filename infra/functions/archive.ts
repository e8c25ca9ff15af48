/** What ships with a function: of each package only the files that Node loads by `require`. */

import { readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { asset } from "@pulumi/pulumi";

/**
 * The same code again as ES modules or TypeScript, type declarations, source maps, documents, and packages' own tests and
 * build files: five sixths of what packages hold.
 */
const DEAD_WEIGHT = new RegExp(
	[
		"(^|/)(dist-es|dist-types|test|tests|testing)/",
		"(^|/)(test|bench|Makefile|[^/]+\\.test)(\\.js)?$",
		"(^|/)\\.[^/]+$",
		"\\.([cm]?ts|mjs|map|md|html|yml)$",
		"(^|/)drizzle-orm/.*\\.js$",
	].join("|"),
);

/** An archive without what is never loaded, and with some files more. The code that Pulumi serialised stays as it is. */
export function packed(archive: asset.AssetArchive, more: asset.AssetMap): asset.AssetArchive {
	// An Output hands over what it holds with every promise awaited and every class forgotten, whatever the types say.
	return new asset.AssetArchive({ ...listFiles(archive.assets as unknown as asset.AssetMap), ...more });
}

/** The assets as single files: folders are taken apart. */
function listFiles(assets: asset.AssetMap): asset.AssetMap {
	const files: asset.AssetMap = {};
	for (const [path, part] of Object.entries(assets)) {
		if (!asset.Archive.isInstance(part)) files[path] = part;
		else {
			const folder = (part as unknown as { path: string }).path;
			for (const file of filesBelow(folder)) files[posix.join(path, file)] = new asset.FileAsset(join(folder, file));
		}
	}
	return Object.fromEntries(Object.entries(files).filter(([path]) => !DEAD_WEIGHT.test(path)));
}

/** Paths relative to a folder, always in the same order. */
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
