/** What stands out at the edges of the whole register. */

import type { Finding } from "../finding";
import { modelNameOf } from "../names";
import { count, inWords, percent } from "../text";
import type { View } from "../view";
import { firstDate, withArticle } from "./phrases";

const SHOWN = 6;

export interface Fact {
	/** "337 miles" */
	value: string;
	/** "is the longest range on record: 86 of the 2020 Tesla Model S." */
	text: string;
}

export function odd(_view: View): Finding {
	return {
		question: "Anything odd?",
		title: "At the edges of the register",
		glance: "The edges of the register",
		prose: [["All of these are facts of the whole register, whatever is chosen above."]],
		caption: [],
		few: false,
	};
}

/** At most six facts, of those that these figures have. */
export function facts(view: View): Fact[] {
	const all = [
		oldest(view),
		onlyOnes(view),
		range(view, "longest"),
		range(view, "shortest"),
		elsewhere(view),
		moved(view),
		severalUtilities(view),
		priced(view),
	];
	return all.filter((fact) => fact !== undefined).slice(0, SHOWN);
}

function oldest({ figures, dates }: View): Fact | undefined {
	const { oldest } = figures.facts;
	if (!oldest) return undefined;
	const age = dates.at(-1)!.getUTCFullYear() - oldest.year;
	const name = modelNameOf(oldest.make, oldest.model);
	const still = age > 1 ? `, still registered after ${count(age)} years` : "";
	return {
		value: String(oldest.year),
		text: `is the oldest model year: ${inWords(oldest.vehicles)} ${name}${still}.`,
	};
}

function onlyOnes({ figures }: View): Fact | undefined {
	const counts = figures.models.map(() => 0);
	for (const [row, model] of figures.modelStock.model.entries()) counts[model]! += figures.modelStock.vehicles[row]!;
	const single = figures.models.filter(({ name }, model) => counts[model] === 1 && name !== "");
	const { oldest } = figures.facts;
	const first = single.find(({ name }) => name !== oldest?.model) ?? single[0];
	if (!first) return undefined;
	const name = modelNameOf(figures.makes[first.make]!, first.name);
	return single.length === 1
		? { value: "1", text: `model exists only once: ${withArticle(name)}.` }
		: { value: count(single.length), text: `models exist only once, among them ${withArticle(name)}.` };
}

function range({ figures }: View, which: "longest" | "shortest"): Fact | undefined {
	const { miles, vehicles, model, year } = figures.ranges;
	if (miles.length === 0) return undefined;
	const isBeyond = (a: number, b: number) => (which === "longest" ? a > b : a < b);
	let best = 0;
	for (const [row, value] of miles.entries()) if (isBeyond(value, miles[best]!)) best = row;
	const { make, name } = figures.models[model[best]!]!;
	return {
		value: `${count(miles[best]!)} mile${miles[best] === 1 ? "" : "s"}`,
		text: `is the ${which} range of a battery vehicle on record: ${count(vehicles[best]!)} of the ${year[best]} ${modelNameOf(figures.makes[make]!, name)}.`,
	};
}

function elsewhere({ figures }: View): Fact | undefined {
	const { stock, snapshots, counties } = figures;
	let vehicles = 0;
	for (const [row, county] of stock.county.entries())
		if (county === counties.length && stock.snapshot[row] === snapshots.length - 1)
			vehicles += stock.bev[row]! + stock.phev[row]!;
	if (vehicles === 0) return undefined;
	const verb = vehicles === 1 ? "is" : "are";
	return {
		value: count(vehicles),
		text: `${verb} registered at an address outside Washington; some belong to military families.`,
	};
}

function moved(view: View): Fact | undefined {
	const { movedCounty } = view.figures.facts;
	if (movedCounty === 0) return undefined;
	return {
		value: count(movedCounty),
		text: `moved from one Washington county to another since ${firstDate(view)}.`,
	};
}

function severalUtilities({ figures }: View): Fact | undefined {
	const { severalUtilities } = figures.facts;
	if (severalUtilities === 0) return undefined;
	return { value: count(severalUtilities), text: "live where the territories of several electric utilities overlap." };
}

function priced({ figures }: View): Fact | undefined {
	const { priced, pricedUntil } = figures.facts;
	if (priced === 0) return undefined;
	const share = percent(priced / registered(figures));
	return {
		value: count(priced),
		text: `have a price on record, ${share} of all; the newest is of model year ${pricedUntil}.`,
	};
}

/** Vehicles in the whole register now. */
export function registered({ yearStock }: View["figures"]): number {
	return yearStock.bev.reduce((total, bev, row) => total + bev + yearStock.phev[row]!, 0);
}
