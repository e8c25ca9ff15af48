/** How new the vehicles are: their model years. */

import { FEW } from "../figures";
import type { Finding, Text } from "../finding";
import { count, percent, wholePercent } from "../text";
import type { View, YearFigures } from "../view";
import { captionOf, firstDate, none } from "./phrases";

/** Model years that are drawn apart; what is older is one bar. */
const BARS = 15;

export interface YearBar extends YearFigures {
	/** "2019"; "≤2011" for the bar of all that are older. */
	label: string;
}

export function years(view: View): Finding {
	const isTrend = hasFirst(view);
	return {
		question: "How new?",
		title: titleOf(view),
		glance: glanceOf(view),
		prose: view.years.length ? [[proseOf(view)]] : [],
		caption: captionFor(view),
		table: {
			caption: `Vehicles by model year, ${view.scope}`,
			columns: [
				{ name: "Model year", isNumber: false },
				{ name: "Battery", isNumber: true },
				{ name: "Plug-in hybrid", isNumber: true },
				{ name: "Total", isNumber: true },
				...(isTrend ? [{ name: firstDate(view), isNumber: true }] : []),
			],
			rows: yearBars(view).map(({ label, bev, phev, first }) => [
				label,
				count(bev),
				count(phev),
				count(bev + phev),
				...(isTrend ? [count(first!)] : []),
			]),
		},
		few: view.now.all < FEW,
	};
}

/** Whether it is known how many there were at the first snapshot, and that is another one than the latest. */
export const hasFirst = ({ years, dates }: View): boolean => dates.length > 1 && years[0]?.first !== undefined;

/** The latest model years, and one bar for all older ones. */
export function yearBars({ years }: View): YearBar[] {
	const bars = years.map((year) => ({ ...year, label: String(year.year) }));
	if (bars.length <= BARS) return bars;
	const older = bars.slice(0, bars.length - BARS + 1);
	const last = older.at(-1)!;
	const lumped = older.reduce((all, bar) => ({
		year: last.year,
		label: `≤${last.year}`,
		bev: all.bev + bar.bev,
		phev: all.phev + bar.phev,
		first: bar.first === undefined ? undefined : all.first! + bar.first,
	}));
	return [lumped, ...bars.slice(-BARS + 1)];
}

const all = ({ bev, phev }: YearFigures) => bev + phev;

/** The newest model year that half of the vehicles have or are newer than, and their share. */
function newerHalf({ years, now }: View): { year: number; share: number } | undefined {
	let newer = 0;
	for (const year of years.toReversed()) {
		newer += all(year);
		if (newer * 2 >= now.all) return { year: year.year, share: newer / now.all };
	}
	return undefined;
}

function titleOf(view: View): string {
	const { years, now } = view;
	const half = newerHalf(view);
	if (!half || now.all === 0) return none(view);
	const present = years.filter((year) => all(year) > 0);
	const [oldest, newest] = [present[0]!.year, present.at(-1)!.year];
	if (oldest === newest) return now.all < FEW ? `Of model year ${oldest}` : `All are of model year ${oldest}`;
	if (now.all < FEW) return `Of model years ${oldest} to ${newest}`;
	if (half.year === newest) return `${wholePercent(half.share)} are of the newest model year, ${newest}`;
	return `${wholePercent(half.share)} are model year ${half.year} or newer`;
}

function glanceOf(view: View): string {
	const half = newerHalf(view);
	if (!half || view.now.all < FEW) return titleOf(view);
	return `${wholePercent(half.share)} are ${half.year} or newer`;
}

function proseOf({ years, now, dates }: View): string {
	const peak = years.reduce((most, year) => (all(year) >= all(most) ? year : most));
	const told =
		now.all < FEW ? "" : `The peak is ${peak.year} with ${count(all(peak))}, ${percent(all(peak) / now.all)}. `;
	const isOpen = years.at(-1)!.year >= dates.at(-1)!.getUTCFullYear();
	return `${told}Model years go on sale in the fall before${isOpen ? ", so the latest are not complete" : ""}.`;
}

function captionFor(view: View): Text {
	return captionOf(
		"Vehicles by model year",
		`${view.scope}: `,
		{ text: "battery", as: "bev" },
		" and ",
		{ text: "plug-in hybrid", as: "phev" },
		hasFirst(view) ? `. The line across a bar marks ${firstDate(view)}` : "",
	);
}
