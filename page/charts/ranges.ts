/** Range by model year: a circle for each model, a dash for the median, a hatch where too little is known. */

import { axisX, axisY, dot, gridY, link, pointer, rect, ruleY, text, tip } from "@observablehq/plot";
import { ticks } from "d3-array";
import { isKnown } from "../findings/ranges";
import { count, vehicles } from "../text";
import type { RangeFigures, View } from "../view";
import { BOLD, draw, HALO, hatch, isPhone, textWidth } from "./drawing";

type Point = RangeFigures["points"][number];
type Year = RangeFigures["years"][number];

const LEFT = 36;
const RIGHT = 4;
const TOP = 12;
const BOTTOM = 32;
const LARGEST_RADIUS = 27;
const NAMED_MODELS = 9;
const NAMED_ON_PHONES = 5;
/** Names keep off circles as large as this. */
const CROWDING_RADIUS = 10;

export function drawRanges(view: View, width: number, label: string): Element | undefined {
	const from = view.ranges.years.findIndex(isKnown);
	if (from === -1) return undefined;
	const years = view.ranges.years.slice(from);
	const known = years.filter(isKnown);
	const points = view.ranges.points.filter((point) => known.some(({ year }) => year === point.year));
	const height = isPhone(width) ? 300 : 400;
	const most = Math.max(...points.map(({ miles }) => miles)) * 1.06;
	const scale = layout(years, most, width, height);
	const yTicks = ticks(0, most, 4);
	const largest = Math.max(...points.map(({ vehicles }) => vehicles));
	const radius = ({ vehicles }: Point) => Math.sqrt(vehicles / largest) * (isPhone(width) ? 16 : LARGEST_RADIUS);
	const unknown = runsOfUnknown(years);
	const [first, last] = [known[0]!, known.at(-1)!];
	const svg = draw(label, {
		width,
		height,
		marginLeft: LEFT,
		marginRight: RIGHT,
		marginTop: TOP,
		marginBottom: BOTTOM,
		x: { domain: [years[0]!.year - 0.5, years.at(-1)!.year + 0.5] },
		y: { domain: [0, most] },
		r: { type: "identity" },
		marks: [
			gridY(yTicks, { stroke: "var(--grid)", strokeOpacity: 1 }),
			rect(unknown, { x1: "from", x2: "to", y1: 0, y2: most, fill: "url(#unknown-range)" }),
			dot(points, {
				x: "year",
				y: "miles",
				r: radius,
				fill: "var(--mute)",
				fillOpacity: 0.3,
				stroke: "var(--mute)",
				strokeWidth: 0.8,
			}),
			link(known, {
				x1: ({ year }) => year - 0.42,
				x2: ({ year }) => year + 0.42,
				y: "median",
				stroke: "var(--accent)",
				strokeWidth: 4,
			}),
			ruleY([0], { stroke: "var(--axis)" }),
			axisY(yTicks, { tickSize: 0 }),
			axisX(yearTicks(years, width), {
				tickSize: 0,
				tickFormat: (year: number) => (isPhone(width) ? `’${String(year).slice(2)}` : String(year)),
			}),
			...(last === first ? [last] : [first, last]).map((year) =>
				text([year], {
					x: "year",
					y: "median",
					text: () => count(year.median!),
					dy: 14,
					...BOLD,
					fontSize: 14,
					fill: "var(--accent-text)",
					...HALO,
				}),
			),
			...namesOf({ points, radius, scale, known, unknown, width }).map(({ point, dx, dy, anchor }) =>
				text([point], {
					x: "year",
					y: "miles",
					text: "name",
					dx,
					dy,
					textAnchor: anchor,
					fontSize: 12,
					fill: "var(--ink)",
					...HALO,
				}),
			),
			text(
				unknown.filter((run) => scale.x(run.to) - scale.x(run.from) > 84),
				{
					x: ({ from, to }) => (from + to) / 2,
					y: most / 2,
					text: ({ vehicles: hidden }) => `${vehicles(hidden)},\nrange unknown`,
					fontSize: 12.5,
					fill: "var(--ink-2)",
					...HALO,
				},
			),
			tip(
				points,
				pointer({
					x: "year",
					y: "miles",
					title: ({ name, year, miles, vehicles: all }) => `${year} ${name}\n${miles} miles\n${vehicles(all)}`,
				}),
			),
		],
	});
	svg.prepend(hatch("unknown-range"));
	return svg;
}

