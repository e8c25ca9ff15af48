/** The counties with the highest and the lowest values, beside the map. */

import type { Measure } from "../choice";
import { extremes } from "../findings/where";
import { type Html, html } from "../html";
import type { View } from "../view";

export function extremesHtml(view: View, measure: Measure): Html {
	const { highest, lowest } = extremes(view, measure);
	const listHtml = (title: string, lines: [string, string][]) =>
		lines.length > 0 &&
		html`
<div>
<h3>${title}</h3>
<dl class="ranking">${lines.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</div>`;
	return html`${listHtml("Highest", highest)}${listHtml("Lowest", lowest)}`;
}
