/** What the figures cannot say. */

import { FEW } from "../figures";
import type { Finding } from "../finding";
import { count, dayDate, percent } from "../text";
import { type View, viewOf } from "../view";
import { registered } from "./odd";
import { unknownFrom } from "./ranges";

export interface Limit {
	/** "A range of 0 miles" */
	about: string;
	/** "means that nobody researched it, not that the car stands still." */
	text: string;
}

export function trust(_view: View): Finding {
	return {
		question: "Can I trust it?",
		title: "What the zeros mean, and other limits",
		glance: "What the zeros mean",
		prose: [],
		caption: [],
		few: false,
	};
}

/** The limits of the whole register's figures, zeros first. */
export function limits({ figures, dates }: View): Limit[] {
	const { facts } = figures;
	const unknown = unknownFrom(viewOf(figures, {}).ranges);
	const none = unknown === undefined ? "" : ` No battery vehicle of model year ${unknown} or later has a range.`;
	const all = registered(figures);
	const prices = facts.priced
		? ` ${count(facts.priced)} vehicles have a price, none newer than model year ${facts.pricedUntil}.`
		: "";
	return [
		{ about: "A range of 0 miles", text: `means that nobody researched it, not that the car stands still.${none}` },
		{ about: "A price of $0", text: `means “not on record”.${prices} This page shows no prices.` },
		{
			about: "Registered, not sold, not seen",
			text: "A vehicle counts where it is registered. Some owners, such as military families, live elsewhere.",
		},
		{
			about: "Arrived and left",
			text: `compares two snapshots by the vehicle’s ID at the Department of Licensing. What was there in the first snapshot of ${dayDate(dates[0]!)} has no date of arrival: ${percent(all ? facts.sinceFirst / all : 0)} of the vehicles.`,
		},
		{
			about: "Several utilities",
			text: `${percent(all ? facts.severalUtilities / all : 0)} of the vehicles list several electric utilities. They are overlapping territories, not suppliers, so this page ranks none.`,
		},
		{
			about: "Not per inhabitant",
			text: "The register has no population, so the map shows shares and growth, not vehicles per person.",
		},
		{ about: "Small numbers", text: `Under ${FEW} vehicles, counts are shown and percentages are not.` },
	];
}
