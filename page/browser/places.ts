/** The table of places: its kinds, its order, its search. */

import type { Choice } from "../choice";
import { PLACE_KINDS } from "../findings/places";
import { FIRST_OPTIONS, type PlaceOptions, placesHtml } from "../layout/places";
import type { View } from "../view";
import { byId } from "./page";

/**
 * @param current what is shown now
 * @returns draws the table again
 */
export function followPlaces(current: () => View, choose: (choice: Choice) => void): () => void {
	let options: PlaceOptions = FIRST_OPTIONS;
	const table = byId("places-table");
	const kinds = byId("place-kinds");
	const search = byId<HTMLInputElement>("place-search");
	const redraw = () => {
		table.innerHTML = placesHtml(current(), options).text;
		for (const button of kinds.querySelectorAll<HTMLElement>("button"))
			button.setAttribute("aria-pressed", String(button.dataset.kind === options.kind));
	};
	/** Draws the table; what had the focus has it again. */
	const change = (changes: Partial<PlaceOptions>, focus?: string) => {
		options = { ...options, ...changes };
		redraw();
		if (focus) table.querySelector<HTMLElement>(focus)?.focus();
	};

	kinds.addEventListener("click", ({ target }) => {
		const { kind } = PLACE_KINDS.find(({ kind }) => kind === (target as HTMLElement).dataset.kind) ?? {};
		if (kind) change({ kind, showsAll: false, sort: FIRST_OPTIONS.sort });
	});
	search.addEventListener("input", () => change({ search: search.value.trim() }));
	table.addEventListener("click", ({ target }) => {
		const button = (target as HTMLElement).closest("button");
		if (!button) return;
		const { sort, county, showAll } = button.dataset;
		if (sort !== undefined) change({ sort: nextSort(options.sort, Number(sort)) }, `[data-sort="${sort}"]`);
		if (showAll !== undefined) change({ showsAll: true }, ".scroll");
		if (county !== undefined) {
			const { choice } = current();
			choose({ ...choice, county: Number(county) === choice.county ? undefined : Number(county) });
			table.querySelector<HTMLElement>(`[data-county="${county}"]`)?.focus();
		}
	});
	return redraw;
}

/** The same column the other way; another one by what is expected: names from A, numbers from the greatest. */
function nextSort(sort: PlaceOptions["sort"], column: number): PlaceOptions["sort"] {
	return { column, isDescending: sort.column === column ? !sort.isDescending : column > 0 };
}
