/**
 * What each table, view and column means, in the words that people read in their tools, in the database and in the dictionary of
 * the downloads. A test holds the list complete.
 */

import type { Schema } from "./runs";

interface Description {
	about: string;
	columns: Record<string, string>;
}

const SNAPSHOT_AT = "The snapshot: when the source's rows last changed.";
const VEHICLE_ID = "The Department of Licensing's number of the vehicle, the same in every snapshot.";

/** Columns that are the same wherever they occur. */
const VEHICLE = {
	dol_vehicle_id: VEHICLE_ID,
	vin_prefix: "The first ten characters of the vehicle identification number; several vehicles share one.",
	county: "County of the registered owner's address. Counties of the same name exist in several states.",
	city: "City of the registered owner's address.",
	state: "State of the registered owner's address; not WA for some owners, such as members of the armed forces.",
	postal_code: "ZIP code of the registered owner's address, as text.",
	model_year: "Model year, which is not the year of purchase.",
	make: "Manufacturer's brand.",
	model: "Model. Manufacturers rename models, so compare their growth by vehicle and not by this name.",
	vehicle_type: "BEV: battery electric. PHEV: plug-in hybrid.",
	cafv_eligibility: "Whether it counts as a clean alternative fuel vehicle, which the source decides by its range.",
	electric_range_miles:
		"Miles on a full battery. NULL: not researched, 0 in the source; so for every battery vehicle of a recent model year. Averages are of the known ranges only.",
	base_msrp_usd: "Suggested price in US dollars. NULL: unknown, 0 in the source; so for nearly every vehicle.",
	legislative_district: "District of the state legislature, 1 to 49. NULL outside Washington.",
	electric_utilities:
		"Utilities that serve the address. Their territories overlap, so a list of several is not a list of suppliers.",
	census_tract: "Census tract of 2020, eleven digits: state, county, tract.",
	longitude: "Longitude of the center of the ZIP code's area, not of the address.",
	latitude: "Latitude of the center of the ZIP code's area, not of the address.",
	first_seen_at: "The first snapshot that had it; of vehicles in the very first snapshot, this says nothing.",
	last_changed_at: "The snapshot in which it was added, came back, or differed in anything but the point.",
};

const COUNTY_FIPS = { county_fips: "State and county in five digits: the first five of the census tract." };

const pick = (...names: (keyof typeof VEHICLE)[]): Record<string, string> =>
	Object.fromEntries(names.map((name) => [name, VEHICLE[name]]));

const COUNTS = {
	rows: "Rows of the snapshot.",
	added: "Vehicles never seen before.",
	returned: "Vehicles that were removed earlier and are registered again.",
	changed: "Vehicles that differ in any column but the point.",
	regeocoded: "Vehicles that differ in the point alone.",
	removed: "Vehicles that were registered before and are not in this snapshot.",
};

const SHARES = {
	vehicles: "Registered vehicles in the latest snapshot. They are not sales.",
	bev: "Battery electric vehicles among them.",
	bev_share: "Share of battery electric vehicles, 0 to 1.",
};
const WITH_CHANGE = {
	...SHARES,
	change: "How many vehicles more than in the snapshot before; in the first snapshot, all of them.",
};

const TABLES: Record<string, Description> = {
	vehicles: {
		about: "Every vehicle that was ever in a snapshot, with its latest values.",
		columns: {
			...VEHICLE,
			row_hash: "Hash of the row of the source that it was last brought up to date from.",
			removed_at: "The first snapshot that did not have it any more. NULL: it is registered.",
		},
	},
	vehicle_changes: {
		about: "What happened to each vehicle after it was first seen. Changes of the point alone are not kept.",
		columns: {
			dol_vehicle_id: VEHICLE_ID,
			changed_at: "The snapshot that showed it.",
			kind: "changed, removed or returned.",
			old: "The columns that changed, as they were before.",
			new: "The same columns, as they are afterwards.",
		},
	},
	snapshots: {
		about: "Every snapshot that was published.",
		columns: {
			snapshot_at: SNAPSHOT_AT,
			manifest_key: "Key of its manifest in the bucket of raw data.",
			manifest_sha256: "SHA-256 of the manifest. NULL for snapshots before it was kept.",
			...COUNTS,
			run_id: "The run that published it.",
			transform_version: "Version of the program that read its rows. NULL before it was kept.",
		},
	},
	snapshot_counts: {
		about:
			"Vehicles of each snapshot by place, model, year and type. vehicles = vehicles in the snapshot before + added + returned - removed + moved_in - moved_out.",
		columns: {
			snapshot_at: SNAPSHOT_AT,
			...COUNTY_FIPS,
			...pick("state", "county", "make", "model", "model_year", "vehicle_type"),
			vehicles: "Registered vehicles. Zero where all have left since the snapshot before.",
			added: COUNTS.added,
			returned: COUNTS.returned,
			removed: COUNTS.removed,
			moved_in: "Vehicles that were registered with another place, model, year or type before.",
			moved_out: "Vehicles that are now registered with another place, model, year or type.",
		},
	},
	runs: {
		about: "Every run that reached the database. Its times are the clock's.",
		columns: {
			run_id: "Name of the workflow's execution.",
			manifest_key: "Key of the manifest that it read.",
			manifest_sha256: "SHA-256 of the manifest. NULL until it was read.",
			status: "running, loaded, unchanged, failed or abandoned.",
			started_at: "When it started.",
			finished_at: "When it ended.",
			snapshot_at: "The snapshot that it read. NULL until the manifest was read.",
			...COUNTS,
			unchanged: "Vehicles that did not differ.",
			duplicates: "Rows that were dropped because another row has the same vehicle.",
			rejected: "Rows that were set aside in rejected_rows.",
			accepted: "Guards that a person overrode for this run.",
			notes: "What people should know of the run.",
			error: "Name of the error that it failed with.",
			message: "The error's message.",
		},
	},
	rejected_rows: {
		about: "Rows that could not be loaded, with their bytes.",
		columns: {
			rejected_row_id: "Number of the record.",
			run_id: "The run that read the row.",
			page: "The page's place in the manifest, from 1.",
			line: "The row's first line in the page, from 1.",
			dol_vehicle_id: "The vehicle, where the row's key can be read.",
			reason: "What is wrong with it.",
			raw: "The row as the source gave it.",
		},
	},
};

