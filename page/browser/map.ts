/** The map's pointer: a tip for the county below it, and a click that chooses it. */

import { tipOf } from "../charts/map";
import type { Measure } from "../choice";
import { measureOf } from "../measures";
import type { View } from "../view";
import { byId } from "./page";

/** Space between the pointer and the tip, in pixels. */
const GAP = 14;

/** @param current what is shown now */
export function followMap(current: () => { view: View; measure: Measure }, toggle: (county: number) => void): void {
	const place = byId("where-chart");
	const tip = document.createElement("div");
	tip.className = "map-tip";
	tip.hidden = true;
	place.after(tip);

	const countyAt = ({ target }: Event) => {
		const county = (target as Element).closest<SVGElement>("[data-county]")?.dataset.county;
		return county === undefined ? undefined : Number(county);
	};
	place.addEventListener("pointermove", (event) => {
		const county = countyAt(event);
		tip.hidden = county === undefined;
		if (county === undefined) return;
		const { view, measure } = current();
		tip.innerHTML = tipOf(view, measureOf(view, measure), county);
		const box = place.getBoundingClientRect();
		const body = place.parentElement!.getBoundingClientRect();
		const [x, y] = [event.clientX - body.left, event.clientY - body.top];
		const isRight = event.clientX - box.left > box.width / 2;
		tip.style.left = `${isRight ? x - tip.offsetWidth - GAP : x + GAP}px`;
		tip.style.top = `${y + GAP}px`;
	});
	place.addEventListener("pointerleave", () => {
		tip.hidden = true;
	});
	place.addEventListener("click", (event) => {
		const county = countyAt(event);
		if (county !== undefined) toggle(county);
	});
}
