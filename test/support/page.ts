/** The page as it is deployed: bundled, then rendered from figures. */

import { loadPage } from "../../page/build/load";
import type { Figures } from "../../page/figures";

let render: ReturnType<typeof loadPage> | undefined;

/** Bundles the page once in a process, and renders it. */
export function renderBundled(figures: Figures): string {
	render ??= loadPage();
	return render(figures);
}

/** What is published before the first load. */
export function emptyFigures(): Figures {
	return {
		dataset: "f6w7-q2d2",
		snapshots: [],
		published: 0,
		counties: [],
		makes: [],
		models: [],
		stock: { snapshot: [], county: [], make: [], bev: [], phev: [] },
		modelStock: { county: [], model: [], vehicles: [], net: [] },
		yearStock: { county: [], make: [], year: [], bev: [], phev: [] },
		firstYears: { county: [], make: [], year: [], vehicles: [] },
		flows: { snapshot: [], county: [], make: [], arrived: [], left: [] },
		ranges: { model: [], year: [], miles: [], vehicles: [] },
		knownRanges: { make: [], year: [], known: [], all: [] },
		cities: { name: [], first: [], now: [], bev: [], make: [], makeVehicles: [] },
		districts: { name: [], first: [], now: [], bev: [], make: [], makeVehicles: [] },
		facts: { oldest: null, movedCounty: 0, priced: 0, pricedUntil: null, severalUtilities: 0, sinceFirst: 0 },
		files: [],
	};
}
