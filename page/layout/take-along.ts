/** The data to take along: files beside the page, CSV made in the page, source and license. */

import { type Html, html } from "../html";
import { count, inWords, longDate } from "../text";
import type { View } from "../view";

const KB = 1000;

export function takeAlongHtml(view: View): Html {
	const { figures } = view;
	const isSample = figures.dataset === "sample";
	return html`
${filesHtml(view)}
<div class="buttons scripted">
<button type="button" class="button" data-csv="counties">Counties (CSV)</button>
<button type="button" class="button" data-csv="makes">Makes (CSV)</button>
<button type="button" class="button" data-csv="cells">County × make × type (CSV)</button>
</div>
${isSample ? html`<p class="prose">These vehicles are made up: the sample of this project, which shows how the page works.</p>` : sourceHtml(view)}
<p class="prose scripted">The address of this page keeps your choice of county and make, so a link shows others what you see.</p>`;
}

function filesHtml({ figures }: View): Html | false {
	if (figures.files.length === 0) return false;
	return html`
<ul class="files">${figures.files.map(
		({ path, title, bytes, snapshot }) => html`
<li><a href="${path}" download>${path.replace(/^.*\//, "")}</a> <span>${title}, ${size(bytes)}, ${longDate(new Date(snapshot))}</span></li>`,
	)}
<li><a href="data/datapackage.json">datapackage.json</a> <span>What each file and column means</span></li></ul>`;
}

/** "8 kB", "3.1 MB" */
function size(bytes: number): string {
	if (bytes < KB * KB) return `${count(Math.max(1, Math.round(bytes / KB)))} kB`;
	return `${(bytes / KB / KB).toFixed(1)} MB`;
}

function sourceHtml({ figures, dates }: View): Html {
	const { dataset, published } = figures;
	const [first, last] = [longDate(dates[0]!), longDate(dates.at(-1)!)];
	const span = published === 1 ? `the snapshot of ${last}` : `${inWords(published)} snapshots from ${first} to ${last}`;
	return html`
<p class="prose">Source: Electric Vehicle Population Data, Washington State Department of Licensing,
<a href="https://data.wa.gov/d/${dataset}">data.wa.gov/d/${dataset}</a>, ${span}.
License: <a href="https://opendatacommons.org/licenses/odbl/1-0/">Open Database License 1.0</a>.
Figures made from it must name the source, and databases made from it must stay under the same license.</p>`;
}
