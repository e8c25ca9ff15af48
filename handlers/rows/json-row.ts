/** The values of a JSON row: read as the CSV export would write them, and checked for what JSON alone can hold. */

import type { ColumnKind } from "../../db/source-columns";

export function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON value as the CSV export would write it. */
export function jsonText(value: unknown): string {
	if (value === null || value === undefined) return "";
	if (typeof value !== "object") return String(value);
	return isPoint(value) ? `POINT (${value.coordinates.join(" ")})` : "";
}

/**
 * Finds a value that no text stands for: an object that is no point, a boolean, a number too large to be exact.
 * @param kinds of the columns, in the header's order; undefined for a field that is left out
 * @returns the field's name
 */
export function findUnexpectedValue(
	row: Record<string, unknown>,
	header: string[],
	kinds: (ColumnKind | undefined)[],
): string | undefined {
	return header.find((name, index) => isUnexpected(row[name], kinds[index]));
}

function isUnexpected(value: unknown, kind: ColumnKind | undefined): boolean {
	if (kind === undefined || value === null || value === undefined || typeof value === "string") return false;
	if (typeof value === "number") return Math.abs(value) > Number.MAX_SAFE_INTEGER;
	return !(kind === "point" && typeof value === "object" && isPoint(value));
}

/** GeoJSON's point in WGS84; one with a `crs` uses other coordinates. RFC 7946, section 4. */
function isPoint(value: object): value is { coordinates: number[] } {
	return (
		"type" in value &&
		value.type === "Point" &&
		"coordinates" in value &&
		Array.isArray(value.coordinates) &&
		value.coordinates.every((coordinate) => typeof coordinate === "number") &&
		!("crs" in value)
	);
}

/** Whether a name occurs twice in a row's text, or in an object in it. @param row what JSON.parse made of the text */
export function hasRepeatedName(page: Buffer, start: number, end: number, row: Record<string, unknown>): boolean {
	const objects = [row, ...Object.values(row).filter(isObject)];
	const distinct = objects.reduce((sum, object) => sum + Object.keys(object).length, 0);
	return countNames(page, start, end) > distinct;
}

/** How many names an object's text has, with those of the objects directly in it. */
function countNames(page: Buffer, start: number, end: number): number {
	let names = 0;
	let depth = 0;
	let inString = false;
	for (let at = start; at < end; at++) {
		const byte = page[at];
		if (byte === 0x22) inString = !inString;
		else if (inString) at += byte === 0x5c ? 1 : 0;
		else if (byte === 0x7b || byte === 0x5b) depth++;
		else if (byte === 0x7d || byte === 0x5d) depth--;
		else if (byte === 0x3a && depth <= 2) names++;
	}
	return names;
}
