/**
 * The source's columns and where each goes: the one list that headers, types, staging and the merge are drawn from.
 *
 * Names from the dataset's own page and API (data.wa.gov, f6w7-q2d2). Plain data, since closures carry it as it is.
 */

/**
 * Part of each row's hash and kept with each snapshot. Raise it when the same raw row gets another meaning: every row is then
 * read again, and what differs is no change of the source.
 */
export const TRANSFORM_VERSION = 3;

/**
 * How a source value becomes a typed one.
 * - `key`: digits, the vehicle's identity
 * - `text`: as it is; empty is NULL
 * - `zip`, `tract`, `district`: codes of 4 or 5, of 11, of 1 or 2 digits, stored as text. Tools that read a code as a number
 *   lose its leading zeros or digits for good (`98188.0`, `5.30330E+10`), so anything else is rejected
 * - `year`: four digits
 * - `count`: a whole number; empty and 0 both mean "unknown" in this source: NULL
 * - `vehicleType`: BEV or PHEV, from the sentence it is the last word of
 * - `list`: parts joined by `|` or `||`
 * - `point`: WKT or GeoJSON, becomes the two columns of `targets`
 */
export type ColumnKind =
	| "key"
	| "text"
	| "zip"
	| "tract"
	| "district"
	| "year"
	| "count"
	| "vehicleType"
	| "list"
	| "point";

export interface SourceColumn {
	/** Header of the CSV export. */
	display: string;
	/** Field name of the API. */
	field: string;
	kind: ColumnKind;
	/** Columns of `ev.vehicles`. */
	targets: string[];
	/** An empty value is rejected. */
	required?: boolean;
	/** The whole column may be absent from a snapshot; then what is known stays. */
	optional?: boolean;
}

/** In the order of `ev.vehicles`, which is the order that decides between duplicates. */
export const SOURCE_COLUMNS: SourceColumn[] = [
	{ display: "DOL Vehicle ID", field: "dol_vehicle_id", kind: "key", targets: ["dol_vehicle_id"], required: true },
	{ display: "VIN (1-10)", field: "vin_1_10", kind: "text", targets: ["vin_prefix"], required: true },
	{ display: "County", field: "county", kind: "text", targets: ["county"] },
	{ display: "City", field: "city", kind: "text", targets: ["city"] },
	{ display: "State", field: "state", kind: "text", targets: ["state"] },
	{ display: "Postal Code", field: "zip_code", kind: "zip", targets: ["postal_code"] },
	{ display: "Model Year", field: "model_year", kind: "year", targets: ["model_year"], required: true },
	{ display: "Make", field: "make", kind: "text", targets: ["make"], required: true },
	{ display: "Model", field: "model", kind: "text", targets: ["model"] },
	{
		display: "Electric Vehicle Type",
		field: "ev_type",
		kind: "vehicleType",
		targets: ["vehicle_type"],
		required: true,
	},
	{
		display: "Clean Alternative Fuel Vehicle (CAFV) Eligibility",
		field: "cafv_type",
		kind: "text",
		targets: ["cafv_eligibility"],
	},
	{ display: "Electric Range", field: "electric_range", kind: "count", targets: ["electric_range_miles"] },
	// Dropped upstream since, after years of zeros.
	{ display: "Base MSRP", field: "base_msrp", kind: "count", targets: ["base_msrp_usd"], optional: true },
	{
		display: "Legislative District",
		field: "legislative_district",
		kind: "district",
		targets: ["legislative_district"],
	},
	{ display: "Vehicle Location", field: "geocoded_column", kind: "point", targets: ["longitude", "latitude"] },
	{ display: "Electric Utility", field: "electric_utility", kind: "list", targets: ["electric_utilities"] },
	{ display: "2020 Census Tract", field: "_2020_census_tract", kind: "tract", targets: ["census_tract"] },
];

/**
 * Longest text taken for a value, in UTF-8; the longest in the known snapshots has 112. Two of them must fit into one entry
 * of an index, which has 2,704 at most.
 */
export const MAX_TEXT_BYTES = 1000;

/** A snapshot's header, matched with what the database keeps. */
export interface Layout {
	/** The names of a row's fields. */
	header: string[];
	/** For each field of a row, its column; undefined for one that is left out. */
	fields: (SourceColumn | undefined)[];
	/** Columns that are there, in the order of `SOURCE_COLUMNS`. */
	present: SourceColumn[];
	/** Required columns that are not there, by display name. */
	missing: string[];
	/** Header names of a column that stands there already, under this or its other name. */
	repeated: string[];
	/** Header names that no column claims; those of the source's own bookkeeping (`:…`) are not counted. */
	unknown: string[];
}

/** Finds a column's place by either of its names. */
export function matchHeader(header: string[]): Layout {
	const fields = header.map((name) =>
		SOURCE_COLUMNS.find((column) => column.display === name || column.field === name),
	);
	const present = SOURCE_COLUMNS.filter((column) => fields.includes(column));
	return {
		header,
		fields,
		present,
		missing: SOURCE_COLUMNS.filter((column) => !column.optional && !present.includes(column)).map((c) => c.display),
		repeated: header.filter((_, index) => fields[index] && fields.indexOf(fields[index]) !== index),
		unknown: header.filter((name, index) => !fields[index] && !name.startsWith(":")),
	};
}

/**
 * Finds the columns of JSON rows, which carry the names of their fields. The dataset's description may lag behind the rows, so
 * every field of the source is looked for; which of them a snapshot has, its rows show.
 * @param described names of the fields by the dataset's description
 */
export function matchJsonFields(described: string[]): Layout {
	const isDescribed = ({ display, field }: SourceColumn) => described.includes(display) || described.includes(field);
	const others = SOURCE_COLUMNS.filter((column) => !isDescribed(column)).map(({ field }) => field);
	return matchHeader([...described, ...others]);
}
