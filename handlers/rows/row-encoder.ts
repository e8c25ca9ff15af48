/** Turns raw rows into lines of COPY's text format, or says why a row is rejected. */

import { isUtf8 } from "node:buffer";
import type { Layout } from "../../db/source";
import type { RawFormat } from "../common/contract";
import { appendAscii, appendNull, appendTab, createOutput, type Output, reserve } from "./copy-text";
import { createFields, joinFields, splitRecord, textOf } from "./fields";
import { findUnexpectedValue, hasRepeatedName, isObject, jsonText } from "./json-row";
import { ENCODERS, readKey } from "./typed-values";

/** Why a row is rejected, with its key wherever that can be read. */
export interface Refusal {
	key: number | undefined;
	reason: string;
}

export interface RowEncoder {
	/** The lines of the current page. */
	readonly output: Output;
	/** Begins the next page, uncompressed, and clears the output. */
	begin(page: Buffer): void;
	/**
	 * Appends the line of the row in the page's bytes from `start` up to `end`: prefix, values separated by tabs, suffix.
	 * Nothing is appended for a row that is rejected.
	 * @returns the row's key, or why it is rejected
	 */
	encode(start: number, end: number, prefix: string, suffix: string): number | Refusal;
}

/** Creates the encoder of one snapshot's rows. */
export function createRowEncoder(format: RawFormat, header: string[], layout: Layout): RowEncoder {
	const columns = layout.present.map((column) => ({
		name: column.display,
		encode: ENCODERS[column.kind],
		required: column.required ?? false,
		targets: column.targets.length,
		index: layout.fields.indexOf(column),
	}));
	const keyIndex = layout.fields.findIndex((column) => column?.kind === "key");
	const kinds = layout.fields.map((column) => column?.kind);
	const headerNames = new Set(header);
	const output = createOutput();
	const fields = createFields();
	let page: Buffer = fields.bytes;
	/** Whether the whole page is valid text: then no row has to be checked by itself. */
	let isValidPage = true;

	const keyOf = () => readKey(fields.bytes, fields.places[2 * keyIndex]!, fields.places[2 * keyIndex + 1]!);
	const refuse = (reason: string): Refusal => ({ key: keyOf(), reason });

	const parseCsvRow = (start: number, end: number): Refusal | undefined => {
		if (!splitRecord(page, start, end, fields))
			return { key: undefined, reason: "a quote is not closed, or stands inside a field" };
		if (fields.count !== header.length)
			return { key: undefined, reason: `it has ${fields.count} fields, and the header ${header.length}` };
		const problem = isValidPage ? undefined : validateText(page.subarray(start, end));
		return problem === undefined ? undefined : refuse(problem);
	};

	const parseJsonRow = (start: number, end: number): Refusal | undefined => {
		const isValid = isValidPage || isUtf8(page.subarray(start, end));
		let row: Record<string, unknown>;
		try {
			row = JSON.parse(page.toString(isValid ? "utf8" : "latin1", start, end));
		} catch {
			return { key: undefined, reason: "it is not valid JSON" };
		}
		if (!isObject(row)) return { key: undefined, reason: "it is not a JSON object" };
		// JSON.parse keeps only the last value of a name, and the name could be the key's.
		if (hasRepeatedName(page, start, end, row)) return { key: undefined, reason: "it has a field twice" };
		const texts = header.map((name) => jsonText(row[name]));
		joinFields(texts, fields);
		if (!isValid) return refuse("it is not valid UTF-8");
		const unknown = Object.keys(row).find((name) => !headerNames.has(name) && !name.startsWith(":"));
		if (unknown !== undefined) return refuse(`the header has no field named ${quote(unknown)}`);
		const unexpected = findUnexpectedValue(row, header, kinds);
		if (unexpected !== undefined) return refuse(`${unexpected} is no text, number or point that fits`);
		// Escapes can spell what valid UTF-8 cannot: a NUL, half a surrogate pair.
		const unstorable = texts.findIndex((text) => text.includes("\0") || !text.isWellFormed());
		if (unstorable === -1) return undefined;
		return refuse(`${header[unstorable]} contains a character that PostgreSQL cannot store`);
	};

	/** Appends the values of the row that was parsed. @returns why one does not fit */
	const encodeValues = (): string | undefined => {
		const { bytes, places } = fields;
		let isFirst = true;
		for (const { name, encode, required, targets, index } of columns) {
			const from = places[2 * index]!;
			const to = places[2 * index + 1]!;
			if (!isFirst) appendTab(output);
			isFirst = false;
			if (from !== to) {
				if (!encode(output, bytes, from, to)) return `${name} does not fit: ${quote(textOf(fields, index))}`;
				continue;
			}
			if (required) return `${name} is empty`;
			appendNull(output);
			for (let target = 1; target < targets; target++) {
				appendTab(output);
				appendNull(output);
			}
		}
		return undefined;
	};

	/** Appends the line of the row that was parsed. */
	const appendLine = (rowBytes: number, prefix: string, suffix: string): number | Refusal => {
		const { length } = output;
		// Around each field there may be a tab, braces and quotes, and `\N` in its place.
		reserve(output, rowBytes + 2 * columns.length + prefix.length + suffix.length);
		appendAscii(output, prefix);
		const problem = encodeValues();
		if (problem !== undefined) {
			output.length = length;
			return refuse(problem);
		}
		appendAscii(output, suffix);
		return keyOf()!;
	};

	const parse = format === "csv" ? parseCsvRow : parseJsonRow;
	return {
		output,
		begin(next) {
			page = next;
			isValidPage = validateText(page) === undefined;
			output.length = 0;
		},
		encode(start, end, prefix, suffix) {
			const refusal = parse(start, end);
			if (refusal) return refusal;
			return appendLine(fields.bytes === page ? end - start : fields.bytes.length, prefix, suffix);
		},
	};
}

/** @returns why PostgreSQL could not store these bytes as text */
function validateText(bytes: Buffer): string | undefined {
	if (!isUtf8(bytes)) return "it is not valid UTF-8";
	return bytes.includes(0) ? "it contains a NUL character" : undefined;
}

/** A value for people; a long one only by its length. */
function quote(text: string): string {
	return text.length <= 60 ? JSON.stringify(text) : `a value of ${text.length} characters`;
}
