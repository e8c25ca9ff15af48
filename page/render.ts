/** Renders the page: one HTML document that needs nothing else. */

import { createHash } from "node:crypto";
import type { Figures } from "./figures";
import { sectionsOf } from "./findings";
import { latestDate } from "./findings/phrases";
import { Html, html } from "./html";
import { headHtml } from "./layout/head";
import { barHtml, mastheadHtml } from "./layout/masthead";
import { heroHtml, sectionHtml } from "./layout/sections";
import { pack } from "./pack";
import { partsOf } from "./parts";
import { type View, viewOf } from "./view";

/** The browser's script and the styles, put in place when this module is bundled. */
declare const CLIENT_SCRIPT: string;
declare const STYLES: string;

/** Tells the styles that scripts run, before anything is drawn. */
const MARK_SCRIPTED = `document.documentElement.classList.add("js")`;

/** @returns the whole document, for any figures: without snapshots it says that there are none */
export function renderPage(figures: Figures): string {
	const isSample = figures.dataset === "sample";
	const view = figures.snapshots.length ? viewOf(figures, {}) : undefined;
	return html`<!doctype html>
<html lang="en">
<head>${headHtml(view, isSample, { styles: STYLES, policy: POLICY, script: MARK_SCRIPTED })}
</head>
<body>
${mastheadHtml(view, isSample)}
${view ? contentHtml(view, isSample) : NOTHING}
</body>
</html>
`.text;
}

const NOTHING = html`
<main class="page"><p class="note">No snapshot has been published to this database yet, so there is nothing to show. The page fills itself after the first successful run.</p></main>`;

function contentHtml(view: View, isSample: boolean): Html {
	const parts = partsOf(view, { choice: {} });
	const [, ...sections] = sectionsOf(view);
	return html`${barHtml(parts.count, isSample)}
<main class="page">
${heroHtml(parts)}
${sections.map((id) => sectionHtml(id, view, parts))}
</main>
<footer class="page"><p class="small">Made by the pipeline from the snapshot of ${latestDate(view)}. Nothing on this page loads from the network.</p></footer>
<script type="application/json" id="figures">${new Html(pack(view.figures))}</script>
<script>${new Html(CLIENT_SCRIPT)}</script>`;
}

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Only the page's own scripts and styles run, and nothing is fetched. */
const POLICY = [
	"default-src 'none'",
	`script-src ${hashOf(MARK_SCRIPTED)} ${hashOf(CLIENT_SCRIPT)}`,
	`style-src ${hashOf(STYLES)}`,
	"img-src data:",
	"base-uri 'none'",
	"form-action 'none'",
].join("; ");
