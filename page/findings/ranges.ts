/** How far battery vehicles go, for the model years whose ranges are known. Always of the whole register. */

import { FEW } from "../figures";
import type { Finding } from "../finding";
import { count, percent } from "../text";
import type { RangeFigures, View } from "../view";
import { captionOf } from "./phrases";

/** A median over less says more about what was researched than about the cars. */
const KNOWN_SHARE = 0.5;
/** Medians nearer than this share hardly differ. */
const SAME = 0.02;

type RangeYear = RangeFigures["years"][number];

export function ranges(view: View): Finding {
	const { years } = view.ranges;
	const scope = view.makeName ? `battery vehicles, ${view.makeName}` : "battery vehicles";
	return {
		question: "How far?",
		title: titleOf(view),
		glance: glanceOf(view),
		prose: years.length ? [[proseOf(view)]] : [],
		caption: captionOf(
			"Electric range in miles by model year",
			`${scope}, all of Washington. A circle is a model, its area the number of vehicles; `,
			{ text: "the dash is the year’s median", as: "accent" },
		),
		table: {
			caption: `Electric range by model year, ${scope}`,
			columns: [
				{ name: "Model year", isNumber: false },
				{ name: "Battery vehicles", isNumber: true },
				{ name: "Range known", isNumber: true },
				{ name: "Median, miles", isNumber: true },
			],
			rows: years.map((year) => [
				String(year.year),
				count(year.all),
				count(year.known),
				isKnown(year) ? count(year.median!) : "–",
			]),
		},
		few: !years.some(isKnown),
	};
}

/** Whether a year's ranges may be shown: at least half of its vehicles have one, and they are not few. */
export const isKnown = ({ known, all }: RangeYear): boolean => known >= all * KNOWN_SHARE && known >= FEW;

/** The model year from which on no range is known; undefined where the newest year has one. */
export function unknownFrom({ years }: RangeFigures): number | undefined {
	const lastKnown = years.findLast(({ known }) => known > 0)?.year;
	const newest = years.at(-1)?.year;
	if (newest === undefined || lastKnown === newest) return undefined;
	return lastKnown === undefined ? years[0]!.year : lastKnown + 1;
}

function titleOf(view: View): string {
	const { years } = view.ranges;
	if (years.length === 0)
		return view.makeName ? `No ${view.makeName} runs on a battery alone` : "There are no battery vehicles";
	const known = years.filter(isKnown);
	const [first, last] = [known[0], known.at(-1)];
	if (!first || !last) return years.some((year) => year.known > 0) ? "Too few ranges are known" : "No range is known";
	return `Half of the ${last.year} cars go ${count(last.median!)} miles or more${beside(first, last)}`;
}

/** ", up from 73 in 2011" */
function beside(first: RangeYear, last: RangeYear): string {
	if (first === last) return "";
	const [then, now] = [first.median!, last.median!];
	if (then === now) return `, as in ${first.year}`;
	if (Math.abs(now / then - 1) <= SAME) return `, hardly changed from ${count(then)} in ${first.year}`;
	return `, ${now > then ? "up" : "down"} from ${count(then)} in ${first.year}`;
}

function glanceOf({ ranges }: View): string {
	const last = ranges.years.findLast(isKnown);
	if (!last) return "Unknown";
	const miles = `${count(last.median!)} miles in ${last.year}`;
	return ranges.years.at(-1) === last ? miles : `${miles}, then unknown`;
}

function proseOf({ ranges, makeName }: View): string {
	const sum = (key: "all" | "known") => ranges.years.reduce((total, year) => total + year[key], 0);
	const [all, unknown] = [sum("all"), sum("all") - sum("known")];
	const from = unknownFrom(ranges);
	const shown = ranges.years.findLast(isKnown)?.year;
	const part = all < FEW ? `${count(unknown)} of ${count(all)}` : `${percent(unknown / all)} of all`;
	const none = from === undefined || unknown === all ? "" : `, and none at all from model year ${from} on`;
	const stops =
		shown === undefined || shown === ranges.years.at(-1)!.year
			? "“0 miles” there means “not researched”."
			: `“0 miles” there means “not researched”, so the chart stops at\u00a0${shown}.`;
	if (unknown === 0) return `The register has a range for each of these ${count(all)} vehicles.`;
	return `The register has no range for ${part} ${makeName ? `${makeName} ` : ""}battery vehicles${none}. ${stops}`;
}
