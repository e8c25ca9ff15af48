/** The counties, cities and legislative districts, to find one's own. */

import { FEW, type Places } from "../figures";
import type { Finding } from "../finding";
import { makeNameOf } from "../names";
import { count, percent, shortDateBeside, signedPercent } from "../text";
import type { View } from "../view";

export type PlaceKind = "counties" | "cities" | "districts";
export const PLACE_KINDS: { kind: PlaceKind; label: string; noun: string }[] = [
	{ kind: "counties", label: "Counties", noun: "County" },
	{ kind: "cities", label: "Cities", noun: "City" },
	{ kind: "districts", label: "Districts", noun: "District" },
];

export interface PlaceCell {
	/** As printed. */
	text: string;
	/** What the column is sorted by; places without a value come last. */
	sort: number | string | undefined;
}
export interface PlaceTable {
	columns: { name: string; isNumber: boolean }[];
	/** In the order of the most vehicles. */
	rows: { county?: number; cells: PlaceCell[] }[];
}

export function places(view: View): Finding {
	const make = view.makeName
		? ` The counties’ figures are those of ${view.makeName}, the others’ those of all makes.`
		: "";
	return {
		question: "What about my place?",
		title: "Find your county, city or district",
		glance: "Find your county, city or district",
		prose: [
			[
				"A county’s name sets the whole page to that county. Cities are those of the registered addresses; ",
				`districts are those of the state legislature.${make}`,
			],
		],
		caption: [],
		few: false,
	};
}

/** The table of one kind of place: counties for the chosen make, cities and districts for all makes. */
export function placeTable(view: View, kind: PlaceKind): PlaceTable {
	const ofMake = kind === "counties" && view.makeName !== undefined;
	const { noun } = PLACE_KINDS.find((other) => other.kind === kind)!;
	const hasGrowth = view.dates.length > 1;
	const since = () => `Since ${shortDateBeside(view.dates[0]!, view.dates.at(-1)!)}`;
	const rows = kind === "counties" ? countyRows(view) : placeRows(view, view.figures[kind]);
	return {
		columns: [
			{ name: noun, isNumber: false },
			{ name: "Vehicles", isNumber: true },
			...(hasGrowth ? [{ name: since(), isNumber: true }] : []),
			{ name: "Battery", isNumber: true },
			{ name: ofMake ? "Share of all" : "Leading make", isNumber: true },
		],
		rows: rows
			.toSorted((a, b) => b.now - a.now || a.order - b.order)
			.map(({ county, name, order, first, now, bev, leader }) => ({
				county,
				cells: [
					{ text: name, sort: order },
					{ text: count(now), sort: now },
					...(hasGrowth ? [growthCell(first, now)] : []),
					shareCell(bev, now),
					leader,
				],
			})),
	};
}

interface PlaceRow {
	county?: number;
	name: string;
	/** Place in the order by name. */
	order: number;
	first: number;
	now: number;
	bev: number;
	leader: PlaceCell;
}

function countyRows({ counties, makeName }: View): PlaceRow[] {
	return counties.map(({ leader, allMakes, ...county }, order) => ({
		...county,
		order,
		leader: makeName ? shareCell(county.now, allMakes) : leaderCell(leader?.name, leader?.vehicles ?? 0, county.now),
	}));
}

function placeRows({ figures }: View, places: Places): PlaceRow[] {
	return places.name.map((name, place) => {
		const [now, make] = [places.now[place]!, places.make[place]!];
		const leader = make === -1 ? undefined : makeNameOf(figures.makes[make]!);
		return {
			name,
			order: place,
			first: places.first[place]!,
			now,
			bev: places.bev[place]!,
			leader: leaderCell(leader, places.makeVehicles[place]!, now),
		};
	});
}

const NOTHING: PlaceCell = { text: "–", sort: undefined };

function growthCell(first: number, now: number): PlaceCell {
	if (first >= FEW) return { text: signedPercent(now / first - 1), sort: now / first - 1 };
	return first === 0 ? { text: "new", sort: undefined } : { text: `from ${count(first)}`, sort: undefined };
}

const shareCell = (part: number, whole: number): PlaceCell =>
	whole < FEW ? NOTHING : { text: percent(part / whole), sort: part / whole };

const leaderCell = (name: string | undefined, vehicles: number, all: number): PlaceCell =>
	name === undefined || all < FEW ? NOTHING : { text: `${name} ${percent(vehicles / all)}`, sort: vehicles / all };
