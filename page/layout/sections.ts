/** The sections' frames. What follows a choice stands in an element with the part's id. */

import type { SectionId } from "../finding";
import { PLACE_KINDS } from "../findings/places";
import { type Html, html } from "../html";
import type { View } from "../view";
import { factsHtml, limitsHtml } from "./facts";
import { FIRST_OPTIONS, placesHtml } from "./places";
import { takeAlongHtml } from "./take-along";

type Parts = Record<string, Html>;

/** The first section: how many vehicles there are, and how fast they grow. */
export const heroHtml = (parts: Parts): Html => html`
<section id="growth" class="hero">
<div id="headline">${parts.headline}</div>
<div>
<div class="words" id="growth-words">${parts["growth-words"]}</div>
${chartHtml("growth", parts)}
</div>
</section>
<nav class="glance" aria-label="At a glance" id="glance">${parts.glance}</nav>`;

/** Every other section: its words on the left, what they are about beside them. */
export function sectionHtml(id: SectionId, view: View, parts: Parts): Html {
	return html`
<section id="${id}" class="section">
<div class="aside">
<div class="words" id="${id}-words">${parts[`${id}-words`]}</div>
${id === "where" && html`<div id="where-extremes">${parts["where-extremes"]}</div>`}
</div>
<div class="body">${bodyHtml(id, view, parts)}</div>
</section>`;
}

function bodyHtml(id: SectionId, view: View, parts: Parts): Html {
	switch (id) {
		case "where":
			return html`
<div class="switch scripted" role="group" aria-label="Measure" id="measures">${parts.measures}</div>
<p class="caption scripted" id="where-caption">${parts["where-caption"]}</p>
<div class="legend scripted" id="map-legend"></div>
<div class="chart" id="where-chart"></div>
<p class="small scripted">Outlines: U.S. Census Bureau.</p>`;
		case "places":
			return html`
<div class="tools scripted">
<div class="switch" role="group" aria-label="Kind of place" id="place-kinds">${PLACE_KINDS.map(
				({ kind, label }) =>
					html`<button type="button" data-kind="${kind}" aria-pressed="${String(kind === FIRST_OPTIONS.kind)}">${label}</button>`,
			)}</div>
<input type="search" id="place-search" placeholder="Search" aria-label="Search places">
</div>
<div id="places-table">${placesHtml(view, { ...FIRST_OPTIONS, showsAll: true })}</div>`;
		case "cars":
			return html`
<div class="pair">
<div><p class="caption" id="cars-caption">${parts["cars-caption"]}</p><div class="chart" id="cars-chart"></div></div>
<div><p class="caption scripted" id="risers-caption">${parts["risers-caption"]}</p><div class="chart" id="risers-chart"></div></div>
</div>
${detailsHtml(id, parts)}`;
		case "odd":
			return factsHtml(view);
		case "trust":
			return limitsHtml(view);
		case "data":
			return html`<div id="data-files">${takeAlongHtml(view)}</div>`;
		default:
			return chartHtml(id, parts);
	}
}

const chartHtml = (id: SectionId, parts: Parts): Html => html`
<p class="caption" id="${id}-caption">${parts[`${id}-caption`]}</p>
<div class="chart" id="${id}-chart"></div>
${detailsHtml(id, parts)}`;

/** Open without JavaScript, which closes it before it is seen. */
const detailsHtml = (id: SectionId, parts: Parts): Html => html`
<details open>
<summary>These figures as a table</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Table of ${id}" id="${id}-table">${parts[`${id}-table`]}</div>
</details>`;
