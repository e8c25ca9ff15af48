/** Sums the figures' tables for a choice: what a view is made of. */

import type { Choice } from "./choice";
import type { Figures } from "./figures";
import { makeNameOf, modelNameOf } from "./names";
import { daysBetween } from "./text";
import type { FlowFigures, MakeFigures, ModelFigures, RangeFigures, Total, View, YearFigures } from "./view";

/** The rows of a table that belong to a choice; of tables without one of the two columns, that part of the choice is nothing. */
function* rowsOf(table: { county?: number[]; make?: number[] }, { county, make }: Choice): Generator<number> {
	const length = (table.county ?? table.make)!.length;
	for (let row = 0; row < length; row++)
		if (
			(county === undefined || !table.county || table.county[row] === county) &&
			(make === undefined || !table.make || table.make[row] === make)
		)
			yield row;
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

export function totalsOf({ stock }: Figures, choice: Choice, dates: Date[]): Total[] {
	const totals = dates.map((at) => ({ at, bev: 0, phev: 0, all: 0 }));
	for (const row of rowsOf(stock, choice)) {
		const total = totals[stock.snapshot[row]!]!;
		total.bev += stock.bev[row]!;
		total.phev += stock.phev[row]!;
		total.all = total.bev + total.phev;
	}
	return totals;
}

export function countiesOf(figures: Figures, { make }: Choice): Pick<View, "counties" | "elsewhere"> {
	const { stock, makes, snapshots } = figures;
	const places = [...figures.counties, undefined].map(() => ({
		first: 0,
		now: 0,
		bev: 0,
		byMake: new Map<number, number>(),
	}));
	for (const row of rowsOf(stock, {})) {
		const place = places[stock.county[row]!]!;
		const vehicles = stock.bev[row]! + stock.phev[row]!;
		const isChosen = make === undefined || stock.make[row] === make;
		if (stock.snapshot[row] === 0 && isChosen) place.first += vehicles;
		if (stock.snapshot[row] !== snapshots.length - 1) continue;
		place.byMake.set(stock.make[row]!, vehicles);
		if (!isChosen) continue;
		place.now += vehicles;
		place.bev += stock.bev[row]!;
	}
	return {
		counties: figures.counties.map(({ name, fips }, county) => {
			const { byMake, ...counts } = places[county]!;
			const [leader] = [...byMake].sort(([a, most], [b, others]) => others - most || a - b);
			return {
				county,
				name,
				fips,
				...counts,
				leader: leader && { make: leader[0], name: makeNameOf(makes[leader[0]]!), vehicles: leader[1] },
				allMakes: sum([...byMake.values()]),
			};
		}),
		elsewhere: places.at(-1)!.now,
	};
}

export function modelsOf({ models, makes, modelStock }: Figures, { county, make }: Choice): ModelFigures[] {
	const found = models.map(({ make, name }, model) => ({
		model,
		name: modelNameOf(makes[make]!, name),
		now: 0,
		net: 0,
	}));
	for (const row of rowsOf(modelStock, { county })) {
		const model = found[modelStock.model[row]!]!;
		model.now += modelStock.vehicles[row]!;
		model.net += modelStock.net[row]!;
	}
	return found
		.filter(({ model, now }) => now > 0 && (make === undefined || models[model]!.make === make))
		.sort((a, b) => b.now - a.now || a.model - b.model);
}

export function makesOf(figures: Figures, { county }: Choice): MakeFigures[] {
	const { stock, makes, snapshots } = figures;
	const counts = makes.map(() => snapshots.map(() => 0));
	for (const row of rowsOf(stock, { county }))
		counts[stock.make[row]!]![stock.snapshot[row]!]! += stock.bev[row]! + stock.phev[row]!;
	const totals = snapshots.map((_, snapshot) => sum(counts.map((vehicles) => vehicles[snapshot]!)));
	return counts
		.map((vehicles, make) => ({
			make,
			name: makeNameOf(makes[make]!),
			vehicles,
			shares: vehicles.map((value, snapshot) => (totals[snapshot] ? value / totals[snapshot] : 0)),
		}))
		.filter(({ vehicles }) => vehicles.some((value) => value > 0))
		.sort((a, b) => b.vehicles.at(-1)! - a.vehicles.at(-1)! || a.make - b.make);
}

export function yearsOf({ yearStock, firstYears }: Figures, choice: Choice): YearFigures[] {
	const found = new Map<number, YearFigures>();
	const yearAt = (year: number) => {
		const known = found.get(year) ?? { year, bev: 0, phev: 0 };
		found.set(year, known);
		return known;
	};
	for (const row of rowsOf(yearStock, choice)) {
		const year = yearAt(yearStock.year[row]!);
		year.bev += yearStock.bev[row]!;
		year.phev += yearStock.phev[row]!;
	}
	// The first snapshot is counted by county and by make apart: for both at once it is not known.
	const isKnown = choice.county === undefined || choice.make === undefined;
	const years = withoutGaps(found, (year) => ({ year, bev: 0, phev: 0 }));
	if (!isKnown) return years;
	const of = choice.make === undefined ? firstYears.county : firstYears.make;
	const wanted = choice.make ?? choice.county;
	const first = new Map<number, number>();
	for (const [row, place] of of.entries())
		if (place !== -1 && (wanted === undefined || place === wanted))
			first.set(firstYears.year[row]!, (first.get(firstYears.year[row]!) ?? 0) + firstYears.vehicles[row]!);
	return years.map((year) => ({ ...year, first: first.get(year.year) ?? 0 }));
}

export function flowsOf({ flows }: Figures, choice: Choice, dates: Date[]): FlowFigures[] {
	const found = dates.slice(1).map((to, index) => {
		const from = dates[index]!;
		return { from, to, days: daysBetween(from, to), arrived: 0, left: 0 };
	});
	for (const row of rowsOf(flows, choice)) {
		const interval = found[flows.snapshot[row]! - 1]!;
		interval.arrived += flows.arrived[row]!;
		interval.left += flows.left[row]!;
	}
	return found;
}

export function rangesOf(figures: Figures, { make }: Choice): RangeFigures {
	const { ranges, knownRanges, models, makes } = figures;
	const points = ranges.model
		.map((model, row) => ({
			model,
			name: modelNameOf(makes[models[model]!.make]!, models[model]!.name),
			year: ranges.year[row]!,
			miles: ranges.miles[row]!,
			vehicles: ranges.vehicles[row]!,
		}))
		.filter(({ model }) => make === undefined || models[model]!.make === make);
	const found = new Map<number, RangeFigures["years"][number]>();
	for (const row of rowsOf(knownRanges, { make })) {
		const year = knownRanges.year[row]!;
		const known = found.get(year) ?? { year, known: 0, all: 0 };
		found.set(year, { year, known: known.known + knownRanges.known[row]!, all: known.all + knownRanges.all[row]! });
	}
	return {
		points,
		years: withoutGaps(found, (year) => ({ year, known: 0, all: 0 })).map((year) => ({
			...year,
			median: medianOf(points.filter((point) => point.year === year.year)),
		})),
	};
}

/** The values by year, ascending, with empty ones for the years that are missing between them. */
function withoutGaps<T>(byYear: Map<number, T>, empty: (year: number) => T): T[] {
	const years = [...byYear.keys()].sort((a, b) => a - b);
	if (years.length === 0) return [];
	const length = years.at(-1)! - years[0]! + 1;
	return Array.from({ length }, (_, index) => byYear.get(years[0]! + index) ?? empty(years[0]! + index));
}

/** The median range of vehicles; of an even number the mean of the two in the middle. */
function medianOf(points: { miles: number; vehicles: number }[]): number | undefined {
	const sorted = points.toSorted((a, b) => a.miles - b.miles);
	const total = sum(sorted.map(({ vehicles }) => vehicles));
	if (total === 0) return undefined;
	const at = (place: number) => {
		let passed = 0;
		for (const { miles, vehicles } of sorted) {
			passed += vehicles;
			if (passed > place) return miles;
		}
		return 0;
	};
	return (at(Math.floor((total - 1) / 2)) + at(Math.floor(total / 2))) / 2;
}
