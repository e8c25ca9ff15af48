/**
 * A made-up snapshot, for runs without a network: no vehicle in it exists. It moves on by a month at a time as the real
 * register does: some vehicles leave, some of these come back, some move house, new ones are registered, and every third
 * month nearly all points are geocoded anew. The same month always gives the same bytes.
 */

import { SOURCE_COLUMNS } from "../../db/source-columns";

/** Vehicles in the first month. */
export const SAMPLE_VEHICLES = 25_000;

const NEW_PER_MONTH = 700;
const LEAVE_SHARE = 0.03;
const RETURN_SHARE = 0.3;
const MOVE_SHARE = 0.015;
const REGEOCODED_EVERY = 3;

/** Make, model, first year, whether it is a plug-in hybrid, range in miles, share of the fleet. */
const MODELS: [string, string, number, boolean, number, number][] = [
	["TESLA", "MODEL Y", 2020, false, 291, 20],
	["TESLA", "MODEL 3", 2018, false, 215, 16],
	["NISSAN", "LEAF", 2011, false, 84, 7],
	["TESLA", "MODEL S", 2013, false, 208, 4],
	["CHEVROLET", "BOLT EV", 2017, false, 238, 4],
	["CHEVROLET", "VOLT", 2011, true, 38, 3],
	["FORD", "MUSTANG MACH-E", 2021, false, 0, 3],
	["VOLKSWAGEN", "ID.4", 2021, false, 0, 3],
	["TOYOTA", "RAV4 PRIME", 2021, true, 42, 3],
	["JEEP", "WRANGLER", 2021, true, 21, 3],
	["HYUNDAI", "IONIQ 5", 2022, false, 0, 3],
	["KIA", "NIRO", 2018, true, 26, 2],
	["BMW", "X5", 2016, true, 30, 2],
	["RIVIAN", "R1S", 2023, false, 0, 2],
	["CHRYSLER", "PACIFICA", 2018, true, 32, 1],
];

/** County, city, state, ZIP code, census tract, longitude, latitude, legislative district, utility, weight. */
const PLACES: [string, string, string, string, string, number, number, string, string, number][] = [
	[
		"King",
		"Seattle",
		"WA",
		"98122",
		"53033007800",
		-122.30839,
		47.610365,
		"37",
		"CITY OF SEATTLE - (WA)|CITY OF TACOMA - (WA)",
		30,
	],
	[
		"King",
		"Bellevue",
		"WA",
		"98004",
		"53033023902",
		-122.2019,
		47.61764,
		"41",
		"PUGET SOUND ENERGY INC||CITY OF TACOMA - (WA)",
		20,
	],
	["Snohomish", "Everett", "WA", "98204", "53061041809", -122.25072, 47.897671, "21", "PUGET SOUND ENERGY INC", 12],
	[
		"Pierce",
		"Tacoma",
		"WA",
		"98406",
		"53053061100",
		-122.5095,
		47.26343,
		"27",
		"BONNEVILLE POWER ADMINISTRATION||CITY OF TACOMA - (WA)||PENINSULA LIGHT COMPANY",
		10,
	],
	[
		"Clark",
		"Vancouver",
		"WA",
		"98661",
		"53011042700",
		-122.6257,
		45.63884,
		"49",
		"BONNEVILLE POWER ADMINISTRATION||PUD NO 1 OF CLARK COUNTY - (WA)",
		8,
	],
	["Thurston", "Olympia", "WA", "98501", "53067011722", -122.89692, 47.043535, "22", "PUGET SOUND ENERGY INC", 6],
	["Kitsap", "Bainbridge Island", "WA", "98110", "53035091001", -122.5213, 47.62935, "23", "PUGET SOUND ENERGY INC", 5],
	["Spokane", "Spokane", "WA", "99203", "53063004700", -117.4128, 47.6297, "6", "MODERN ELECTRIC WATER COMPANY", 4],
	["Yakima", "Yakima", "WA", "98908", "53077000903", -120.60199, 46.59739, "14", "PACIFICORP", 3],
	[
		"Fairfax",
		"Vienna",
		"VA",
		"22182",
		"51059461500",
		-77.26526,
		38.93394,
		"",
		"NON WASHINGTON STATE ELECTRIC UTILITY",
		0.2,
	],
	[
		"Doña Ana",
		"Las Cruces",
		"NM",
		"88011",
		"35013001204",
		-106.7733,
		32.32829,
		"",
		"NON WASHINGTON STATE ELECTRIC UTILITY",
		0.1,
	],
	[
		"Rockland",
		"Suffern, NY",
		"NY",
		"0901",
		"36087012300",
		-74.1219,
		41.1285,
		"",
		"NON WASHINGTON STATE ELECTRIC UTILITY",
		0.1,
	],
	["", "", "BC", "", "", Number.NaN, Number.NaN, "", "", 0.05],
];

export interface Sample {
	/** As the dataset's export would look. */
	content: Buffer;
	/** Unix seconds. */
	rowsUpdatedAt: number;
}

