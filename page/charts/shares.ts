/** Each make's share, as a line of its own on one shared scale; with one snapshot, as bars. */

import { area, axisY, barX, dot, line, ruleY, text } from "@observablehq/plot";
import { panels, shares } from "../findings/shares";
import { html } from "../html";
import { percent, points } from "../text";
import type { MakeFigures, View } from "../view";
import { BOLD, draw, isPhone, textWidth } from "./drawing";

const PHONE_PANELS = 8;
const PANEL_HEIGHT = 64;
const GAP = 24;

export function drawShares(view: View, width: number, label: string): Element | undefined {
	if (shares(view).few || view.makes.length === 0) return undefined;
	const makes = panels(view, isPhone(width) ? PHONE_PANELS : undefined);
	return view.dates.length === 1 ? drawBars(makes, width, label) : drawPanels(view, makes, width, label);
}

function drawPanels(view: View, makes: MakeFigures[], width: number, label: string): Element {
	const columns = isPhone(width) ? 2 : width < 560 ? 3 : 4;
	const panelWidth = Math.floor((width - GAP * (columns - 1)) / columns);
	const changes = makes.flatMap(({ shares }) => shares.map((share) => share - shares[0]!));
	// At least a point from end to end, so that noise does not look like a trend.
	const least = Math.min(...changes, -0.005);
	const most = Math.max(...changes, 0.005);
	const grid = document.createElement("div");
	grid.className = `panels panels-${columns}`;
	grid.setAttribute("role", "group");
	grid.setAttribute("aria-label", label);
	for (const make of makes) {
		const panel = document.createElement("div");
		const [first, now] = [make.shares[0]!, make.shares.at(-1)!];
		const change = points(now - first);
		const direction = change === "0.0" ? "same" : now > first ? "accent" : "warm";
		const isLeader = make === makes[0] || make.make === view.choice.make;
		panel.innerHTML = html`
<p class="panel-name"><b class="${isLeader ? "leader" : ""}">${make.name}</b> <b class="${direction}">${change}</b></p>
<p class="panel-shares">${percent(first)} → ${percent(now)}</p>`.text;
		panel.append(drawPanel(view, make, { width: panelWidth, domain: [least, most], direction }));
		grid.append(panel);
	}
	return grid;
}

function drawPanel(
	view: View,
	{ name, shares }: MakeFigures,
	{ width, domain, direction }: { width: number; domain: [number, number]; direction: string },
): Element {
	const changes = view.dates.map((at, snapshot) => ({ at, change: shares[snapshot]! - shares[0]! }));
	const color = direction === "warm" ? "warm" : "accent";
	return draw(`${name}: ${percent(shares[0]!)} to ${percent(shares.at(-1)!)}`, {
		width,
		height: PANEL_HEIGHT,
		margin: 5,
		marginLeft: 0,
		x: { type: "utc", axis: null },
		y: { domain, axis: null },
		marks: [
			ruleY([0], { stroke: "var(--axis)", strokeDasharray: "2 3" }),
			area(changes, { x1: "at", y1: 0, y2: "change", fill: `var(--${color}-tint)` }),
			line(changes, { x: "at", y: "change", stroke: `var(--${color})`, strokeWidth: 2 }),
			dot(changes.slice(-1), { x: "at", y: "change", r: 3.5, fill: `var(--${color})` }),
		],
	});
}

function drawBars(makes: MakeFigures[], width: number, label: string): Element {
	const most = Math.max(...makes.map(({ shares }) => shares[0]!));
	return draw(label, {
		width,
		height: makes.length * 29,
		marginLeft: Math.max(...makes.map(({ name }) => textWidth(name, 12.5))) + 12,
		marginRight: 56,
		marginTop: 0,
		marginBottom: 0,
		x: { domain: [0, most], axis: null },
		y: { type: "band", domain: makes.map(({ name }) => name), padding: 0.28 },
		marks: [
			barX(makes, { y: "name", x: ({ shares }) => shares[0], fill: "var(--bev)" }),
			axisY({ tickSize: 0, fontSize: 12.5, fill: "var(--ink)" }),
			text(makes, {
				y: "name",
				x: ({ shares }) => shares[0],
				text: ({ shares }) => percent(shares[0]!),
				textAnchor: "start",
				dx: 6,
				...BOLD,
				fill: "var(--ink)",
			}),
		],
	});
}
