/** Compiles the page: the module that renders it, and in it the script and the styles that each page carries. */

import { existsSync, readFileSync } from "node:fs";
import { asset } from "@pulumi/pulumi";
import { type BuildOptions, buildSync } from "esbuild";

/** Without `tsconfig.json`, which is for what Node.js runs. */
const OPTIONS = { bundle: true, minify: true, charset: "utf8", legalComments: "none", tsconfigRaw: {} } as const;

/** @returns the module `page/render.js`, whose `renderPage(figures)` returns the whole page, by its path in the archive */
export function compilePage(): asset.AssetMap {
	const script = compileIfThere("page/client.ts", { platform: "browser", format: "iife", target: "es2022" });
	const styles = compileIfThere("page/page.css", { target: ["chrome111", "firefox113", "safari16.4"] });
	const render = compile("page/render.ts", {
		platform: "node",
		format: "cjs",
		target: "node24",
		define: { PAGE_SCRIPT: JSON.stringify(script), PAGE_STYLES: JSON.stringify(styles) },
	});
	return { "page/render.js": new asset.StringAsset(render) };
}

function compileIfThere(file: string, options: BuildOptions): string {
	return existsSync(file) ? compile(file, options) : "";
}

/** Bundles a file with all that it imports. */
function compile(file: string, options: BuildOptions): string {
	const built = buildSync({ ...OPTIONS, ...options, entryPoints: [file], write: false, metafile: true });
	// esbuild reads in a process of its own. A kept record of the program is used as long as the files that this process has
	// read are the same, so it reads them, too.
	for (const input of Object.keys(built.metafile!.inputs)) readFileSync(input);
	return built.outputFiles![0]!.text;
}
