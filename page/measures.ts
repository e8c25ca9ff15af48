/** What the map can show of each county. */

import { countiesOf } from "./aggregates";
import type { Measure } from "./choice";
import { FEW } from "./figures";
import { makeNameOf } from "./names";
import { count, percent, signedPercent } from "./text";
import type { View } from "./view";

export interface CountyMeasure {
	measure: Measure;
	/** "Growth", "Tesla share": on its button. */
	label: string;
	/** By position in `view.counties`; undefined: too few vehicles, or none. */
	values: (number | undefined)[];
	/** "+13.5%", "12,225" */
	print(value: number): string;
}

/** The make whose share the map shows: the chosen one, otherwise the one that leads the whole register. Undefined without vehicles. */
export function shareMake({ figures, choice }: View): number | undefined {
	if (choice.make !== undefined) return choice.make;
	const { stock, snapshots } = figures;
	const byMake = new Map<number, number>();
	for (const [row, make] of stock.make.entries())
		if (stock.snapshot[row] === snapshots.length - 1)
			byMake.set(make, (byMake.get(make) ?? 0) + stock.bev[row]! + stock.phev[row]!);
	return [...byMake].sort(([a, most], [b, others]) => others - most || a - b)[0]?.[0];
}

/** The measures that a view has, in the order of their buttons; growth needs two snapshots. */
export function measuresOf(view: View): CountyMeasure[] {
	const measures = known.get(view) ?? countMeasures(view);
	known.set(view, measures);
	return measures;
}

/** Several parts of the page ask for the measures of one view. */
const known = new WeakMap<View, CountyMeasure[]>();

function countMeasures(view: View): CountyMeasure[] {
	const { counties, figures, dates } = view;
	const make = shareMake(view);
	const ofMake = make === undefined ? [] : countiesOf(figures, { make }).counties;
	const growth: CountyMeasure = {
		measure: "growth",
		label: "Growth",
		values: counties.map(({ first, now }) => (first < FEW ? undefined : now / first - 1)),
		print: signedPercent,
	};
	return [
		...(dates.length > 1 ? [growth] : []),
		{ measure: "vehicles", label: "Vehicles", values: counties.map(({ now }) => now), print: count },
		{
			measure: "battery",
			label: "Battery share",
			values: counties.map(({ now, bev }) => (now < FEW ? undefined : bev / now)),
			print: percent,
		},
		{
			measure: "share",
			label: make === undefined ? "Share" : `${makeNameOf(figures.makes[make]!)} share`,
			values: ofMake.map(({ now, allMakes }) => (allMakes < FEW ? undefined : now / allMakes)),
			print: percent,
		},
	];
}

/** The measure wanted, or the first there is. */
export function measureOf(view: View, wanted: Measure): CountyMeasure {
	const measures = measuresOf(view);
	return measures.find(({ measure }) => measure === wanted) ?? measures[0]!;
}

/** Counties with a value, highest first; of equal ones by name. */
export function ranked(
	{ counties }: View,
	{ values }: CountyMeasure,
): { county: number; name: string; value: number }[] {
	return counties
		.flatMap(({ county, name }) => (values[county] === undefined ? [] : [{ county, name, value: values[county] }]))
		.sort((a, b) => b.value - a.value || a.county - b.county);
}
