/** The dictionary of the files: a Frictionless data package. https://datapackage.org/standard/data-package/ */

import type { ColumnType } from "../parquet";
import type { Format, StoredFile } from "./files";
import type { RelationColumn } from "./relations";

const PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json";
const LICENSE = {
	name: "ODbL-1.0",
	title: "Open Database License 1.0",
	path: "https://opendatacommons.org/licenses/odbl/1-0/",
};
const TITLE = "Washington State's electric vehicles";

/** https://datapackage.org/standard/table-schema/#field-types */
const FIELD_TYPES: Record<ColumnType, string> = {
	bigint: "integer",
	integer: "integer",
	smallint: "integer",
	double: "number",
	boolean: "boolean",
	text: "string",
	list: "array",
	timestamp: "datetime",
};

/** Describes the files. @param snapshotAt what they were made from */
export function describeFiles(files: StoredFile[], dataset: string, snapshotAt: Date): object {
	const isSample = dataset === "sample";
	return {
		$schema: PROFILE,
		name: "washington-electric-vehicles",
		title: isSample ? "A made-up sample" : TITLE,
		description: isSample
			? "None of these vehicles exists."
			: "The state's register of battery electric vehicles and plug-in hybrids, with its history.",
		snapshot: snapshotAt.toISOString(),
		...(!isSample && {
			licenses: [LICENSE],
			sources: [
				{
					title: "Electric Vehicle Population Data, Washington State Department of Licensing",
					path: `https://data.wa.gov/d/${dataset}`,
				},
			],
		}),
		resources: files.map(resourceOf),
	};
}

function resourceOf({ path, title, format, mediaType, bytes, sha256, relation }: StoredFile): object {
	return {
		// A name has lower-case letters, digits, "-", "_" and "." only.
		name: path,
		path,
		title,
		description: relation.description,
		// Without ".gz", which tools tell by the path: a file of the format "csv.gz" is no table to them.
		format,
		mediatype: mediaType,
		...(format !== "parquet" && { encoding: "utf-8" }),
		bytes,
		hash: `sha256:${sha256}`,
		schema: { fields: relation.columns.map((column) => fieldOf(column, format)) },
	};
}

function fieldOf({ name, type, isNullable, description }: RelationColumn, format: Format): object {
	const isDelimited = type === "list" && format === "csv";
	return {
		name,
		type: isDelimited ? "list" : FIELD_TYPES[type],
		...(isDelimited && { delimiter: "|" }),
		description,
		...(!isNullable && { constraints: { required: true } }),
	};
}
