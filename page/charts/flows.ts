/** What came and went between snapshots: blocks as wide as the time between, as high as the number per 30 days. */

import { axisX, axisY, gridY, pointer, rect, ruleY, text, tip } from "@observablehq/plot";
import { ticks } from "d3-array";
import { count, dateBeside, longDate } from "../text";
import type { FlowFigures, View } from "../view";
import { BOLD, dateLabels, dateTicks, draw, HALO, isPhone, textWidth } from "./drawing";

const LEFT = 52;
const RIGHT = 28;
const PERIOD_DAYS = 30;
/** Pixels that a name inside a block needs. */
const NAME_HEIGHT = 24;

export function drawFlows(view: View, width: number, label: string): Element | undefined {
	const blocks = view.flows.filter(({ days }) => days > 0);
	const most = Math.max(0, ...blocks.map((flow) => rate(flow, "arrived")));
	const least = Math.max(0, ...blocks.map((flow) => rate(flow, "left")));
	if (most + least === 0) return undefined;
	const height = isPhone(width) ? 250 : 290;
	const room = (height - 100) / (most + least);
	const yTicks = ticks(-least, most, 5);
	const xTicks = dateTicks(view.dates, width - LEFT - RIGHT);
	const span = view.dates.at(-1)!.getTime() - view.dates[0]!.getTime();
	const blockWidth = ({ from, to }: FlowFigures) => ((to.getTime() - from.getTime()) / span) * (width - LEFT - RIGHT);
	const fits = (flow: FlowFigures, value: string) => blockWidth(flow) > textWidth(value, 13) + 6;
	const values = (kind: "arrived" | "left") =>
		text(
			blocks.filter((flow) => flow[kind] > 0 && fits(flow, count(flow[kind]))),
			{
				x: middle,
				y: (flow) => heightOf(flow, kind),
				text: (flow) => count(flow[kind]),
				dy: kind === "arrived" ? -11 : 11,
				...BOLD,
				fill: `var(--${kind === "arrived" ? "accent" : "warm"}-text)`,
				...HALO,
			},
		);
	const largest = blocks.reduce((best, flow) => (flow.arrived + flow.left > best.arrived + best.left ? flow : best));
	const name = (kind: "arrived" | "left", word: string, color: string) =>
		rate(largest, kind) * room >= NAME_HEIGHT && blockWidth(largest) > textWidth(word, 13)
			? text([largest], {
					x: middle,
					y: (flow) => heightOf(flow, kind) / 2,
					text: () => word,
					...BOLD,
					fill: `var(--${color})`,
				})
			: null;
	return draw(label, {
		width,
		height,
		marginLeft: LEFT,
		marginRight: RIGHT,
		marginTop: 24,
		marginBottom: 60,
		x: { type: "utc", domain: [view.dates[0]!, view.dates.at(-1)!] },
		y: { domain: [-least, most] },
		marks: [
			gridY(yTicks, { stroke: "var(--grid)", strokeOpacity: 1 }),
			rect(blocks, {
				x1: "from",
				x2: "to",
				y1: 0,
				y2: (flow) => heightOf(flow, "arrived"),
				fill: "var(--bev)",
				inset: 0,
				insetRight: 1,
				insetLeft: 1,
			}),
			rect(blocks, {
				x1: "from",
				x2: "to",
				y1: (flow) => heightOf(flow, "left"),
				y2: 0,
				fill: "var(--phev)",
				insetRight: 1,
				insetLeft: 1,
			}),
			ruleY([0], { stroke: "var(--ink)" }),
			axisY(yTicks, { tickSize: 0, tickFormat: (value: number) => count(Math.abs(value)) }),
			axisX(xTicks, {
				tickFormat: dateLabels(xTicks),
				tickSize: 5,
				dy: 18,
				stroke: "var(--axis)",
			}),
			values("arrived"),
			values("left"),
			name("arrived", "Arrived", "on-bev"),
			name("left", "Left", "on-phev"),
			tip(blocks, pointer({ x: middle, y: (flow) => heightOf(flow, "arrived"), title: tipOf })),
		],
	});
}

const rate = (flow: FlowFigures, kind: "arrived" | "left") => (flow[kind] / flow.days) * PERIOD_DAYS;
/** Departures hang below zero. */
const heightOf = (flow: FlowFigures, kind: "arrived" | "left") => (kind === "arrived" ? 1 : -1) * rate(flow, kind);
const middle = ({ from, to }: FlowFigures) => new Date((from.getTime() + to.getTime()) / 2);

const tipOf = (flow: FlowFigures) =>
	`${dateBeside(flow.from, flow.to)} to ${longDate(flow.to)}\n${count(flow.arrived)} arrived\n${count(flow.left)} left`;
