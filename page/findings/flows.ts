/** How many vehicles came to the register and left it. */

import type { Finding } from "../finding";
import { count, longDate, signed } from "../text";
import type { View } from "../view";
import { captionOf, counted, firstDate } from "./phrases";

/** Where both are fewer, a ratio says nothing. */
const FEW_FLOWS = 20;
/** Ratios nearer to one than this are called almost as many. */
const ALMOST = 0.05;

export function flows(view: View): Finding {
	const { arrived, left } = total(view);
	const latest = view.flows.at(-1);
	return {
		question: "What comes and goes?",
		title: titleOf(view, arrived, left),
		glance: latest ? `${count(latest.arrived)} came, ${count(latest.left)} left` : "",
		prose: [[proseOf(view, arrived, left)]],
		caption: captionOf(
			"Vehicles arriving and leaving, per 30 days",
			view.scope,
			". The width of a block is the time between two snapshots, its area the number of vehicles.",
		),
		table: {
			caption: `Vehicles that arrived and left, ${view.scope}`,
			columns: [
				{ name: "From", isNumber: false },
				{ name: "To", isNumber: false },
				{ name: "Arrived", isNumber: true },
				{ name: "Left", isNumber: true },
			],
			rows: view.flows.map(({ from, to, arrived, left }) => [
				longDate(from),
				longDate(to),
				count(arrived),
				count(left),
			]),
		},
		few: arrived < FEW_FLOWS && left < FEW_FLOWS,
	};
}

/** All that arrived and left since the first snapshot. */
export function total({ flows }: View): { arrived: number; left: number } {
	return flows.reduce((sum, { arrived, left }) => ({ arrived: sum.arrived + arrived, left: sum.left + left }), {
		arrived: 0,
		left: 0,
	});
}

/** What the change owes to neither: vehicles that are now counted under another county, or another make. */
export function netMoves(view: View): number {
	const { arrived, left } = total(view);
	return view.now.all - (view.totals[0]?.all ?? 0) - (arrived - left);
}

function titleOf(view: View, arrived: number, left: number): string {
	if (arrived === 0 && left === 0) return "Nothing arrived or left";
	if (left === 0) return `${counted(arrived, view)} arrived, none left`;
	if (arrived === 0) return `${counted(left, view)} left, none arrived`;
	if (arrived < FEW_FLOWS && left < FEW_FLOWS) return `${counted(arrived, view)} arrived, ${count(left)} left`;
	if (arrived === left) return "As many left as arrived";
	if (arrived / left >= 1 + ALMOST) return `For each vehicle that left, ${ratio(arrived / left)} arrived`;
	if (arrived / left <= 1 - ALMOST) return `More left than arrived: ${ratio(left / arrived)} for each arrival`;
	return arrived > left ? "Almost as many left as arrived" : "Slightly more left than arrived";
}

/** "2.8", "12" */
const ratio = (value: number) => (value < 10 ? value.toFixed(1) : count(Math.round(value)));

function proseOf(view: View, arrived: number, left: number): string {
	const { county } = view.choice;
	const moves = netMoves(view);
	const elsewhere = county === undefined ? "" : " Moves from one county to another count as neither";
	const net = county === undefined ? "" : moves === 0 ? "." : `: they changed the total by ${signed(moves)}.`;
	return (
		`Since ${firstDate(view)}, ${counted(arrived, view)} arrived and ${count(left)} left the register.${elsewhere}${net} ` +
		"An arrival is a new car, a used one from elsewhere, or one that had lapsed; a departure may be sold, scrapped or " +
		"lapsed. The register doesn’t say which."
	);
}
