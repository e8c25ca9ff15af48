/** How fast the number of vehicles grows. */

import { FEW } from "../figures";
import type { Finding } from "../finding";
import { count, dateBeside, duration, longDate, monthsBetween, percent, signedPercent } from "../text";
import type { View } from "../view";
import { captionOf, latestDate, none, orNone } from "./phrases";

/** Growth below this share is called little. */
const LITTLE = 0.005;
/** Growth of fewer vehicles a month is not worth telling. */
const WORTH_TELLING = 10;

export function growth(view: View): Finding {
	const title = titleOf(view);
	return {
		question: "How fast?",
		title,
		glance: title,
		prose:
			view.dates.length === 1
				? [[`A trend needs two. The chart starts with the next snapshot after ${latestDate(view)}.`]]
				: [],
		caption: captionOf("Vehicles on the register", view.scope),
		table: {
			caption: `Vehicles at each snapshot, ${view.scope}`,
			columns: [
				{ name: "Snapshot", isNumber: false },
				{ name: "Battery", isNumber: true },
				{ name: "Plug-in hybrid", isNumber: true },
				{ name: "Total", isNumber: true },
			],
			rows: view.totals.map(({ at, bev, phev, all }) => [longDate(at), count(bev), count(phev), count(all)]),
		},
		few: view.now.all < FEW,
	};
}

/** "11,207 more (+5.8%) than on August 8": the change since the snapshot before; undefined where there is none. */
export function delta({ totals, now }: View): { change: number; text: string } | undefined {
	const before = totals.at(-2);
	if (!before) return undefined;
	const change = now.all - before.all;
	const date = dateBeside(before.at, now.at);
	if (change === 0) return { change, text: `As many as on ${date}` };
	const rate = before.all < FEW ? "" : ` (${signedPercent(change / before.all)})`;
	return { change, text: `${count(Math.abs(change))} ${change > 0 ? "more" : "fewer"}${rate} than on ${date}` };
}

function titleOf(view: View): string {
	const { totals, now } = view;
	const first = totals[0]!;
	if (totals.length === 1) return "One snapshot so far";
	const time = duration(first.at, now.at);
	if (first.all === now.all && now.all < FEW)
		return now.all === 0 ? none(view) : `Still ${count(now.all)} after ${time}`;
	if (first.all < FEW) return `From ${orNone(first.all)} to ${orNone(now.all)} in ${time}`;
	const growth = (now.all - first.all) / first.all;
	if (Math.abs(growth) < LITTLE) return `Little changed in ${time}`;
	return `${growth > 0 ? "Up" : "Down"} ${percent(Math.abs(growth))} in ${time}${pace(view, growth)}`;
}

/** ", lately by 5,200 a month", where the latest interval went the same way. */
function pace({ totals, now }: View, growth: number): string {
	const before = totals.at(-2)!;
	const monthly = (now.all - before.all) / monthsBetween(before.at, now.at);
	if (Math.sign(monthly) !== Math.sign(growth) || Math.abs(monthly) < WORTH_TELLING) return "";
	const rounded = Number(Math.abs(monthly).toPrecision(2));
	return `, ${totals.length > 2 ? "lately " : ""}by ${count(rounded)} a\u00a0month`;
}
