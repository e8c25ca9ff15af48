/** Vehicles by model year: battery and plug-in hybrid, with a line where the first snapshot stood. */

import { axisX, axisY, barY, gridY, pointerX, ruleY, text, tickY, tip } from "@observablehq/plot";
import { hasFirst, type YearBar, yearBars } from "../findings/years";
import { count, signed } from "../text";
import type { View } from "../view";
import { BOLD, countTicks, draw, HALO, isPhone, tickCount } from "./drawing";

const all = ({ bev, phev }: YearBar) => bev + phev;

export function drawYears(view: View, width: number, label: string): Element | undefined {
	const bars = yearBars(view);
	const most = Math.max(0, ...bars.map((bar) => Math.max(all(bar), bar.first ?? 0)));
	if (most === 0) return undefined;
	const yTicks = countTicks(most, 4);
	const peak = bars.reduce((best, bar) => (all(bar) > all(best) ? bar : best));
	const riser = hasFirst(view) ? bars.reduce((best, bar) => (rise(bar) > rise(best) ? bar : best)) : undefined;
	const shortLabel = (name: string) => name.replace(/(19|20)(?=\d\d$)/, "’");
	const names = bars.map(({ label }) => label);
	// Every other year on phones, the newest among them.
	const shownNames =
		isPhone(width) && names.length > 8 ? names.filter((_, index) => (names.length - 1 - index) % 2 === 0) : names;
	return draw(label, {
		width,
		height: isPhone(width) ? 250 : 330,
		marginLeft: 56,
		marginRight: 4,
		marginTop: 34,
		x: { type: "band", domain: names, padding: 0.2 },
		y: { domain: [0, Math.max(most, yTicks.at(-1)!)] },
		marks: [
			gridY(yTicks, { stroke: "var(--grid)", strokeOpacity: 1 }),
			barY(bars, { x: "label", y1: 0, y2: "bev", fill: "var(--bev)" }),
			barY(bars, { x: "label", y1: "bev", y2: all, fill: "var(--phev)" }),
			hasFirst(view)
				? tickY(bars, { x: "label", y: "first", stroke: "var(--ink)", strokeWidth: 2, insetLeft: -2, insetRight: -2 })
				: null,
			ruleY([0], { stroke: "var(--axis)" }),
			axisY(yTicks, { tickSize: 0, tickFormat: tickCount }),
			axisX(shownNames, {
				tickSize: 0,
				tickFormat: isPhone(width) ? shortLabel : (name) => name,
				fontSize: isPhone(width) ? 11 : 12,
			}),
			valueText(peak, count(all(peak))),
			riser && riser !== peak && rise(riser) > 0
				? valueText(riser, signed(rise(riser)), riser.year > peak.year ? "start" : "middle")
				: null,
			tip(bars, pointerX({ x: "label", y: all, title: tipOf(view) })),
		],
	});
}

const rise = (bar: YearBar) => all(bar) - (bar.first ?? 0);

const valueText = (bar: YearBar, value: string, anchor: "middle" | "start" = "middle") =>
	text([bar], {
		x: "label",
		y: (bar) => Math.max(all(bar), bar.first ?? 0),
		text: () => value,
		dy: -11,
		textAnchor: anchor,
		dx: anchor === "start" ? -14 : 0,
		...BOLD,
		fontSize: 14,
		fill: "var(--ink)",
		...HALO,
	});

function tipOf(view: View) {
	return (bar: YearBar) => {
		const first = hasFirst(view) ? `\n${count(bar.first!)} at the first snapshot` : "";
		return `Model year ${bar.label}\n${count(bar.bev)} battery electric\n${count(bar.phev)} plug-in hybrid${first}`;
	};
}
