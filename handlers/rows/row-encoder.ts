/** Turns raw rows into typed ones, as lines of COPY's text format, or says why one does not fit. */

import { isUtf8 } from "node:buffer";
import type { ColumnKind, Layout } from "../../db/source";
import type { RawFormat } from "../common/contract";
import { createOutput, type Output, putAscii, putNull, putTab, reserve } from "./copy-text";
import { createFields, joinFields, splitRecord, textOf } from "./fields";
import { PUT, readKey } from "./typed-values";

/** Why a row is set aside, with its key wherever that can be read. */
export interface Refusal {
	key: number | undefined;
	reason: string;
}

export interface RowEncoder {
	/** The lines of a page. */
	readonly output: Output;
	/** Turns to the next page, uncompressed; the lines of the one before it are forgotten. */
	begin(page: Buffer): void;
	/**
	 * Writes the line of the row that stands in the page from `start` up to `end`: its values, separated by tabs, between
	 * what goes before and after them. Nothing is written of a row that does not fit.
	 * @returns its key
	 */
	encode(start: number, end: number, before: string, after: string): number | Refusal;
}

/** Makes the encoder of one snapshot's rows. */
export function createRowEncoder(format: RawFormat, header: string[], layout: Layout): RowEncoder {
	const targets = layout.present.map((column) => ({
		name: column.display,
		put: PUT[column.kind],
		required: column.required ?? false,
		columns: column.targets.length,
		index: layout.fields.indexOf(column),
	}));
	const keyIndex = layout.fields.findIndex((column) => column?.kind === "key");
	const headerNames = new Set(header);
	const output = createOutput();
	const fields = createFields();
	let page: Buffer = fields.bytes;
	/** Whether every byte of the page may stand in a text: then no row's need be looked at. */
	let isText = true;

	const keyOf = () => readKey(fields.bytes, fields.places[2 * keyIndex]!, fields.places[2 * keyIndex + 1]!);

	/** Finds the fields of a CSV row. @returns why it is none */
	const readCsv = (start: number, end: number): Refusal | undefined => {
		if (!splitRecord(page, start, end, fields))
			return { key: undefined, reason: "a quote is not closed, or stands inside a field" };
		if (fields.count !== header.length)
			return { key: undefined, reason: `it has ${fields.count} fields, and the header ${header.length}` };
		if (isText) return undefined;
		const raw = page.subarray(start, end);
		if (!isUtf8(raw)) return { key: keyOf(), reason: "it is not valid UTF-8" };
		return raw.includes(0) ? { key: keyOf(), reason: "it contains a NUL character" } : undefined;
	};

	/** Finds the fields of a JSON row. @returns why it is none */
	const readJson = (start: number, end: number): Refusal | undefined => {
		const isValid = isText || isUtf8(page.subarray(start, end));
		let object: Record<string, unknown>;
		try {
			object = JSON.parse(page.toString(isValid ? "utf8" : "latin1", start, end));
		} catch {
			return { key: undefined, reason: "it is not valid JSON" };
		}
		if (!isObject(object)) return { key: undefined, reason: "it is not a JSON object" };
		// The parser keeps the last of them; and it could be the key.
		if (countNames(page, start, end) > namesIn(object)) return { key: undefined, reason: "it has a field twice" };
		const texts = header.map((name) => jsonText(object[name]));
		joinFields(texts, fields);
		if (!isValid) return { key: keyOf(), reason: "it is not valid UTF-8" };
		const stranger = Object.keys(object).find((name) => !headerNames.has(name) && !name.startsWith(":"));
		if (stranger !== undefined) return { key: keyOf(), reason: `the header has no field named ${quoted(stranger)}` };
		const odd = header.find((name, index) => isOdd(object[name], layout.fields[index]?.kind));
		if (odd !== undefined) return { key: keyOf(), reason: `${odd} is no text, number or point that fits` };
		// Escapes can spell what bytes cannot: a NUL, half a surrogate pair.
		const unfit = texts.findIndex((text) => text.includes("\0") || !text.isWellFormed());
		if (unfit === -1) return undefined;
		return { key: keyOf(), reason: `${header[unfit]} contains a character no text may hold` };
	};

	/** Writes the values that were read. @returns why one does not fit */
	const putValues = (): string | undefined => {
		const { bytes, places } = fields;
		let isFirst = true;
		for (const { name, put, required, columns, index } of targets) {
			const from = places[2 * index]!;
			const to = places[2 * index + 1]!;
			if (!isFirst) putTab(output);
			isFirst = false;
			if (from !== to) {
				if (!put(output, bytes, from, to)) return `${name} does not fit: ${quoted(textOf(fields, index))}`;
				continue;
			}
			if (required) return `${name} is empty`;
			putNull(output);
			for (let column = 1; column < columns; column++) {
				putTab(output);
				putNull(output);
			}
		}
		return undefined;
	};

	const read = format === "csv" ? readCsv : readJson;
	return {
		output,
		begin(next) {
			page = next;
			isText = isUtf8(page) && !page.includes(0);
			output.length = 0;
		},
		encode(start, end, before, after) {
			const refusal = read(start, end);
			if (refusal) return refusal;
			const { length } = output;
			// Around each field there may be a tab, braces and quotes, and `\N` in its place.
			const size = fields.bytes === page ? end - start : fields.bytes.length;
			reserve(output, size + 2 * targets.length + before.length + after.length);
			putAscii(output, before);
			const reason = putValues();
			if (reason !== undefined) {
				output.length = length;
				return { key: keyOf(), reason };
			}
			putAscii(output, after);
			return keyOf()!;
		},
	};
}

/** GeoJSON's point in WGS84: one with a system of coordinates of its own is something else. RFC 7946, section 4. */
function isPoint(value: object): value is { coordinates: number[] } {
	return (
		"type" in value &&
		value.type === "Point" &&
		"coordinates" in value &&
		Array.isArray(value.coordinates) &&
		value.coordinates.every((one) => typeof one === "number") &&
		!("crs" in value)
	);
}

/** How many names a JSON object's text has, its own and those of the objects in it. */
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

/** As many as that, if none stood there twice. */
function namesIn(object: Record<string, unknown>): number {
	const objects = [object, ...Object.values(object).filter(isObject)];
	return objects.reduce((sum, each) => sum + Object.keys(each).length, 0);
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON value as the CSV would have it. */
function jsonText(value: unknown): string {
	if (value === null || value === undefined) return "";
	if (typeof value !== "object") return String(value);
	return isPoint(value) ? `POINT (${value.coordinates.join(" ")})` : "";
}

/** What no text stands for: an object that is no point, true, a number that has lost digits on its way through JSON. */
function isOdd(value: unknown, kind?: ColumnKind): boolean {
	if (kind === undefined || value === null || value === undefined || typeof value === "string") return false;
	if (typeof value === "number") return Math.abs(value) > Number.MAX_SAFE_INTEGER;
	return !(kind === "point" && typeof value === "object" && isPoint(value));
}

/** A value for people. */
function quoted(text: string): string {
	return text.length <= 60 ? JSON.stringify(text) : `a value of ${text.length} characters`;
}
