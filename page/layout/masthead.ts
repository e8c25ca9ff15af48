/** The top of the page: what it is about, and the bar in which one chooses. */

import { latestDate } from "../findings/phrases";
import { type Html, html } from "../html";
import { duration } from "../text";
import type { View } from "../view";

export const TITLE = "Washington’s electric vehicles";

/** @param view undefined where nothing is published */
export function mastheadHtml(view: View | undefined, isSample: boolean): Html {
	return html`
<header class="masthead">
${isSample && html`<p class="ribbon"><span>Made-up sample data. These are not Washington’s vehicles.</span></p>`}
<div class="page">
<p class="kicker">${isSample ? "Sample, not the register" : "From the state’s vehicle register"}</p>
<h1>${TITLE}</h1>
${view && html`<p class="lead">${leadOf(view)}</p>`}
<noscript><p class="note">Without JavaScript this page shows its findings and tables. The charts, the map and the choice of county and make need it.</p></noscript>
</div>
</header>`;
}

/** "What was registered on October 12, 2024, and what changed in seven months." */
function leadOf(view: View): string {
	const { dates } = view;
	const registered = `What was registered on ${latestDate(view)}`;
	if (dates.length === 1) return `${registered}.`;
	return `${registered}, and what changed in ${duration(dates[0]!, dates.at(-1)!)}.`;
}

/** The makes and counties that one can choose are added in the browser, which has them. */
export const barHtml = (count: Html | undefined, isSample: boolean): Html => html`
<form class="bar scripted" aria-label="What the page shows" autocomplete="off">
<div class="page">
<label for="make"><span>Show</span></label>
<select id="make" aria-label="Make"><option value="">All makes</option></select>
<label for="county"><span>in</span></label>
<select id="county" aria-label="County"><option value="">All counties</option></select>
<button type="reset" class="button" hidden>Reset</button>
${isSample && html`<span class="badge">sample data</span>`}
<p class="count" id="count">${count}</p>
</div>
</form>
<p class="unseen" role="status" id="status"></p>`;
