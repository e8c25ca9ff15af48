/** Turns a raw row into a typed one, as a line of COPY's text format, or says why it does not fit. */

import { type ColumnKind, type Layout, MAX_TEXT_BYTES } from "../db/source";
import type { RawFormat } from "./contract";
import { splitCsv } from "./records";

/** A row's typed values for COPY, tab-separated, or the reason why it is set aside; the key wherever it can be read. */
export type Row = { key: number; values: string } | { key: number | undefined; reason: string };

/** Values of one row as text, in the header's order; `undefined` is a field that is absent, as SODA leaves out NULLs. */
type Fields = (string | undefined)[];

/**
 * Makes the reader of one snapshot's rows.
 *
 * All that a row needs is local to this function: what a closure captures from outside is looked up anew at every use,
 * which costs a hot loop two to three times its speed.
 */
export function createRowReader(format: RawFormat, header: string[], layout: Layout): (raw: Buffer) => Row {
	const NULL = "\\N";
	const maxBytes = MAX_TEXT_BYTES;
	const split = splitCsv;
	const targets = layout.present.map((column) => ({
		name: column.display,
		kind: column.kind,
		required: column.required ?? false,
		/** NULL for each of its columns. */
		none: column.targets.map(() => NULL).join("\t"),
		index: layout.fields.indexOf(column),
	}));
	const keyIndex = layout.fields.findIndex((column) => column?.kind === "key");
	const knownFields = new Set(header);
	const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

	/** No character takes more than three bytes a unit, so that only long text must be looked at. */
	const isShort = (text: string) => text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes;

	/** COPY's text format: backslash escapes. */
	const escaped = (text: string) =>
		/[\\\t\n\r]/.test(text)
			? text.replace(/[\\\t\n\r]/g, (c) => (c === "\\" ? "\\\\" : c === "\t" ? "\\t" : c === "\n" ? "\\n" : "\\r"))
			: text;

	/** The elements of an array literal, quoted for PostgreSQL. */
	const arrayLiteral = (parts: string[]) => `{${parts.map((part) => `"${part.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;

	/** A value that is not empty, typed and ready for COPY; undefined where it does not fit. */
	const typed: Record<ColumnKind, (text: string) => string | undefined> = {
		// Fifteen digits are exact in a double, and nine is the longest known.
		key: (text) => (/^[1-9]\d{0,14}$/.test(text) ? text : undefined),
		text: (text) => (isShort(text) ? escaped(text) : undefined),
		year: (text) => (/^(19|20)\d\d$/.test(text) ? text : undefined),
		count: (text) => {
			const digits = /^(\d{1,9})(?:\.0+)?$/.exec(text)?.[1];
			return digits === undefined ? undefined : Number(digits) === 0 ? NULL : String(Number(digits));
		},
		vehicleType: (text) => /\((BEV|PHEV)\)$/.exec(text)?.[1],
		list: (text) => {
			const parts = text.split("|").filter((part) => part !== "");
			return !isShort(text) ? undefined : parts.length ? escaped(arrayLiteral(parts)) : NULL;
		},
		point: (text) => {
			// No more digits than PostgreSQL can read: it refuses what is too small to be told from 0.
			const [, longitude, latitude] =
				/^POINT ?\((-?\d{1,3}(?:\.\d{1,100})?) (-?\d{1,3}(?:\.\d{1,100})?)\)$/.exec(text) ?? [];
			if (longitude === undefined || latitude === undefined) return undefined;
			return Math.abs(Number(longitude)) <= 180 && Math.abs(Number(latitude)) <= 90
				? `${longitude}\t${latitude}`
				: undefined;
		},
	};

	const quoted = (text: string) => (text.length <= 60 ? JSON.stringify(text) : `a value of ${text.length} characters`);
	const keyOf = (fields: Fields) => (typed.key(fields[keyIndex] ?? "") ? Number(fields[keyIndex]) : undefined);

	const rowOf = (fields: Fields): Row => {
		let values = "";
		for (const target of targets) {
			const text = fields[target.index] ?? "";
			let value: string | undefined = target.none;
			if (text !== "") value = typed[target.kind](text);
			else if (target.required) return { key: keyOf(fields), reason: `${target.name} is empty` };
			if (value === undefined) return { key: keyOf(fields), reason: `${target.name} does not fit: ${quoted(text)}` };
			values += values === "" ? value : `\t${value}`;
		}
		return { key: Number(fields[keyIndex]), values };
	};

	const decode = (raw: Buffer): string | undefined => {
		try {
			return utf8.decode(raw);
		} catch {
			return undefined;
		}
	};

	const csvRow = (raw: Buffer): Row => {
		const text = decode(raw);
		const fields = split(text ?? raw.toString("latin1"));
		if (!fields) return { key: undefined, reason: "a quote is not closed, or stands inside a field" };
		if (fields.length !== header.length)
			return { key: undefined, reason: `it has ${fields.length} fields, and the header ${header.length}` };
		if (text === undefined) return { key: keyOf(fields), reason: "it is not valid UTF-8" };
		if (text.includes("\0")) return { key: keyOf(fields), reason: "it contains a NUL character" };
		return rowOf(fields);
	};

	/** GeoJSON's point in WGS84: one with a system of coordinates of its own is something else. RFC 7946, section 4. */
	const isPoint = (value: object): value is { coordinates: number[] } =>
		"type" in value &&
		value.type === "Point" &&
		"coordinates" in value &&
		Array.isArray(value.coordinates) &&
		value.coordinates.every((one) => typeof one === "number") &&
		!("crs" in value);

	/** A JSON value as the CSV would have it. */
	const textOf = (value: unknown): string | undefined => {
		if (value === null || value === undefined) return undefined;
		if (typeof value !== "object") return String(value);
		return isPoint(value) ? `POINT (${value.coordinates.join(" ")})` : undefined;
	};

	/** What no text stands for: an object that is no point, true, a number that has lost digits on its way through JSON. */
	const isOdd = (value: unknown, kind?: ColumnKind): boolean => {
		if (kind === undefined || value === null || value === undefined || typeof value === "string") return false;
		if (typeof value === "number") return Math.abs(value) > Number.MAX_SAFE_INTEGER;
		return !(kind === "point" && typeof value === "object" && isPoint(value));
	};

	const jsonRow = (raw: Buffer): Row => {
		const text = decode(raw);
		let object: Record<string, unknown>;
		try {
			object = JSON.parse(text ?? raw.toString("latin1"));
		} catch {
			return { key: undefined, reason: "it is not valid JSON" };
		}
		if (typeof object !== "object" || object === null || Array.isArray(object))
			return { key: undefined, reason: "it is not a JSON object" };
		const fields = header.map((name) => textOf(object[name]));
		if (text === undefined) return { key: keyOf(fields), reason: "it is not valid UTF-8" };
		const stranger = Object.keys(object).find((name) => !knownFields.has(name) && !name.startsWith(":"));
		if (stranger !== undefined)
			return { key: keyOf(fields), reason: `the header has no field named ${quoted(stranger)}` };
		const odd = header.find((name, index) => isOdd(object[name], layout.fields[index]?.kind));
		if (odd !== undefined) return { key: keyOf(fields), reason: `${odd} is no text, number or point that fits` };
		// Escapes can spell what bytes cannot: a NUL, half a surrogate pair.
		const unfit = fields.findIndex((field) => field?.includes("\0") || field?.isWellFormed() === false);
		if (unfit !== -1) return { key: keyOf(fields), reason: `${header[unfit]} contains a character no text may hold` };
		return rowOf(fields);
	};

	return format === "csv" ? csvRow : jsonRow;
}
