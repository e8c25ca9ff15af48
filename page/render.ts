/** Renders the page: one HTML file that needs nothing else. */

import type { Figures } from "./figures";

/** @returns the whole page */
export function renderPage({ dataset, snapshots, stock }: Figures): string {
	const last = snapshots.length - 1;
	const now = stock.snapshot.map((snapshot, row) => (snapshot === last ? stock.bev[row]! + stock.phev[row]! : 0));
	const vehicles = now.reduce((sum, count) => sum + count, 0).toLocaleString("en-US");
	const title = dataset === "sample" ? "Electric vehicles, a made-up sample" : "Electric vehicles in Washington";
	const finding = last < 0 ? "Nothing is published yet." : `${vehicles} vehicles on ${snapshots[last]!.slice(0, 10)}`;
	return `<!doctype html>
<html lang="en-US">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<h1>${title}</h1>
<p>${finding}</p>
</html>
`;
}