/**
 * The made-up register of one month.
 * @param month 0 is January 2024
 * @param vehicles how many there are in the first month
 */
export function makeSample(month: number, vehicles = SAMPLE_VEHICLES): Sample {
	const lines: { order: number; line: string }[] = [];
	const newPerMonth = Math.round((NEW_PER_MONTH * vehicles) / SAMPLE_VEHICLES);
	for (let vehicle = 0; vehicle < vehicles + month * newPerMonth; vehicle++) {
		const born = Math.max(0, Math.floor((vehicle - vehicles) / newPerMonth) + 1);
		if (isRegistered(vehicle, born, month))
			lines.push({ order: chance(vehicle, month, "order"), line: rowOf(vehicle, born, month) });
	}
	// The real register's order differs in every snapshot.
	lines.sort((a, b) => a.order - b.order);
	const header = SOURCE_COLUMNS.map((column) => column.display).join(",");
	return {
		content: Buffer.from(`${[header, ...lines.map(({ line }) => line)].join("\n")}\n`),
		rowsUpdatedAt: Date.UTC(2024, month, 1) / 1000,
	};
}

/** Whether a vehicle is registered: months away follow months of leaving, until it comes back or for good. */
function isRegistered(vehicle: number, born: number, month: number): boolean {
	let registered = true;
	for (let at = born + 1; at <= month; at++)
		registered = registered
			? chance(vehicle, at, "leave") >= LEAVE_SHARE
			: chance(vehicle, at, "return") < RETURN_SHARE / 4;
	return registered;
}

function rowOf(vehicle: number, born: number, month: number): string {
	const [make, model, since, hybrid, range] = weighted(MODELS, chance(vehicle, 0, "model"));
	const year = since + Math.floor(chance(vehicle, 0, "year") * (2025 - since));
	let home = 0;
	for (let at = born + 1; at <= month; at++) if (chance(vehicle, at, "move") < MOVE_SHARE) home = at;
	const place = weighted(PLACES, chance(vehicle, home, "place"));
	const [county, city, state, zip, tract, longitude, latitude, district, utility] = place;
	const researched = range > 0 && chance(vehicle, 0, "researched") < 0.8;
	const eligibility = !researched
		? "Eligibility unknown as battery range has not been researched"
		: range >= 30
			? "Clean Alternative Fuel Vehicle Eligible"
			: "Not eligible due to low battery range";
	const values: Record<string, string | number> = {
		dol_vehicle_id: 1_000_000 + vehicle * 7,
		vin_1_10: vinPrefix(vehicle),
		county,
		city,
		state,
		zip_code: zip,
		model_year: year,
		make,
		model,
		ev_type: hybrid ? "Plug-in Hybrid Electric Vehicle (PHEV)" : "Battery Electric Vehicle (BEV)",
		cafv_type: eligibility,
		electric_range: researched ? range : 0,
		base_msrp: chance(vehicle, 0, "price") < 0.02 ? 30_000 + Math.floor(chance(vehicle, 1, "price") * 500) * 100 : 0,
		legislative_district: district,
		geocoded_column: pointOf(vehicle, month, longitude, latitude),
		electric_utility: utility,
		_2020_census_tract: tract,
	};
	return SOURCE_COLUMNS.map(({ field }) => quoted(String(values[field]))).join(",");
}

/** A home's point, which moves by a few metres whenever the register is geocoded anew. */
function pointOf(vehicle: number, month: number, longitude: number, latitude: number): string {
	if (Number.isNaN(longitude) || chance(vehicle, 0, "no point") < 0.0005) return "";
	const geocoding = Math.floor(month / REGEOCODED_EVERY);
	const jitter = (what: string) => (chance(vehicle, geocoding, what) - 0.5) / 5_000;
	return `POINT (${(longitude + jitter("east")).toFixed(5)} ${(latitude + jitter("north")).toFixed(6)})`;
}

/** Ten characters as a VIN's, which never holds I, O or Q. Not unique, as the real ones are not. */
function vinPrefix(vehicle: number): string {
	const letters = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789";
	return Array.from(
		{ length: 10 },
		(_, at) => letters[Math.floor(chance(vehicle >> 1, at, "vin") * letters.length)],
	).join("");
}

function quoted(text: string): string {
	return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Picks by the last element of each row, its weight. */
function weighted<T extends [...unknown[], number]>(rows: T[], at: number): T {
	const weight = (row: T) => row.at(-1) as number;
	let left = at * rows.reduce((sum, row) => sum + weight(row), 0);
	for (const row of rows) {
		left -= weight(row);
		if (left < 0) return row;
	}
	return rows.at(-1)!;
}

/** A number from 0 up to 1 that is always the same for the same question: FNV-1a, then a final mix. */
function chance(vehicle: number, round: number, what: string): number {
	let hash = 0x811c9dc5;
	const stir = (value: number) => {
		hash = Math.imul(hash ^ value, 0x01000193);
	};
	stir(vehicle);
	stir(round);
	for (let at = 0; at < what.length; at++) stir(what.charCodeAt(at));
	hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
	hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
	return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}
