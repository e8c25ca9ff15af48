/** Reads the figures that the page is drawn from. */

import type { Client } from "pg";
import {
	COUNT_FACTS,
	COUNT_FIRST_YEARS,
	COUNT_FLOWS,
	COUNT_KNOWN_RANGES,
	COUNT_MODELS,
	COUNT_PLACES,
	COUNT_RANGES,
	COUNT_STOCK,
	COUNT_YEARS,
	FIND_OLDEST,
	LIST_COUNTIES,
	LIST_SNAPSHOTS,
} from "../../db/figures";
import { type County, FEW, type Figures, MAX_SNAPSHOTS, type Model, type Places } from "../../page/figures";

/**
 * Reads the figures of what is published.
 * @param client a session that sees one state of the database: in a repeatable-read transaction
 * @returns the figures without files
 */
export async function readFigures(client: Client, dataset: string): Promise<Figures> {
	const read = async <R extends object>(sql: string, ...values: unknown[]) => (await client.query<R>(sql, values)).rows;
	const published = (await read<{ at: Date }>(LIST_SNAPSHOTS)).map(({ at }) => at);
	const shown = chooseShown(published);
	const [first] = shown;
	if (!first) return { ...NOTHING_PUBLISHED, dataset };

	const counties = (await read<County>(LIST_COUNTIES)).sort(byText(({ name }) => name));
	const stock = await read<CountedCell & { at: Date }>(COUNT_STOCK, shown);
	const modelRows = await read<ModelRow>(COUNT_MODELS, first);
	const flows = await read<FlowRow>(COUNT_FLOWS, shown);
	const makes = [...new Set([...stock, ...modelRows, ...flows].map(({ make }) => make))].sort();
	const models = listModels(modelRows, makes);

	const at = positions(shown.map((date) => date.getTime()));
	const inMakes = positions(makes);
	const inModels = positions(models.map(({ make, name }) => modelKey(makes[make]!, name)));
	const inCounties = positions(counties.map(({ name }) => name));
	const place = (county: string | null) => (county === null ? counties.length : inCounties(county));
	const modelOf = ({ make, model }: { make: string; model: string }) => inModels(modelKey(make, model));
	const placed = <R extends { county: string | null; make: string }>(row: R) => ({
		...row,
		county: place(row.county),
		make: inMakes(row.make),
	});

	const years = await read<CountedCell & { year: number }>(COUNT_YEARS);
	const firstYears = await read<FirstYearRow>(COUNT_FIRST_YEARS, first);
	const ranges = await read<RangeRow>(COUNT_RANGES);
	const known = await read<{ make: string; year: number; known: number; all: number }>(COUNT_KNOWN_RANGES);
	const places = await read<PlaceRow>(COUNT_PLACES, first, FEW);
	const [facts] = await read<Omit<Figures["facts"], "oldest">>(COUNT_FACTS, first);
	const [oldest] = await read<NonNullable<Figures["facts"]["oldest"]>>(FIND_OLDEST);

	return {
		dataset,
		snapshots: shown.map((date) => date.toISOString()),
		published: published.length,
		counties,
		makes,
		models,
		stock: columns(
			["snapshot", "county", "make", "bev", "phev"],
			3,
			stock.map((row) => ({ ...placed(row), snapshot: at(row.at.getTime()) })),
		),
		modelStock: columns(
			["county", "model", "vehicles", "net"],
			2,
			modelRows.map((row) => ({ ...row, county: place(row.county), model: modelOf(row) })),
		),
		yearStock: columns(["county", "make", "year", "bev", "phev"], 3, years.map(placed)),
		firstYears: columns(
			["county", "make", "year", "vehicles"],
			3,
			firstYears.map(({ byMake, county, make, ...row }) => ({
				...row,
				county: byMake ? -1 : place(county),
				make: byMake ? inMakes(make!) : -1,
			})),
		),
		flows: columns(
			["snapshot", "county", "make", "arrived", "left"],
			3,
			flows.map((row) => ({ ...placed(row), snapshot: at(row.at.getTime()) })),
		),
		ranges: columns(
			["model", "year", "miles", "vehicles"],
			3,
			ranges.map((row) => ({ ...row, model: modelOf(row) })),
		),
		knownRanges: columns(
			["make", "year", "known", "all"],
			2,
			known.map((row) => ({ ...row, make: inMakes(row.make) })),
		),
		cities: placesOf(places.filter(({ isDistrict }) => !isDistrict).sort(byText(({ name }) => name)), inMakes),
		districts: placesOf(places.filter(({ isDistrict }) => isDistrict).sort(byNumber), inMakes),
		facts: { ...facts!, oldest: oldest ?? null },
		files: [],
	};
}

