/** Holds what the page says and counts for every county and make against itself. */

import { expect } from "chai";
import { MEASURES } from "../../page/choice";
import type { Figures } from "../../page/figures";
import type { Finding } from "../../page/finding";
import { findingsOf } from "../../page/findings";
import { delta } from "../../page/findings/growth";
import { placeTable } from "../../page/findings/places";
import { type View, viewOf } from "../../page/view";

/** What a number that is none, or a value that is missing, looks like in a text. */
const NO_VALUE = /NaN|undefined|null|Infinity|\[object|Invalid/;

/** Expects true sums and whole sentences for every pair of county and make, and all of either. @returns how many pairs there are */
export function expectTrueChoices(figures: Figures): number {
	const pairs = [undefined, ...figures.counties.keys()].flatMap((county) =>
		[undefined, ...figures.makes.keys()].map((make) => ({ county, make })),
	);
	for (const choice of pairs) {
		const view = viewOf(figures, choice);
		const label = view.scope;
		expectSums(view, label);
		for (const measure of MEASURES)
			for (const [id, finding] of findingsOf(view, measure))
				for (const text of textsOf(finding)) expect(text, `${id} of ${label}`).to.not.match(NO_VALUE);
		expect(delta(view)?.text ?? "", label).to.not.match(NO_VALUE);
		if (choice.county === undefined)
			for (const { cells } of placeTable(view, "counties").rows)
				for (const { text } of cells) expect(text, label).to.not.match(NO_VALUE);
	}
	return pairs.length;
}

function expectSums(view: View, label: string): void {
	const { now, totals, flows, years, models, makes, choice } = view;
	expect(
		sum(years, ({ bev, phev }) => bev + phev),
		`model years of ${label}`,
	).to.equal(now.all);
	expect(
		sum(models, ({ now }) => now),
		`models of ${label}`,
	).to.equal(now.all);
	if (choice.make === undefined)
		expect(
			sum(makes, ({ vehicles }) => vehicles.at(-1)!),
			`makes of ${label}`,
		).to.equal(now.all);
	if (choice.county === undefined)
		expect(sum(view.counties, ({ now }) => now) + view.elsewhere, `counties of ${label}`).to.equal(now.all);
	// In the whole register nothing moves in or out.
	if (choice.county === undefined && choice.make === undefined)
		for (const [index, { arrived, left }] of flows.entries())
			expect(arrived - left, `change ${index}`).to.equal(totals[index + 1]!.all - totals[index]!.all);
	for (const { shares } of makes) for (const share of shares) expect(share).to.be.within(0, 1);
}

const sum = <T>(values: T[], of: (value: T) => number) => values.reduce((total, value) => total + of(value), 0);

function textsOf({ question, title, glance, prose, caption, table }: Finding): string[] {
	const texts = [...prose, caption].flat().map((part) => (typeof part === "string" ? part : part.text));
	return [
		question,
		title,
		glance,
		...texts,
		...(table?.columns.map(({ name }) => name) ?? []),
		...(table?.rows.flat() ?? []),
	];
}
