/**
 * The page's figures straight from snapshots' text, vehicle by vehicle: an oracle that shares neither SQL nor parsing with the
 * program. Only for snapshots without rejected rows and duplicates, such as the real ones.
 */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { csvParse } from "d3-dsv";
import type { Figures, Places } from "../../page/figures";

/** Of a snapshot's row, what the figures need. */
interface Vehicle {
	county: string | null;
	/** In Washington. */
	city: string;
	district: string;
	fips: string;
	make: string;
	model: string;
	year: number;
	isBev: boolean;
	/** 0: unknown. */
	miles: number;
	price: number;
	utilities: number;
}
type Register = Map<string, Vehicle>;

export interface RawSnapshot {
	at: Date;
	/** CSV with the export's header. */
	text: string;
}

/** A snapshot of a gzipped export. */
export function readSnapshot(path: string, at: Date): RawSnapshot {
	return { at, text: gunzipSync(readFileSync(path)).toString() };
}

function parse({ text }: RawSnapshot): Register {
	return new Map(
		csvParse(text).map((row) => {
			const inState = row.State === "WA";
			const vehicle = {
				county: inState && row.County ? row.County : null,
				city: inState ? row.City! : "",
				district: inState ? row["Legislative District"]! : "",
				fips: row["2020 Census Tract"]!.slice(0, 5),
				make: row.Make!,
				model: row.Model!,
				year: Number(row["Model Year"]),
				isBev: row["Electric Vehicle Type"]!.includes("BEV"),
				miles: Number(row["Electric Range"]),
				price: Number(row["Base MSRP"]),
				utilities: row["Electric Utility"]!.split("|").filter((name) => name !== "").length,
			};
			return [row["DOL Vehicle ID"]!, vehicle];
		}),
	);
}

/**
 * The figures of snapshots, oldest first.
 * @param shown positions of those that the page shows
 */
