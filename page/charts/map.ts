/** Washington's counties, filled by a measure, or with circles for the number of vehicles. */

import { quantile } from "d3-array";
import { type GeoProjection, geoConicConformal, geoPath } from "d3-geo";
import type { Feature, FeatureCollection, Geometry } from "geojson";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import { FEW } from "../figures";
import { html } from "../html";
import type { CountyMeasure } from "../measures";
import { count } from "../text";
import type { CountyFigures, View } from "../view";
import { hatch, isPhone, svgElement, textWidth } from "./drawing";

/** The outlines of Washington's counties, put in place when this module is bundled. */
declare const OUTLINES: Topology<{ counties: GeometryCollection }>;

/** Classes of a filled map. */
const CLASSES = 5;
const LARGEST_CIRCLE = 46;
const LINE_HEIGHT = 13;
/** Circles of at least this radius have their county's name in them. */
const NAMED_INSIDE = 20;
/** Largest counties are named first; phones have room for two names. */
const PHONE_NAMES = 2;

interface County {
	shape: Feature<Geometry>;
	/** Undefined where there is no vehicle in any snapshot. */
	figures?: CountyFigures;
}
type CountedCounty = Required<County>;

export interface MapDrawing {
	svg: SVGSVGElement;
	/** What the colors mean; undefined for circles. */
	legend: string;
}

/**
 * Draws the map. Each county's path has its position in `data-county`.
 * @param label what a screen reader says of it
 */
export function drawMap(view: View, shown: CountyMeasure, width: number, label: string): MapDrawing {
	const all = countiesOf(view);
	const counted = all.filter((county): county is CountedCounty => county.figures !== undefined);
	const { projection, height } = project(all, width);
	const path = geoPath(projection);
	const limits = limitsOf(shown);
	const classOf = (value: number) => limits.filter((limit) => value >= limit).length + 1;
	const isFilled = shown.measure !== "vehicles";
	const fillOf = ({ figures }: County) => {
		const value = figures && shown.values[figures.county];
		if (!isFilled || !figures) return "land";
		return value === undefined ? "few" : `class-${classOf(value)}`;
	};
	const svg = svgElement("svg", {
		class: "map",
		viewBox: `0 0 ${width} ${height}`,
		width,
		height,
		role: "img",
		"aria-label": label,
	});
	svg.append(hatch("few-vehicles"));
	for (const county of all) {
		const position = county.figures && { "data-county": county.figures.county };
		svg.append(svgElement("path", { class: `county ${fillOf(county)}`, d: path(county.shape) ?? "", ...position }));
	}
	const chosen = counted.find(({ figures }) => figures.county === view.choice.county);
	if (chosen) svg.append(svgElement("path", { class: "chosen", d: path(chosen.shape) ?? "" }));
	if (!isFilled) svg.append(...circlesOf(counted, path, width));
	const names = svgElement("g", { class: "names", "aria-hidden": "true" });
	svg.append(names);
	nameCounties(names, counted, { shown, path, width, classOf });
	return { svg, legend: isFilled ? legendOf(shown, limits) : "" };
}

/** What a pointer on a county tells. */
export function tipOf(view: View, shown: CountyMeasure, county: number): string {
	const { name, now, first } = view.counties[county]!;
	const value = shown.values[county];
	const told = value === undefined || shown.measure === "vehicles" ? "" : `${shown.label}: ${shown.print(value)}`;
	const before = view.dates.length > 1 ? ` (${count(first)} at first)` : "";
	return html`<b>${name} County</b><br>${count(now)} ${now === 1 ? "vehicle" : "vehicles"}${before}${told && html`<br>${told}`}`
		.text;
}

/** The outlines with their figures. */
function countiesOf(view: View): County[] {
	const { features } = feature(OUTLINES, OUTLINES.objects.counties) as FeatureCollection;
	return features.map((shape) => ({ shape, figures: view.counties.find(({ fips }) => fips === shape.id) }));
}

/** Lambert's conformal projection with Washington's standard parallels, as wide as there is room. */
function project(counties: County[], width: number): { projection: GeoProjection; height: number } {
	const all: FeatureCollection = { type: "FeatureCollection", features: counties.map(({ shape }) => shape) };
	const projection = geoConicConformal()
		.parallels([45.83, 48.73])
		.rotate([120.5, 0])
		.fitWidth(width - 4, all);
	const [[left, top], [, bottom]] = geoPath(projection).bounds(all);
	const [x, y] = projection.translate();
	projection.translate([x - left + 2, y - top + 2]);
	return { projection, height: Math.ceil(bottom - top) + 4 };
}

