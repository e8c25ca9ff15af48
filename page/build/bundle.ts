/** Bundles the page: its styles and its script for browsers, and the module that renders it in Node.js. */

import { join } from "node:path";
import { type BuildOptions, buildSync } from "esbuild";
import { readOutlines } from "./outlines";

const PAGE = join(__dirname, "..");
/** Browsers of the last three years. */
const BROWSERS = ["chrome115", "firefox115", "safari16.4"];

export interface Bundle {
	/** A CommonJS module that exports `renderPage`. */
	module: string;
	/** Every file that it is made of: absolute paths. */
	files: string[];
}

/** Takes about half a second. */
export function bundlePage(): Bundle {
	const { outlines, files } = readOutlines();
	const styles = build({ entryPoints: [join(PAGE, "styles/page.css")], target: BROWSERS });
	const script = build({
		entryPoints: [join(PAGE, "browser/start.ts")],
		platform: "browser",
		target: BROWSERS,
		format: "iife",
		define: { OUTLINES: JSON.stringify(outlines) },
	});
	const module = build({
		entryPoints: [join(PAGE, "render.ts")],
		platform: "node",
		target: "node22",
		format: "cjs",
		define: {
			// A script ends where the text of its end tag stands, be it in a string.
			CLIENT_SCRIPT: JSON.stringify(script.text.replaceAll("</script", "<\\/script")),
			STYLES: JSON.stringify(styles.text),
		},
	});
	return { module: module.text, files: [...files, ...styles.files, ...script.files, ...module.files].sort() };
}

/** Builds one file. @returns its text, and what it was built from */
function build(options: BuildOptions): { text: string; files: string[] } {
	const { outputFiles, metafile } = buildSync({
		bundle: true,
		minify: true,
		charset: "utf8",
		legalComments: "none",
		logLevel: "silent",
		absWorkingDir: PAGE,
		write: false,
		metafile: true,
		...options,
	});
	const files = Object.keys(metafile!.inputs).filter((input) => !input.startsWith("<"));
	return { text: outputFiles![0]!.text.trim(), files: files.map((file) => join(PAGE, file)) };
}