const NOTHING_PUBLISHED: Omit<Figures, "dataset"> = {
	snapshots: [],
	published: 0,
	counties: [],
	makes: [],
	models: [],
	stock: { snapshot: [], county: [], make: [], bev: [], phev: [] },
	modelStock: { county: [], model: [], vehicles: [], net: [] },
	yearStock: { county: [], make: [], year: [], bev: [], phev: [] },
	firstYears: { county: [], make: [], year: [], vehicles: [] },
	flows: { snapshot: [], county: [], make: [], arrived: [], left: [] },
	ranges: { model: [], year: [], miles: [], vehicles: [] },
	knownRanges: { make: [], year: [], known: [], all: [] },
	cities: { name: [], first: [], now: [], bev: [], make: [], makeVehicles: [] },
	districts: { name: [], first: [], now: [], bev: [], make: [], makeVehicles: [] },
	facts: { oldest: null, movedCounty: 0, priced: 0, pricedUntil: null, severalUtilities: 0, sinceFirst: 0 },
	files: [],
};

interface CountedCell {
	county: string | null;
	make: string;
	bev: number;
	phev: number;
}
interface ModelRow {
	county: string | null;
	make: string;
	model: string;
	vehicles: number;
	net: number;
}
interface FirstYearRow {
	byMake: boolean;
	county: string | null;
	make: string | null;
	year: number;
	vehicles: number;
}
interface FlowRow {
	at: Date;
	county: string | null;
	make: string;
	arrived: number;
	left: number;
}
interface RangeRow {
	make: string;
	model: string;
	year: number;
	miles: number;
	vehicles: number;
}
interface PlaceRow {
	isDistrict: boolean;
	name: string;
	first: number;
	now: number;
	bev: number;
	make: string | null;
	makeVehicles: number;
}

/** At most MAX_SNAPSHOTS of the snapshots: the first, the latest, and others evenly between. */
export function chooseShown<T>(snapshots: T[]): T[] {
	if (snapshots.length <= MAX_SNAPSHOTS) return snapshots;
	const step = (snapshots.length - 1) / (MAX_SNAPSHOTS - 1);
	return Array.from({ length: MAX_SNAPSHOTS }, (_, index) => snapshots[Math.round(index * step)]!);
}

const modelKey = (make: string, name: string) => JSON.stringify([make, name]);

function listModels(rows: ModelRow[], makes: string[]): Model[] {
	const names = new Map(rows.map(({ make, model }) => [modelKey(make, model), { make, model }]));
	return [...names.values()]
		.map(({ make, model }) => ({ make: makes.indexOf(make), name: model }))
		.sort((a, b) => a.make - b.make || byText<Model>(({ name }) => name)(a, b));
}

/** Compares by code unit. */
function byText<T>(textOf: (value: T) => string) {
	return (a: T, b: T) => (textOf(a) < textOf(b) ? -1 : textOf(a) > textOf(b) ? 1 : 0);
}

/** Districts are numbers, whatever the source may write one day. */
const byNumber = (a: PlaceRow, b: PlaceRow) =>
	a.name.length - b.name.length || byText<PlaceRow>(({ name }) => name)(a, b);

/** @returns a value's position in a list that must have it */
function positions<T extends string | number>(values: T[]): (value: T) => number {
	const known = new Map(values.map((value, index) => [value, index]));
	return (value) => {
		const position = known.get(value);
		if (position === undefined) throw new Error(`${value} is in no list of the page's figures.`);
		return position;
	};
}

/** Rows as columns, sorted by the first of them. @param keys how many columns the rows are sorted by */
function columns<K extends string>(names: K[], keys: number, rows: Record<K, number>[]): Record<K, number[]> {
	const compare = (a: Record<K, number>, b: Record<K, number>) =>
		names.slice(0, keys).reduce((order, name) => order || a[name] - b[name], 0);
	const sorted = rows.toSorted(compare);
	return Object.fromEntries(names.map((name) => [name, sorted.map((row) => row[name])])) as Record<K, number[]>;
}

function placesOf(rows: PlaceRow[], inMakes: (make: string) => number): Places {
	return {
		name: rows.map(({ name }) => name),
		first: rows.map(({ first }) => first),
		now: rows.map(({ now }) => now),
		bev: rows.map(({ bev }) => bev),
		make: rows.map(({ make }) => (make === null ? -1 : inMakes(make))),
		makeVehicles: rows.map(({ makeVehicles }) => makeVehicles),
	};
}
