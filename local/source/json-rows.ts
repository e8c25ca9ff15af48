/** Rows of a CSV file as SODA's JSON: one a line, empty values left out, numbers as strings, points as GeoJSON. */

import { appendAscii, appendByte, appendPlain, type Output, reserve } from "../../handlers/rows/copy-text";
import type { Fields } from "../../handlers/rows/csv-fields";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const ESCAPES = new Map([
	[QUOTE, '\\"'],
	[BACKSLASH, "\\\\"],
	[0x08, "\\b"],
	[0x09, "\\t"],
	[0x0a, "\\n"],
	[0x0c, "\\f"],
	[0x0d, "\\r"],
]);

/** The longest escape is `\u0000`: six bytes for one, where `reserve` counts with four. */
const RESERVED_PER_BYTE = 2;

export interface JsonField {
	/** The field's name as JSON. */
	name: Buffer;
	isPoint: boolean;
}

/**
 * Appends a row as a JSON object. Values keep their bytes, be they valid UTF-8 or not: the pipeline is to see them.
 * @param fields the header's
 * @param values as many
 */
export function appendJsonRow(output: Output, fields: JsonField[], values: Fields): void {
	const { bytes, places } = values;
	let separator = "{";
	for (const [index, { name, isPoint }] of fields.entries()) {
		const from = places[2 * index]!;
		const to = places[2 * index + 1]!;
		if (from === to) continue;
		reserve(output, name.length + 2);
		appendAscii(output, separator);
		separator = ",";
		appendPlain(output, name);
		appendAscii(output, ":");
		const point = isPoint ? geoJson(bytes.toString("latin1", from, to)) : undefined;
		if (point === undefined) appendJsonString(output, bytes, from, to);
		else {
			reserve(output, point.length);
			appendAscii(output, point);
		}
	}
	reserve(output, 1);
	appendAscii(output, separator === "{" ? "{}" : "}");
}

/** Appends a JSON string of bytes as they are: only what JSON forbids in a string is escaped. */
export function appendJsonString(output: Output, bytes: Uint8Array, from: number, to: number): void {
	reserve(output, RESERVED_PER_BYTE * (to - from) + 1);
	appendByte(output, QUOTE);
	for (let at = from; at < to; at++) {
		const byte = bytes[at]!;
		if (byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH) appendByte(output, byte);
		else appendAscii(output, ESCAPES.get(byte) ?? `\\u${byte.toString(16).padStart(4, "0")}`);
	}
	appendByte(output, QUOTE);
}

/** WKT as GeoJSON; undefined where it would not read back as the same text, which is then handed on as it is. */
function geoJson(text: string): string | undefined {
	const [, longitude, latitude] = /^POINT ?\((-?[\d.]+) (-?[\d.]+)\)$/.exec(text) ?? [];
	if (longitude === undefined || latitude === undefined) return undefined;
	if (String(Number(longitude)) !== longitude || String(Number(latitude)) !== latitude) return undefined;
	return `{"type":"Point","coordinates":[${longitude},${latitude}]}`;
}
