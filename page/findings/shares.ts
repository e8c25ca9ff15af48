/** Each make's share of the vehicles, and whether the leader is losing ground. */

import { flowsOf } from "../aggregates";
import { FEW } from "../figures";
import type { Finding, Text } from "../finding";
import { makeNameOf } from "../names";
import { count, percent, points, possessive } from "../text";
import type { MakeFigures, View } from "../view";
import { firstDate, latestDate } from "./phrases";

/** Small multiples on a wide page. */
const PANELS = 12;

export function shares(view: View): Finding {
	const leader = leaderOf(view);
	const isTrend = view.dates.length > 1;
	const few = hasFew(view);
	return {
		question: isTrend && leader ? `Is ${leader.name} losing ground?` : "Which makes?",
		title: titleOf(view, leader, few),
		glance: glanceOf(view, leader, few),
		prose: few ? [] : [proseOf(view, leader)],
		caption: [
			{ text: "Share of all vehicles", as: "strong" },
			isTrend ? `, ${firstDate(view)} to ${latestDate(view)}; line: change in points` : `, ${latestDate(view)}`,
			view.choice.county === undefined ? "" : `, ${view.placeName}`,
		],
		table: tableOf(view),
		few,
	};
}

/** The makes that are drawn: the largest in the place, and the chosen one. @param most how many there is room for */
export function panels(view: View, most = PANELS): MakeFigures[] {
	const largest = view.makes.slice(0, most);
	const leader = leaderOf(view);
	if (!leader || largest.includes(leader)) return largest;
	return view.makes.includes(leader) ? [...largest.slice(0, most - 1), leader] : largest;
}

/** The chosen make, otherwise the one with most vehicles in the place; undefined without vehicles. */
export function leaderOf({ choice, makes, figures, dates }: View): MakeFigures | undefined {
	if (choice.make === undefined) return makes[0];
	const nothing = dates.map(() => 0);
	return (
		makes.find(({ make }) => make === choice.make) ?? {
			make: choice.make,
			name: makeNameOf(figures.makes[choice.make]!),
			vehicles: nothing,
			shares: nothing,
		}
	);
}

/** Whether the place has too few vehicles for shares, now or at first. */
function hasFew({ makes, dates }: View): boolean {
	return [0, dates.length - 1].some(
		(snapshot) => makes.reduce((total, { vehicles }) => total + vehicles[snapshot]!, 0) < FEW,
	);
}

function titleOf(view: View, leader: MakeFigures | undefined, few: boolean): string {
	if (!leader || leader.vehicles.every((vehicles) => vehicles === 0))
		return `There are no ${leader ? `${leader.name}\u00a0` : ""}vehicles in ${view.placeName}`;
	if (few) return "Too few vehicles for shares";
	const [first, now] = [leader.shares[0]!, leader.shares.at(-1)!];
	if (view.dates.length === 1) return titleOfOne(view, leader, now);
	const name = possessive(leader.name);
	if (percent(first) === percent(now)) return `${name} share held at ${percent(now)}`;
	const [rose, grew] = [now - first, leader.vehicles.at(-1)! - leader.vehicles[0]!];
	const though =
		rose * grew < 0 ? `, though its fleet ${grew > 0 ? "grew" : "shrank"} by ${count(Math.abs(grew))}` : "";
	return `${name} share ${rose > 0 ? "rose" : "fell"} from ${percent(first)} to ${percent(now)}${though}`;
}

/** "Tesla has 44.0%, next is Chevrolet with 7.4%" */
function titleOfOne({ makes }: View, leader: MakeFigures, share: number): string {
	const next = makes.find(({ make }) => make !== leader.make);
	if (!next) return `All are from ${leader.name}`;
	const isFirst = makes[0] === leader;
	return `${leader.name} has ${percent(share)}, ${isFirst ? "next is" : "most is"} ${next.name} with ${percent(next.shares[0]!)}`;
}

function glanceOf(view: View, leader: MakeFigures | undefined, few: boolean): string {
	if (!leader || leader.vehicles.every((vehicles) => vehicles === 0)) return "None";
	if (few) return "Too few to say";
	const [first, now] = [percent(leader.shares[0]!), percent(leader.shares.at(-1)!)];
	return view.dates.length === 1 ? `${leader.name}: ${now}` : `${first} → ${now}`;
}

function proseOf(view: View, leader: MakeFigures | undefined): Text {
	if (view.dates.length === 1) return ["A share is a make’s part of all electric vehicles registered in the place."];
	const arrivals = (make?: number) =>
		flowsOf(view.figures, { ...view.choice, make }, view.dates).reduce((total, { arrived }) => total + arrived, 0);
	const all = arrivals();
	const scale = "All panels share one scale, so slopes compare.";
	if (!leader || all < FEW) return [scale];
	const part = percent(arrivals(leader.make) / all);
	return [`${leader.name} made up ${part} of the vehicles that arrived since ${firstDate(view)}. ${scale}`];
}

function tableOf(view: View): Finding["table"] {
	const isTrend = view.dates.length > 1;
	const few = hasFew(view);
	return {
		caption: `Makes in ${view.placeName}`,
		columns: [
			{ name: "Make", isNumber: false },
			...(isTrend ? [{ name: firstDate(view), isNumber: true }] : []),
			{ name: latestDate(view), isNumber: true },
			...(isTrend && !few ? [{ name: "Change in points", isNumber: true }] : []),
			{ name: "Vehicles", isNumber: true },
		],
		rows: panels(view).map(({ name, shares, vehicles }) => {
			const [first, now] = [shares[0]!, shares.at(-1)!];
			const cell = (snapshot: number) => (few ? count(vehicles.at(snapshot)!) : percent(shares.at(snapshot)!));
			return [
				name,
				...(isTrend ? [cell(0)] : []),
				cell(-1),
				...(isTrend && !few ? [points(now - first)] : []),
				count(vehicles.at(-1)!),
			];
		}),
	};
}
