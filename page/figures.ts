/**
 * What the page is drawn from: counts of vehicles at the published snapshots. The report function reads them from the
 * database; a test computes them from the raw files and compares.
 *
 * Tables are columns of equal length, so that they pack well. A column named `county`, `make` or `model` holds positions in
 * the list of that name; in a column `county`, the list's length stands for everywhere else: other states, and addresses
 * without a county. Tables have no rows of zeros only, and are sorted by their columns from left to right, up to the counts.
 */

/** Of a published register; `snapshots` is empty where nothing is published. */
export interface Figures {
	/** The dataset's id, or "sample", whose vehicles are made up. */
	dataset: string;
	/** Published snapshots: ISO 8601 in UTC, ascending. At most MAX_SNAPSHOTS: the first, the latest, evenly between. */
	snapshots: string[];
	/** How many are published. */
	published: number;
	/** Washington's counties, of any published snapshot, by name. */
	counties: County[];
	/** As in the source, in capitals, sorted by code unit. */
	makes: string[];
	/** Sorted by make, then name; name is "" where the source gives none. */
	models: Model[];
	stock: Stock;
	modelStock: ModelStock;
	yearStock: YearStock;
	firstYears: FirstYears;
	flows: Flows;
	ranges: Ranges;
	knownRanges: KnownRanges;
	cities: Places;
	/** Legislative districts, by number. */
	districts: Places;
	facts: Facts;
	/** Files to take along, as they were stored last. */
	files: DataFile[];
}

export const MAX_SNAPSHOTS = 12;
/** Below this number of vehicles, shares and rates say nothing: counts are shown instead. */
export const FEW = 50;

export interface County {
	/** Five digits, of the census tract. */
	fips: string;
	/** Without the word "County". */
	name: string;
}

export interface Model {
	make: number;
	name: string;
}

/** Vehicles of each snapshot. */
export interface Stock {
	/** Position in `snapshots`. */
	snapshot: number[];
	county: number[];
	make: number[];
	bev: number[];
	phev: number[];
}

/**
 * Vehicles of the latest snapshot, and net arrivals since the first: by vehicle, under the model and county that it had last,
 * so that a renamed model has neither arrivals nor departures, and a vehicle that moved is neither.
 */
export interface ModelStock {
	county: number[];
	model: number[];
	vehicles: number[];
	/** Vehicles in the latest snapshot and not in the first, less those in the first and not in the latest. */
	net: number[];
}

/** Vehicles of the latest snapshot. */
export interface YearStock {
	county: number[];
	make: number[];
	year: number[];
	bev: number[];
	phev: number[];
}

/** Vehicles of the first snapshot, by county and by make apart; the column that does not apply holds -1. */
export interface FirstYears {
	county: number[];
	make: number[];
	year: number[];
	vehicles: number[];
}

/** What came to and left the register between one of `snapshots` and the next; moves between counties are neither. */
export interface Flows {
	/** Position in `snapshots` of the later one: from 1. */
	snapshot: number[];
	county: number[];
	make: number[];
	/** Added or returned in one of the snapshots in between or the later one. */
	arrived: number[];
	/** Removed in one of these. */
	left: number[];
}

/** Battery vehicles of the latest snapshot whose range is known, in the whole register. */
export interface Ranges {
	model: number[];
	year: number[];
	miles: number[];
	vehicles: number[];
}

/** Battery vehicles of the latest snapshot, in the whole register: how many have a known range, of how many. */
export interface KnownRanges {
	make: number[];
	year: number[];
	known: number[];
	all: number[];
}

/** Places in Washington with any vehicle in the first or the latest snapshot, by name. */
export interface Places {
	name: string[];
	first: number[];
	now: number[];
	/** Battery vehicles now; 0 where there are fewer than FEW vehicles, as in the next two, which are shown as shares. */
	bev: number[];
	/** The make with most vehicles now, by name where two have as many; -1 where there are fewer than FEW. */
	make: number[];
	/** Vehicles of that make. */
	makeVehicles: number[];
}

/** Facts of the whole register that no table above holds, all of the latest snapshot. */
export interface Facts {
	/** The oldest vehicle by model year; of several, the first by make, model and key. Null without vehicles. */
	oldest: { year: number; make: string; model: string; vehicles: number } | null;
	/** Vehicles in the first and the latest snapshot, in another county of Washington. */
	movedCounty: number;
	/** Vehicles whose price is known, and the newest model year among them. */
	priced: number;
	pricedUntil: number | null;
	/** Vehicles with more than one utility. */
	severalUtilities: number;
	/** Vehicles that were in the very first snapshot ever published. */
	sinceFirst: number;
}

export interface DataFile {
	/** Path relative to the page, such as "data/vehicles.parquet". */
	path: string;
	/** What it holds, in a few words. */
	title: string;
	bytes: number;
	/** The snapshot that it was made from, ISO 8601 in UTC. */
	snapshot: string;
}
