/** The parts of the page that follow a choice, as HTML by the id of the element that holds each. */

import { measureIn, type State } from "./choice";
import type { Finding, SectionId } from "./finding";
import { findingsOf } from "./findings";
import { risersCaption } from "./findings/cars";
import { noun } from "./findings/phrases";
import { type Html, html } from "./html";
import { extremesHtml } from "./layout/extremes";
import { glanceHtml } from "./layout/glance";
import { headlineHtml } from "./layout/headline";
import { captionHtml, tableHtml, textHtml, wordsHtml } from "./layout/words";
import { type CountyMeasure, measuresOf } from "./measures";
import { count } from "./text";
import type { View } from "./view";

/** @returns HTML by id: `cars-words`, `cars-caption`, `cars-table`, and so on */
export function partsOf(view: View, state: State): Record<string, Html> {
	const measure = measureIn(state);
	const findings = findingsOf(view, measure);
	return {
		count: html`<b>${count(view.now.all)}</b> ${noun(view)}`,
		headline: headlineHtml(view),
		glance: glanceHtml(findings),
		measures: measureButtons(measuresOf(view), measure),
		"risers-caption": textHtml(risersCaption(view)),
		"where-extremes": extremesHtml(view, measure),
		...Object.assign({}, ...findings.map(([id, finding]) => sectionParts(id, finding))),
	};
}

function sectionParts(id: SectionId, finding: Finding): Record<string, Html> {
	return {
		[`${id}-words`]: wordsHtml(finding),
		[`${id}-caption`]: captionHtml(finding),
		...(finding.table && { [`${id}-table`]: tableHtml(finding.table) }),
	};
}

/** One measure at a time is shown; growth is missing where there is one snapshot. */
function measureButtons(measures: CountyMeasure[], wanted: string): Html {
	const shown = measures.find(({ measure }) => measure === wanted) ?? measures[0];
	return html`${measures.map(
		(other) =>
			html`<button type="button" data-measure="${other.measure}" aria-pressed="${String(other === shown)}">${other.label}</button>`,
	)}`;
}
