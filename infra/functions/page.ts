/** The page's module for report's archive. */

import { readFileSync } from "node:fs";
import { asset } from "@pulumi/pulumi";
import { bundlePage } from "../../page/build/bundle";

/** @returns the module `page/render.js`, whose `renderPage(figures)` returns the whole page, by its path in the archive */
export function compilePage(): asset.AssetMap {
	const { module, files } = bundlePage();
	// esbuild reads in a process of its own. A kept record of the program is used as long as the files that this process has
	// read are the same, so it reads them, too.
	for (const file of files) readFileSync(file);
	return { "page/render.js": new asset.StringAsset(module) };
}