const VIEWS: Record<string, Description> = {
	current_vehicles: {
		about: "The vehicles of the latest snapshot.",
		columns: {
			...VEHICLE,
			...COUNTY_FIPS,
			in_first_snapshot: "Whether it was in the very first snapshot; then first_seen_at says nothing about its age.",
		},
	},
	counties: {
		about: "Vehicles of the latest snapshot by county.",
		columns: { ...COUNTY_FIPS, ...pick("state", "county"), ...WITH_CHANGE },
	},
	makes: { about: "Vehicles of the latest snapshot by make.", columns: { ...pick("make"), ...WITH_CHANGE } },
	models: {
		about: "Vehicles of the latest snapshot by model. A renamed model counts as left and arrived.",
		columns: { ...pick("make", "model"), ...WITH_CHANGE },
	},
	model_years: {
		about: "Vehicles of the latest snapshot by model year.",
		columns: { ...pick("model_year"), ...WITH_CHANGE },
	},
	cities: { about: "Vehicles of the latest snapshot by city.", columns: { ...pick("state", "city"), ...SHARES } },
	districts: {
		about: "Vehicles of the latest snapshot by legislative district.",
		columns: { ...pick("legislative_district"), ...SHARES },
	},
	postal_codes: {
		about: "Vehicles of the latest snapshot by ZIP code.",
		columns: { ...pick("state", "postal_code"), ...SHARES },
	},
	tracts: {
		about: "Vehicles of the latest snapshot by census tract.",
		columns: { ...pick("census_tract"), ...SHARES },
	},
	ranges: {
		about: "Electric ranges of the vehicles of the latest snapshot. Use them only where most of them are known.",
		columns: {
			...pick("model_year", "vehicle_type"),
			known: "Vehicles whose range is known.",
			unknown: "Vehicles whose range was not researched.",
			median_miles: "Median of the known ranges, in miles.",
			max_miles: "The longest known range, in miles.",
		},
	},
	arrivals: {
		about: "Vehicles that came to the register after the first snapshot.",
		columns: {
			snapshot_at: "The first snapshot that had it, or had it again.",
			dol_vehicle_id: VEHICLE_ID,
			returned: "Whether it was registered before.",
		},
	},
	departures: {
		about:
			"Vehicles that left the register: sold to another state, scrapped, or not renewed. The source does not say which.",
		columns: { snapshot_at: "The first snapshot that did not have it.", dol_vehicle_id: VEHICLE_ID },
	},
	moves: {
		about: "Vehicles whose county changed while they were registered.",
		columns: {
			snapshot_at: "The first snapshot with the new county.",
			dol_vehicle_id: VEHICLE_ID,
			from_state: "State before.",
			from_county: "County before.",
			to_state: "State afterwards.",
			to_county: "County afterwards.",
		},
	},
	data_quality: {
		about: "How many vehicles of the latest snapshot lack a value, by column.",
		columns: {
			column_name: "Column of current_vehicles.",
			unknown: "Vehicles without a value.",
			share: "Share of the vehicles, 0 to 1.",
			zero_means: "What a 0 of the source stands for, where it is no number.",
		},
	},
};
const VEHICLES_AT =
	"The register as it was at a time: all columns but the point, whose changes are not kept. At the time of a snapshot, exactly that snapshot.";

/** Of every table and view, by name. */
export const DESCRIPTIONS: Record<string, Description> = { ...TABLES, ...VIEWS };

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** Statements that write all descriptions into a schema; running them again does no harm. */
export function commentOn(schema: Schema): string {
	const describe = (kind: "table" | "view", of: Record<string, Description>) =>
		Object.entries(of).flatMap(([name, { about, columns }]) => [
			`comment on ${kind} ${schema}.${name} is ${literal(about)}`,
			...Object.entries(columns).map(
				([column, text]) => `comment on column ${schema}.${name}.${column} is ${literal(text)}`,
			),
		]);
	const onFunction = `comment on function ${schema}.vehicles_at is ${literal(VEHICLES_AT)}`;
	return [...describe("table", TABLES), ...describe("view", VIEWS), onFunction].join(";\n");
}