export function rawFigures(dataset: string, snapshots: RawSnapshot[], shown = [...snapshots.keys()]): Figures {
	const registers = snapshots.map(parse);
	const [first, latest] = [registers[0]!, registers.at(-1)!];
	/** The last that is known of each vehicle. */
	const last: Register = new Map(registers.flatMap((register) => [...register]));
	const everywhere = registers.flatMap((register) => [...register.values()]);

	const fips = new Map(everywhere.flatMap(({ county, fips }) => (county === null ? [] : [[county, fips] as const])));
	const counties = [...fips.keys()].sort().map((name) => ({ fips: fips.get(name)!, name }));
	const countyNames = counties.map(({ name }) => name);
	const makes = [...new Set(everywhere.map(({ make }) => make))].sort();
	const placeOf = ({ county }: Vehicle) => (county === null ? counties.length : countyNames.indexOf(county));
	const makeOf = ({ make }: Vehicle) => makes.indexOf(make);

	// A model is listed if a vehicle of today's or of the first register bears it by the last that is known of it.
	const relevant = [...last].filter(([key]) => first.has(key) || latest.has(key));
	const models = [...new Set(relevant.map(([, vehicle]) => `${String(makeOf(vehicle)).padStart(3)} ${vehicle.model}`))]
		.sort()
		.map((key) => ({ make: Number(key.slice(0, 3)), name: key.slice(4) }));
	const modelIndex = new Map(models.map(({ make, name }, index) => [`${make} ${name}`, index]));
	const modelOf = (vehicle: Vehicle) => modelIndex.get(`${makeOf(vehicle)} ${vehicle.model}`)!;
	const bevsNow = [...latest.values()].filter(({ isBev }) => isBev);

	return {
		dataset,
		snapshots: shown.map((index) => snapshots[index]!.at.toISOString()),
		published: snapshots.length,
		counties,
		makes,
		models,
		stock: table(
			["snapshot", "county", "make"],
			["bev", "phev"],
			shown.flatMap((index, snapshot) =>
				[...registers[index]!.values()].map(
					(v): Counted => [
						[snapshot, placeOf(v), makeOf(v)],
						[Number(v.isBev), Number(!v.isBev)],
					],
				),
			),
		),
		modelStock: table(
			["county", "model"],
			["vehicles", "net"],
			relevant.map(([key, v]) => [
				[placeOf(v), modelOf(v)],
				[Number(latest.has(key)), Number(!first.has(key)) - Number(!latest.has(key))],
			]),
		),
		yearStock: table(
			["county", "make", "year"],
			["bev", "phev"],
			[...latest.values()].map((v) => [
				[placeOf(v), makeOf(v), v.year],
				[Number(v.isBev), Number(!v.isBev)],
			]),
		),
		firstYears: table(
			["county", "make", "year"],
			["vehicles"],
			[...first.values()].flatMap((v): Counted[] => [
				[[placeOf(v), -1, v.year], [1]],
				[[-1, makeOf(v), v.year], [1]],
			]),
		),
		flows: table(
			["snapshot", "county", "make"],
			["arrived", "left"],
			registers.slice(1).flatMap((after, index): Counted[] => {
				const before = registers[index]!;
				const snapshot = shown.findIndex((place) => place > index);
				return [
					...[...after]
						.filter(([key]) => !before.has(key))
						.map(
							([, v]): Counted => [
								[snapshot, placeOf(v), makeOf(v)],
								[1, 0],
							],
						),
					...[...before]
						.filter(([key]) => !after.has(key))
						.map(
							([, v]): Counted => [
								[snapshot, placeOf(v), makeOf(v)],
								[0, 1],
							],
						),
				];
			}),
		),
		ranges: table(
			["model", "year", "miles"],
			["vehicles"],
			bevsNow.filter(({ miles }) => miles > 0).map((v) => [[modelOf(v), v.year, v.miles], [1]]),
		),
		knownRanges: table(
			["make", "year"],
			["known", "all"],
			bevsNow.map((v) => [
				[makeOf(v), v.year],
				[Number(v.miles > 0), 1],
			]),
		),
		cities: places(
			({ city }) => city,
			(a, b) => (a < b ? -1 : 1),
		),
		districts: places(
			({ district }) => district,
			(a, b) => Number(a) - Number(b),
		),
		facts: {
			oldest: oldestOf([...latest.values()]),
			movedCounty: [...latest].filter(([key, { county }]) => {
				const before = first.get(key)?.county;
				return county !== null && before && before !== county;
			}).length,
			priced: [...latest.values()].filter(({ price }) => price > 0).length,
			pricedUntil: [...latest.values()].reduce<number | null>(
				(year, v) => (v.price > 0 ? Math.max(year ?? 0, v.year) : year),
				null,
			),
			severalUtilities: [...latest.values()].filter(({ utilities }) => utilities > 1).length,
			sinceFirst: [...latest.keys()].filter((key) => first.has(key)).length,
		},
		files: [],
	};

	function places(nameOf: (vehicle: Vehicle) => string, compare: (a: string, b: string) => number): Places {
		const names = [...new Set([...first.values(), ...latest.values()].map(nameOf))].filter(Boolean).sort(compare);
		const then = Map.groupBy(first.values(), nameOf);
		const today = Map.groupBy(latest.values(), nameOf);
		const rows = names.map((name) => {
			const here = today.get(name) ?? [];
			const byMake = [...Map.groupBy(here, makeOf)].map(([make, those]) => ({ make, vehicles: those.length }));
			const leader = byMake.sort((a, b) => b.vehicles - a.vehicles || a.make - b.make)[0];
			const isTold = here.length >= 50;
			return {
				name,
				first: then.get(name)?.length ?? 0,
				now: here.length,
				bev: isTold ? here.filter(({ isBev }) => isBev).length : 0,
				make: isTold ? leader!.make : -1,
				makeVehicles: isTold ? leader!.vehicles : 0,
			};
		});
		const column = <K extends keyof (typeof rows)[number]>(key: K) => rows.map((row) => row[key]);
		return {
			name: column("name"),
			first: column("first"),
			now: column("now"),
			bev: column("bev"),
			make: column("make"),
			makeVehicles: column("makeVehicles"),
		};
	}
}

type Counted = [key: number[], counts: number[]];

/** Sums the counts of each key; columns sorted by key, without rows of zeros. */
function table<K extends string, C extends string>(keys: K[], counts: C[], rows: Counted[]): Record<K | C, number[]> {
	const sums = new Map<string, number[]>();
	for (const [key, values] of rows) {
		const sum = sums.get(String(key)) ?? values.map(() => 0);
		sums.set(
			String(key),
			sum.map((value, index) => value + values[index]!),
		);
	}
	const sorted = [...sums]
		.map(([key, sum]) => [...key.split(",").map(Number), ...sum])
		.filter((row) => row.slice(keys.length).some((value) => value !== 0))
		.sort((a, b) => a.reduce((order, value, index) => order || value - b[index]!, 0));
	return Object.fromEntries(
		[...keys, ...counts].map((name, index) => [name, sorted.map((row) => row[index]!)]),
	) as Record<K | C, number[]>;
}

function oldestOf(vehicles: Vehicle[]): Figures["facts"]["oldest"] {
	const year = vehicles.reduce((least, vehicle) => Math.min(least, vehicle.year), Infinity);
	const names = vehicles
		.filter((vehicle) => vehicle.year === year)
		.map(({ make, model }) => JSON.stringify([make, model]));
	const [name] = names.toSorted();
	if (name === undefined) return null;
	const [make, model] = JSON.parse(name);
	return { year, make, model, vehicles: names.filter((other) => other === name).length };
}
