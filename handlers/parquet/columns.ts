/** The types that a column of a Parquet file can have here, and how each is read from COPY's text. */

import type { SchemaElement } from "hyparquet-writer";

export type ColumnType = "bigint" | "integer" | "smallint" | "double" | "boolean" | "text" | "list" | "timestamp";

export interface ParquetColumn {
	name: string;
	type: ColumnType;
	/** Whether a value may be missing. */
	isNullable: boolean;
}

/** What the writer takes. */
export type ParquetValue = bigint | number | boolean | string | string[] | Date | null;

/**
 * The types as they are in the file, chosen so that DuckDB, pandas, Spark and Trino read each alike. Times are UTC.
 * https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
const ELEMENTS: Record<Exclude<ColumnType, "list">, Partial<SchemaElement>> = {
	bigint: { type: "INT64" },
	integer: { type: "INT32" },
	smallint: { type: "INT32", converted_type: "INT_16" },
	double: { type: "DOUBLE" },
	boolean: { type: "BOOLEAN" },
	text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
	timestamp: {
		type: "INT64",
		converted_type: "TIMESTAMP_MILLIS",
		// DuckDB takes a time without this for one of no zone.
		logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
	},
};

/** How a field that is not NULL becomes a value. A list is JSON, a timestamp ISO 8601 or PostgreSQL's text with an offset. */
const READ: Record<ColumnType, (field: string) => ParquetValue> = {
	bigint: BigInt,
	integer: Number,
	smallint: Number,
	double: Number,
	boolean: (field) => field === "t",
	text: (field) => field,
	list: (field) => JSON.parse(field),
	timestamp: readTimestamp,
};

export const readerOf = ({ type }: ParquetColumn): ((field: string) => ParquetValue) => READ[type];

/** The file's schema, its columns in order; lists have the three levels that all readers know. */
export function schemaOf(columns: ParquetColumn[]): SchemaElement[] {
	return [{ name: "root", num_children: columns.length }, ...columns.flatMap(elementsOf)];
}

function elementsOf({ name, type, isNullable }: ParquetColumn): SchemaElement[] {
	const repetition_type = isNullable ? "OPTIONAL" : "REQUIRED";
	if (type !== "list") return [{ name, repetition_type, ...ELEMENTS[type] }];
	return [
		{ name, repetition_type, num_children: 1, converted_type: "LIST" },
		{ name: "list", repetition_type: "REPEATED", num_children: 1 },
		{ name: "element", repetition_type: "REQUIRED", ...ELEMENTS.text },
	];
}

/** A snapshot's time repeats thousands of times. */
const times = new Map<string, Date>();
const MOST_TIMES = 10_000;

function readTimestamp(field: string): Date {
	const known = times.get(field);
	if (known) return known;
	// PostgreSQL writes `2024-10-12 00:00:00+00`.
	const time = new Date(field.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
	if (times.size < MOST_TIMES) times.set(field, time);
	return time;
}
