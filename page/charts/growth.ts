/** Vehicles at each snapshot: battery and plug-in hybrid, one on the other, from zero. */

import { area, axisX, axisY, dot, gridY, line, pointerX, ruleY, text, tip } from "@observablehq/plot";
import { count, longDate } from "../text";
import type { View } from "../view";
import { BOLD, countTicks, dateLabels, dateTicks, draw, HALO, isPhone, tickCount } from "./drawing";

const LEFT = 56;
const RIGHT = 24;
/** A band lower than this, in pixels, has no room for its name. */
const NAME_ROOM = 22;

export function drawGrowth(view: View, width: number, label: string): Element | undefined {
	const { totals, now } = view;
	const most = Math.max(...totals.map(({ all }) => all));
	if (totals.length < 2 || most === 0) return undefined;
	const height = isPhone(width) ? 250 : 310;
	const yTicks = countTicks(most);
	const xTicks = dateTicks(view.dates, width - LEFT - RIGHT);
	const first = totals[0]!;
	const pixels = (height - 70) / (most * 1.02);
	const kinds = [
		{
			name: "Battery electric",
			color: "bev",
			from: (_total: typeof now) => 0,
			to: (total: typeof now) => total.bev,
		},
		{
			name: "Plug-in hybrid",
			color: "phev",
			from: (total: typeof now) => total.bev,
			to: (total: typeof now) => total.all,
		},
	].filter(({ from, to }) => totals.some((total) => to(total) > from(total)));
	return draw(label, {
		width,
		height,
		marginLeft: LEFT,
		marginRight: RIGHT,
		marginTop: 26,
		marginBottom: 40,
		x: { type: "utc", domain: [first.at, now.at] },
		y: { domain: [0, Math.max(most * 1.02, yTicks.at(-1)!)] },
		marks: [
			gridY(yTicks, { stroke: "var(--grid)", strokeOpacity: 1 }),
			...kinds.map(({ color, from, to }) => area(totals, { x1: "at", y1: from, y2: to, fill: `var(--${color}-tint)` })),
			...kinds.map(({ color, to }) => line(totals, { x: "at", y: to, stroke: `var(--${color}-line)`, strokeWidth: 2 })),
			...kinds.map(({ color, to }) =>
				dot(totals, { x: "at", y: to, r: 3.5, fill: `var(--${color}-line)`, stroke: "var(--paper)", strokeWidth: 1.5 }),
			),
			ruleY([0], { stroke: "var(--axis)" }),
			axisY(yTicks, { tickSize: 0, tickFormat: tickCount }),
			axisX(xTicks, { tickFormat: dateLabels(xTicks), tickSize: 5, stroke: "var(--axis)" }),
			...kinds
				.filter(({ from, to }) => (to(first) - from(first)) * pixels >= NAME_ROOM)
				.map(({ name, color, from, to }) =>
					text([first], {
						x: "at",
						y: (total) => (from(total) + to(total)) / 2,
						text: () => name,
						textAnchor: "start",
						dx: 12,
						...BOLD,
						fill: `var(--${color}-text)`,
					}),
				),
			...[first, now].map((total) =>
				text([total], {
					x: "at",
					y: "all",
					text: () => count(total.all),
					textAnchor: total === first ? "start" : "end",
					dx: total === first ? -4 : 10,
					dy: -14,
					...BOLD,
					fontSize: 14,
					fill: "var(--ink)",
					...HALO,
				}),
			),
			tip(
				totals,
				pointerX({
					x: "at",
					y: "all",
					title: ({ at, bev, phev, all }) =>
						`${longDate(at)}\n${count(all)} vehicles\n${count(bev)} battery electric\n${count(phev)} plug-in hybrid`,
				}),
			),
		],
	});
}