interface Scale {
	x(year: number): number;
	y(miles: number): number;
}

/** Where years and miles stand, in pixels, as Plot will place them. */
function layout(years: Year[], most: number, width: number, height: number): Scale {
	const [first, length] = [years[0]!.year - 0.5, years.length];
	return {
		x: (year) => LEFT + ((year - first) / length) * (width - LEFT - RIGHT),
		y: (miles) => height - BOTTOM - (miles / most) * (height - TOP - BOTTOM),
	};
}

/** All years, or as many of them as have room. */
function yearTicks(years: Year[], width: number): number[] {
	const step = Math.ceil((years.length * (isPhone(width) ? 24 : 38)) / width);
	return years.map(({ year }) => year).filter((_, index) => (years.length - 1 - index) % step === 0);
}

/** Years next to one another of which too little is known, and how many vehicles these hide. */
function runsOfUnknown(years: Year[]): { from: number; to: number; vehicles: number }[] {
	const runs: { from: number; to: number; vehicles: number }[] = [];
	for (const year of years.filter((year) => !isKnown(year))) {
		const hidden = year.all - year.known;
		const last = runs.at(-1);
		if (last?.to === year.year - 0.5) {
			last.to++;
			last.vehicles += hidden;
		} else runs.push({ from: year.year - 0.5, to: year.year + 0.5, vehicles: hidden });
	}
	return runs;
}

interface Name {
	point: Point;
	dx: number;
	dy: number;
	anchor: "start" | "middle" | "end";
}
interface Naming {
	points: Point[];
	radius(point: Point): number;
	scale: Scale;
	known: Year[];
	unknown: { from: number; to: number }[];
	width: number;
}
interface Box {
	left: number;
	right: number;
	top: number;
	bottom: number;
}

/** The models with most vehicles, each named once at its largest circle, where there is room. */
function namesOf({ points, radius, scale, known, unknown: runs, width }: Naming): Name[] {
	const taken: Box[] = known.map(({ year, median }) => boxAround(scale.x(year), scale.y(median!), 16, 5));
	for (const { year, median } of [known[0]!, known.at(-1)!])
		taken.push(boxAround(scale.x(year), scale.y(median!) + 14, 16, 9));
	for (const { from, to } of runs)
		taken.push({ left: scale.x(from), right: scale.x(to), top: 0, bottom: Number.POSITIVE_INFINITY });
	const largest = points.toSorted((a, b) => b.vehicles - a.vehicles);
	for (const point of largest.filter((point) => radius(point) >= CROWDING_RADIUS)) {
		const half = radius(point) * 0.7;
		taken.push(boxAround(scale.x(point.year), scale.y(point.miles), half, half));
	}
	const names: Name[] = [];
	for (const point of largest.filter(
		({ model }, index) => largest.findIndex((other) => other.model === model) === index,
	)) {
		if (names.length === (isPhone(width) ? NAMED_ON_PHONES : NAMED_MODELS)) break;
		const [x, y, r, half] = [scale.x(point.year), scale.y(point.miles), radius(point), textWidth(point.name) / 2];
		const places: [dx: number, dy: number, anchor: Name["anchor"]][] = [
			[-r - 5, 0, "end"],
			[0, -r - 9, "middle"],
			[0, r + 10, "middle"],
			[r + 5, 0, "start"],
		];
		for (const [dx, dy, anchor] of places) {
			const center = x + dx + (anchor === "end" ? -half : anchor === "start" ? half : 0);
			const box = boxAround(center, y + dy, half, 8);
			if (box.left < LEFT || box.right > width || box.top < 0 || taken.some((other) => overlap(box, other))) continue;
			taken.push(box);
			names.push({ point, dx, dy, anchor });
			break;
		}
	}
	return names;
}

const boxAround = (x: number, y: number, halfWidth: number, halfHeight: number): Box => ({
	left: x - halfWidth,
	right: x + halfWidth,
	top: y - halfHeight,
	bottom: y + halfHeight,
});
const overlap = (a: Box, b: Box) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
