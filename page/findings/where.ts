/** Where the vehicles are registered, by the measure that the map shows. */

import type { Measure } from "../choice";
import { FEW } from "../figures";
import type { Finding, Text } from "../finding";
import { type CountyMeasure, measureOf, ranked } from "../measures";
import { about, count, ordinal, percent, plural, sentence } from "../text";
import type { CountyFigures, View } from "../view";
import { asPrinted, counted, firstDate, latestDate, none, noun } from "./phrases";

const HIGHEST = 5;
const LOWEST = 3;

export function where(view: View, wanted: Measure): Finding {
	const measure = measureOf(view, wanted);
	return {
		question: "Where?",
		title: titleOf(view, measure),
		glance: glanceOf(view),
		prose: [proseOf(view)],
		caption: captionFor(view, measure),
		few: view.now.all < FEW,
	};
}

/** The counties with the highest and the lowest values; too few counties for both: all are in the first list. */
export function extremes(view: View, wanted: Measure): { highest: [string, string][]; lowest: [string, string][] } {
	const measure = measureOf(view, wanted);
	const lines = ranked(view, measure)
		.filter(({ value }) => measure.measure !== "vehicles" || value > 0)
		.map(({ name, value }): [string, string] => [name, measure.print(value)]);
	return {
		highest: lines.slice(0, HIGHEST),
		lowest: lines.length < HIGHEST + LOWEST ? [] : lines.slice(-LOWEST),
	};
}

function titleOf(view: View, measure: CountyMeasure): string {
	const chosen = view.counties[view.choice.county ?? -1];
	if (chosen) return chosen.now === 0 ? none(view) : titleOfChosen(view, chosen, measure);
	const inState = view.counties.reduce((total, { now }) => total + now, 0);
	if (inState === 0) return none(view);
	if (measure.measure === "battery" || measure.measure === "share") return titleOfShares(view, measure);
	const [largest, ...others] = view.counties.toSorted((a, b) => b.now - a.now);
	if (view.now.all < FEW)
		return `Most are in ${largest!.name} County: ${count(largest!.now)} of ${count(view.now.all)}`;
	const has = `${largest!.name} County has ${about(largest!.now / view.now.all)} of the ${noun(view)}`;
	return has + (measure.measure === "growth" ? beside(largest!, others) : smallest(view));
}

/** ", but the rest of the state grew faster"; nothing where there were too few vehicles to say. */
function beside(largest: CountyFigures, others: CountyFigures[]): string {
	const then = others.reduce((total, { first }) => total + first, 0);
	const now = others.reduce((total, county) => total + county.now, 0);
	if (largest.first < FEW || then < FEW) return "";
	const [growth, rest] = [asPrinted(largest.now / largest.first - 1), asPrinted(now / then - 1)];
	if (growth === rest) {
		if (growth === 0) return ", and like the rest it hardly changed";
		return `, and ${growth > 0 ? "grew" : "shrank"} as fast as the rest`;
	}
	if (growth > rest) {
		if (growth > 0) return rest < 0 ? ", and grew while the rest shrank" : ", and grew faster than the rest";
		return growth < 0 ? ", and shrank less than the rest" : ", and held steady while the rest shrank";
	}
	if (growth < 0) return rest < 0 ? ", and shrank most" : ", but shrank while the rest did not";
	return ", but the rest of the state grew faster";
}

/** "; the 19 smallest hold 2.6%" */
function smallest({ counties, now }: View): string {
	const half = counties.toSorted((a, b) => a.now - b.now).slice(0, Math.floor(counties.length / 2));
	const held = half.reduce((total, county) => total + county.now, 0);
	return half.length < 2 ? "" : `; the ${count(half.length)} smallest hold ${percent(held / now.all)}`;
}

function titleOfShares(view: View, measure: CountyMeasure): string {
	if (view.now.bev === view.now.all && measure.measure === "battery") return `All ${noun(view)} run on a battery alone`;
	if (view.now.bev === 0 && measure.measure === "battery") return `No ${noun(view)} run on a battery alone`;
	const order = ranked(view, measure);
	if (order.length < 2) return "Too few vehicles to compare counties";
	const [highest, lowest] = [order[0]!, order.at(-1)!];
	const [from, to] = [measure.print(lowest.value), measure.print(highest.value)];
	if (from === to) return `${measure.label}: ${to} in every county`;
	return `${measure.label}: from ${from} in ${lowest.name} County to ${to} in ${highest.name}`;
}

function titleOfChosen(view: View, { name, now, county }: CountyFigures, measure: CountyMeasure): string {
	const place = `${name} County`;
	const value = measure.values[county];
	if (measure.measure === "vehicles") return `${place} has ${counted(now, view)}${rankOf(view, county, measure)}`;
	if (value === undefined)
		return `${place} has ${counted(now, view)}, too few for a ${measure.measure === "growth" ? "growth rate" : "share"}`;
	const rank = rankOf(view, county, measure);
	if (measure.measure !== "growth") return `${measure.label} in ${place}: ${percent(value)}${rank}`;
	const growth = asPrinted(value);
	if (growth === 0) return `${place} hardly changed${rank}`;
	return `${place} ${growth > 0 ? "grew" : "shrank"} ${percent(Math.abs(value))}${rank}`;
}

/** ", 19th of 34 counties", ", the highest of 34 counties" */
function rankOf(view: View, county: number, measure: CountyMeasure): string {
	const order = ranked(view, measure).filter(({ value }) => measure.measure !== "vehicles" || value > 0);
	if (order.length < 2) return "";
	const place = order.findIndex((other) => other.county === county);
	const rank = place === 0 ? "the highest" : place === order.length - 1 ? "the lowest" : ordinal(place + 1);
	return `, ${rank} of ${count(order.length)}\u00a0counties`;
}

function glanceOf(view: View): string {
	const chosen = view.counties[view.choice.county ?? -1];
	if (chosen) return `${count(chosen.now)} in ${chosen.name} County`;
	const largest = view.counties.toSorted((a, b) => b.now - a.now)[0];
	if (!largest?.now) return "None in Washington";
	if (view.now.all < FEW) return `${largest.name} County has ${count(largest.now)}`;
	return `${largest.name} County has ${percent(largest.now / view.now.all)}`;
}

function proseOf(view: View): Text {
	const how =
		view.choice.county === undefined
			? "Choose a county here or in the bar above, and the whole page shows it."
			: `The whole page shows ${view.placeName}. Choose it again to show all counties.`;
	const elsewhere = view.elsewhere
		? ` ${sentence(plural(view.elsewhere, "vehicle"))} ${view.elsewhere === 1 ? "is" : "are"} registered outside Washington and not on the map.`
		: "";
	return [how + elsewhere];
}

function captionFor(view: View, { measure, label }: CountyMeasure): Text {
	const of = view.makeName ? `, ${view.makeName}` : "";
	switch (measure) {
		case "growth":
			return [{ text: `Growth in vehicles since ${firstDate(view)}`, as: "strong" }, of];
		case "vehicles":
			return [{ text: "Vehicles", as: "strong" }, `, by the area of the circle${of}, ${latestDate(view)}`];
		case "battery":
			return [{ text: "Vehicles that run on a battery alone", as: "strong" }, `${of}, share on ${latestDate(view)}`];
		case "share":
			return [{ text: label, as: "strong" }, ` of all vehicles on ${latestDate(view)}`];
	}
}
