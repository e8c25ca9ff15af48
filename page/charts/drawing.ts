/** What all charts share: how they are laid out, and what makes a drawing fit for the page. */

import type { MarkOptions, PlotOptions } from "@observablehq/plot";
import { plot } from "@observablehq/plot";
import { ticks } from "d3-array";
import { count, shortDate } from "../text";

/** Room on a phone is less than this, in CSS pixels. */
const PHONE = 480;
export const isPhone = (width: number): boolean => width < PHONE;

/** Text that stands on marks has a halo of paper, so that it can be read. */
export const HALO = { stroke: "var(--paper)", strokeWidth: 4, strokeLinejoin: "round" } as const satisfies MarkOptions;
export const BOLD = { fontWeight: 600, fontSize: 13 } as const;

/** Draws a chart. @param label what a screen reader says of it */
export function draw(label: string, options: PlotOptions): SVGSVGElement {
	const [x, y] = [options.x, options.y].map((scale) => ({ label: null, ...scale }));
	const svg = plot({ className: "plot", ...options, x, y }) as unknown as SVGSVGElement;
	// The page's own styles hold; a style element of the chart's would need an exception from the policy.
	for (const style of svg.querySelectorAll("style")) style.remove();
	for (const part of svg.querySelectorAll("[aria-label], [aria-description]"))
		for (const name of ["aria-label", "aria-description"]) part.removeAttribute(name);
	svg.setAttribute("role", "img");
	svg.setAttribute("aria-label", label);
	return svg;
}

/** Whole numbers from zero to about the greatest value. */
export function countTicks(most: number, wanted = 5): number[] {
	return ticks(0, Math.max(most, 1), Math.min(wanted, Math.max(1, most))).filter(Number.isInteger);
}

/** An axis' numbers. */
export const tickCount = (value: number): string => count(value);

/** Dates that have room for their labels: the latest, the first, and what fits between. */
export function dateTicks(dates: Date[], width: number): Date[] {
	const [first, last] = [dates[0]!, dates.at(-1)!];
	const span = last.getTime() - first.getTime() || 1;
	const place = (date: Date) => ((date.getTime() - first.getTime()) / span) * width;
	const kept = [first];
	for (const date of dates.slice(1, -1))
		if (place(date) - place(kept.at(-1)!) >= DATE_ROOM && width - place(date) >= DATE_ROOM) kept.push(date);
	return last === first ? kept : [...kept, last];
}
const DATE_ROOM = 52;

/** "Mar 15", with the year below it where it is the first tick of its year. */
export const dateLabels =
	(ticks: Date[]) =>
	(date: Date, index: number): string => {
		const isNewYear = ticks[index - 1]?.getUTCFullYear() !== date.getUTCFullYear();
		return isNewYear ? `${shortDate(date)}\n${date.getUTCFullYear()}` : shortDate(date);
	};

/** About how wide a text is, in CSS pixels, for deciding whether it fits. */
export const textWidth = (text: string, fontSize = 12): number => text.length * fontSize * 0.56;

/** A pattern of slanted lines for what is unknown, to be put into an SVG; referred to as `url(#id)`. */
export function hatch(id: string): SVGDefsElement {
	const pattern = svgElement("pattern", {
		id,
		width: 7,
		height: 7,
		patternUnits: "userSpaceOnUse",
		patternTransform: "rotate(45)",
	});
	pattern.append(
		svgElement("rect", { width: 7, height: 7, fill: "var(--land)" }),
		svgElement("line", { y2: 7, stroke: "var(--mute)", "stroke-width": 1.2, "stroke-opacity": 0.7 }),
	);
	const definitions = svgElement("defs", {});
	definitions.append(pattern);
	return definitions;
}

export function svgElement<K extends keyof SVGElementTagNameMap>(
	name: K,
	attributes: Record<string, string | number>,
): SVGElementTagNameMap[K] {
	const created = document.createElementNS("http://www.w3.org/2000/svg", name);
	for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, String(value));
	return created;
}
