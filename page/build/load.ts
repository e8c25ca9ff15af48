/** The bundled page, loaded into this process. */

import Module from "node:module";
import type { Figures } from "../figures";
import { bundlePage } from "./bundle";

/** Bundles the page as it is deployed. @returns what renders it */
export function loadPage(): (figures: Figures) => string {
	const loaded = new Module("render.js") as Module & { _compile(code: string, file: string): void };
	loaded._compile(bundlePage().module, "render.js");
	return loaded.exports.renderPage;
}