/** The values at which one class ends and the next begins: about as many counties in each; whole percents, as the legend prints them. */
function limitsOf({ values }: CountyMeasure): number[] {
	const known = values.filter((value) => value !== undefined);
	const limits = Array.from({ length: CLASSES - 1 }, (_, index) => quantile(known, (index + 1) / CLASSES) ?? 0).map(
		(limit) => Math.round(limit * 100) / 100,
	);
	return [...new Set(limits)];
}

function circlesOf(counties: CountedCounty[], path: ReturnType<typeof geoPath>, width: number): SVGElement[] {
	return counties
		.filter(({ figures }) => figures.now > 0)
		.sort((a, b) => b.figures.now - a.figures.now)
		.map((county) => {
			const [cx, cy] = path.centroid(county.shape);
			return svgElement("circle", { class: "vehicles", cx, cy, r: radiusOf(county, counties, width) });
		});
}

function radiusOf({ figures }: CountedCounty, counties: CountedCounty[], width: number): number {
	const most = Math.max(1, ...counties.map(({ figures }) => figures.now));
	const largest = isPhone(width) ? LARGEST_CIRCLE / 2 : LARGEST_CIRCLE;
	return Math.max(1.5, Math.sqrt(figures.now / most) * largest);
}

interface Naming {
	shown: CountyMeasure;
	path: ReturnType<typeof geoPath>;
	width: number;
	classOf(value: number): number;
}

/** Names counties, and their values, where the text fits into the outline. */
function nameCounties(group: SVGGElement, counties: CountedCounty[], { shown, path, width, classOf }: Naming): void {
	const isFilled = shown.measure !== "vehicles";
	const byVehicles = counties.toSorted((a, b) => b.figures.now - a.figures.now);
	for (const county of isPhone(width) ? byVehicles.slice(0, PHONE_NAMES) : byVehicles) {
		const { name, county: position } = county.figures;
		const value = shown.values[position];
		const lines = isFilled && value !== undefined ? [name, shortly(shown, value)] : [name];
		const [x, middle] = path.centroid(county.shape);
		const radius = isFilled ? 0 : radiusOf(county, counties, width);
		// A name hides no circle that is as small as itself.
		const y = radius > 0 && radius < NAMED_INSIDE ? middle + radius + LINE_HEIGHT / 2 : middle;
		const room = widthInside(county.shape, path);
		if (!isPhone(width) && Math.max(...lines.map((line) => textWidth(line))) > room) continue;
		const dark = isFilled && value !== undefined && classOf(value) > 3;
		const text = svgElement("text", { class: dark ? "on-dark" : isFilled ? "on-light" : "on-land", x, y });
		for (const [index, line] of lines.entries()) {
			const dy = index === 0 ? (lines.length === 1 ? 4 : -2) : LINE_HEIGHT;
			const span = svgElement("tspan", { x, dy });
			span.textContent = line;
			text.append(span);
		}
		group.append(text);
	}
}

/** About how wide an outline is around its centroid; 0 where two lines have no room. */
function widthInside(shape: Feature, path: ReturnType<typeof geoPath>): number {
	const [[left, top], [right, bottom]] = path.bounds(shape);
	// An outline is narrower than its box, the more so where it is far from a rectangle.
	const fullness = path.area(shape) / ((right - left) * (bottom - top));
	return bottom - top < LINE_HEIGHT * 2.2 ? 0 : (right - left) * fullness * 0.9;
}

/** "17%": whole percents have room. */
function shortly({ measure }: CountyMeasure, value: number): string {
	return measure === "vehicles" ? count(value) : `${Math.round(value * 100)}%`.replace("-", "\u2212");
}

function legendOf(shown: CountyMeasure, limits: number[]): string {
	const steps = Array.from({ length: limits.length + 1 }, (_, index) => index + 1);
	return html`
<div class="steps">${steps.map(
		(step) =>
			html`<div><svg aria-hidden="true"><rect class="class-${step}" width="100%" height="100%"/></svg>${step > limits.length ? "" : html`<span>${shortly(shown, limits[step - 1]!)}</span>`}</div>`,
	)}</div>
${shown.values.includes(undefined) && html`<div class="few-key"><svg aria-hidden="true"><rect class="few" width="100%" height="100%"/></svg>under ${FEW} vehicles</div>`}`
		.text;
}
