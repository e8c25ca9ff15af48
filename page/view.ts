/** The figures for one choice, aggregated for findings and charts. Dates are snapshots, in UTC. */

import { countiesOf, flowsOf, makesOf, modelsOf, rangesOf, totalsOf, yearsOf } from "./aggregates";
import type { Choice } from "./choice";
import type { Figures } from "./figures";
import { makeNameOf } from "./names";

export interface View {
	figures: Figures;
	choice: Choice;
	/** The snapshots, ascending. */
	dates: Date[];
	/** "King County", or "Washington". */
	placeName: string;
	/** "Tesla"; undefined for all makes. */
	makeName?: string;
	/** "all makes, King County": what captions say after the measure. */
	scope: string;
	/** One for each snapshot. */
	totals: Total[];
	/** The latest total; zeros where nothing is published. */
	now: Total;
	/** All counties of Washington, whichever is chosen, for the chosen make. */
	counties: CountyFigures[];
	/** Of the chosen make, with addresses outside Washington, now. */
	elsewhere: number;
	/** Those that are there now, by vehicles, descending. */
	models: ModelFigures[];
	/** Of the chosen county, by vehicles now, descending; whichever make is chosen. */
	makes: MakeFigures[];
	/** Ascending and without gaps; empty where there are no vehicles. */
	years: YearFigures[];
	/** One for each snapshot but the first. */
	flows: FlowFigures[];
	/** Of the chosen make in the whole register. */
	ranges: RangeFigures;
}

export interface Total {
	at: Date;
	bev: number;
	phev: number;
	all: number;
}

export interface CountyFigures {
	/** Position in `figures.counties`. */
	county: number;
	name: string;
	fips: string;
	first: number;
	now: number;
	bev: number;
	/** The make with most vehicles, of all makes; undefined where there are none. */
	leader?: { make: number; name: string; vehicles: number };
	/** All makes: what the share of a make is a share of. */
	allMakes: number;
}

export interface ModelFigures {
	/** Position in `figures.models`. */
	model: number;
	/** "Tesla Model Y". */
	name: string;
	now: number;
	/** Vehicles now that were not there at first, less those that left. */
	net: number;
}

export interface MakeFigures {
	make: number;
	name: string;
	/** Vehicles at each snapshot. */
	vehicles: number[];
	/** Of all vehicles in the place, at each snapshot: 0 to 1, NaN never; 0 where there are no vehicles. */
	shares: number[];
}

export interface YearFigures {
	year: number;
	bev: number;
	phev: number;
	/** Vehicles of this model year at the first snapshot; undefined where that is not known for the choice. */
	first?: number;
}

export interface FlowFigures {
	from: Date;
	to: Date;
	/** Days between the two. */
	days: number;
	arrived: number;
	left: number;
}

export interface RangeFigures {
	points: { model: number; name: string; year: number; miles: number; vehicles: number }[];
	/** Ascending and without gaps. */
	years: {
		year: number;
		known: number;
		all: number;
		/** Of the vehicles whose range is known; undefined where there are none. */
		median?: number;
	}[];
}

/** The figures of a choice. */
export function viewOf(figures: Figures, choice: Choice): View {
	const dates = figures.snapshots.map((at) => new Date(at));
	const county = choice.county === undefined ? undefined : figures.counties[choice.county]!.name;
	const makeName = choice.make === undefined ? undefined : makeNameOf(figures.makes[choice.make]!);
	const totals = totalsOf(figures, choice, dates);
	return {
		figures,
		choice,
		dates,
		placeName: county === undefined ? "Washington" : `${county} County`,
		makeName,
		scope: `${makeName ?? "all makes"}, ${county === undefined ? "all of Washington" : `${county} County`}`,
		totals,
		now: totals.at(-1) ?? { at: new Date(0), bev: 0, phev: 0, all: 0 },
		...countiesOf(figures, choice),
		models: modelsOf(figures, choice),
		makes: makesOf(figures, choice),
		years: yearsOf(figures, choice),
		flows: flowsOf(figures, choice, dates),
		ranges: rangesOf(figures, choice),
	};
}
