/** A finding's words as HTML: its question and answer, prose, caption and table. */

import type { Finding, Table, Text } from "../finding";
import { type Html, html } from "../html";

export const textHtml = (text: Text): Html =>
	html`${text.map((part) => (typeof part === "string" ? part : html`<span class="${part.as}">${part.text}</span>`))}`;

/** The section's heading, and the prose below it. */
export const wordsHtml = ({ question, title, prose }: Finding): Html => html`
<h2><span class="question">${question}</span> <span class="finding">${title}</span></h2>
${prose.map((paragraph) => html`<p class="prose">${textHtml(paragraph)}</p>`)}`;

export const captionHtml = ({ caption }: Finding): Html => textHtml(caption);

export const tableHtml = ({ caption, columns, rows }: Table): Html => html`
<table>
<caption class="unseen">${caption}</caption>
<thead><tr>${columns.map(({ name, isNumber }) => html`<th scope="col"${kindOf(isNumber)}>${name}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((text, column) => cellHtml(text, column, columns[column]!.isNumber))}</tr>`)}</tbody>
</table>`;

const cellHtml = (text: string, column: number, isNumber: boolean): Html =>
	column === 0 ? html`<th scope="row">${text}</th>` : html`<td${kindOf(isNumber)}>${text}</td>`;

/** Cells are numbers, unless they say otherwise. */
export const kindOf = (isNumber: boolean): Html | false => !isNumber && html` class="text"`;
