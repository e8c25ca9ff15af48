/** Draws every chart into its place. */

import { drawCars, drawRisers } from "../charts/cars";
import { drawFlows } from "../charts/flows";
import { drawGrowth } from "../charts/growth";
import { drawMap } from "../charts/map";
import { drawRanges } from "../charts/ranges";
import { drawShares } from "../charts/shares";
import { drawYears } from "../charts/years";
import type { Measure } from "../choice";
import { measureOf } from "../measures";
import type { View } from "../view";
import { byId } from "./page";

const CHARTS: Record<string, (view: View, width: number, label: string) => Element | undefined> = {
	growth: drawGrowth,
	cars: drawCars,
	risers: drawRisers,
	shares: drawShares,
	years: drawYears,
	flows: drawFlows,
	ranges: drawRanges,
};

export function drawCharts(view: View, measure: Measure): void {
	const charts = Object.entries(CHARTS).flatMap(([name, draw]) => {
		const place = document.getElementById(`${name}-chart`);
		return place ? [{ name, draw, place }] : [];
	});
	const map = byId("where-chart");
	// Widths are read before anything is written: otherwise each would have the page laid out anew.
	const widths = new Map([...charts.map(({ place }) => place), map].map((place) => [place, widthOf(place)]));
	for (const { name, draw, place } of charts) {
		const drawing = draw(view, widths.get(place)!, labelOf(name));
		place.replaceChildren(...(drawing ? [drawing] : []));
		// Nothing is said of a chart that is not there.
		byId(`${name}-caption`).hidden = !drawing;
	}
	const { svg, legend } = drawMap(view, measureOf(view, measure), widths.get(map)!, labelOf("where"));
	map.replaceChildren(svg);
	byId("map-legend").innerHTML = legend;
}

const widthOf = (place: HTMLElement) => Math.round(place.getBoundingClientRect().width);

/** A chart's caption says what it measures. */
const labelOf = (name: string) => byId(`${name}-caption`).textContent!.trim();
