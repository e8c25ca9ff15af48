/** The table of counties, cities or legislative districts. */

import { PLACE_KINDS, type PlaceCell, type PlaceKind, type PlaceTable, placeTable } from "../findings/places";
import { type Html, html } from "../html";
import type { View } from "../view";
import { kindOf } from "./words";

/** Rows that are shown before one asks for all. */
export const FIRST_ROWS = 10;

export interface PlaceOptions {
	kind: PlaceKind;
	/** Shows places whose name has this text in it. */
	search: string;
	/** The column that rows are sorted by, and which way. */
	sort: { column: number; isDescending: boolean };
	showsAll: boolean;
}
export const FIRST_OPTIONS: PlaceOptions = {
	kind: "counties",
	search: "",
	sort: { column: 1, isDescending: true },
	showsAll: false,
};

/** The table, and what stands below it: how many rows there are, and the button that shows all of them. */
export function placesHtml(view: View, options: PlaceOptions): Html {
	const { kind, search, sort, showsAll } = options;
	const table = placeTable(view, kind);
	const found = sorted(table, sort).filter(({ cells }) => cells[0]!.text.toLowerCase().includes(search.toLowerCase()));
	const shown = showsAll ? found : found.slice(0, FIRST_ROWS);
	const { label } = PLACE_KINDS.find((other) => other.kind === kind)!;
	return html`
<div class="scroll" tabindex="0" role="region" aria-label="${label}">
<table class="places">
<caption class="unseen">${label}${kind !== "counties" && view.makeName ? ", all makes" : ""}</caption>
<thead><tr>${table.columns.map((column, index) => headerHtml(column, index, sort))}</tr></thead>
<tbody>${shown.map(({ county, cells }) => rowHtml(view, table, county, cells))}</tbody>
</table>
</div>
${found.length === 0 && html`<p class="prose">No ${label.toLowerCase()} with “${search}” in their names.</p>`}
${found.length > shown.length && html`<button class="button" data-show-all>Show all ${found.length}</button>`}`;
}

function headerHtml(
	{ name, isNumber }: PlaceTable["columns"][number],
	index: number,
	sort: PlaceOptions["sort"],
): Html {
	const isSorted = sort.column === index;
	const order = isSorted && html` aria-sort="${sort.isDescending ? "descending" : "ascending"}"`;
	const arrow = isSorted && html`<span aria-hidden="true">${sort.isDescending ? "↓" : "↑"} </span>`;
	return html`<th scope="col"${kindOf(isNumber)}${order}><button data-sort="${index}">${arrow}${name}</button></th>`;
}

/** Counties are buttons that choose them. */
function rowHtml(view: View, { columns }: PlaceTable, county: number | undefined, cells: PlaceCell[]): Html {
	const [name, ...values] = cells;
	const isChosen = county !== undefined && county === view.choice.county;
	const nameHtml =
		county === undefined
			? html`${name!.text}`
			: html`<button class="name" data-county="${county}" aria-pressed="${String(isChosen)}">${name!.text}</button>`;
	return html`<tr><th scope="row">${nameHtml}</th>${values.map((cell, index) => html`<td${kindOf(columns[index + 1]!.isNumber)}>${cell.text}</td>`)}</tr>`;
}

/** Rows by a column; those without a value stay last, in the order that they have. */
function sorted({ rows }: PlaceTable, { column, isDescending }: PlaceOptions["sort"]): PlaceTable["rows"] {
	const direction = isDescending ? -1 : 1;
	return rows.toSorted((a, b) => {
		const [one, other] = [a.cells[column]?.sort, b.cells[column]?.sort];
		if (one === undefined || other === undefined) return Number(one === undefined) - Number(other === undefined);
		return one === other ? 0 : (one < other ? -1 : 1) * direction;
	});
}
