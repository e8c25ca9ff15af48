/** Turns raw rows into lines of COPY's text format, or says why a row is rejected. */

import { isUtf8 } from "node:buffer";
import type { Layout, SourceColumn } from "../../db/source-columns";
import type { RawFormat } from "../common/contract";
import { appendAscii, appendNull, appendTab, createOutput, type Output, reserve } from "./copy-text";
import { createFields, joinFields, splitRecord, textOf } from "./csv-fields";
import { findUnexpectedValue, hasRepeatedName, isObject, jsonText } from "./json-row";
import { isMissing } from "./missing-words";
import { ENCODERS, readKey } from "./typed-values";

/** Why a row is rejected, with its key wherever that can be read. */
export interface Refusal {
	key: number | undefined;
	reason: string;
}

export interface RowEncoder {
	/** The lines of the current page. */
	readonly output: Output;
	/** What was found in the rows so far. */
	readonly findings: Findings;
	/** Begins the next page, uncompressed, and clears the output. */
	begin(page: Buffer): void;
	/**
	 * Appends the line of the row in the page's bytes from `start` up to `end`: prefix, hash, values and suffix. Nothing is
	 * appended for a row that is rejected.
	 * @returns the row's key, or why it is rejected
	 */
	encode(start: number, end: number, frame: LineFrame): number | Refusal;
	/** Looks for the columns without a value yet in a row that is not encoded, because the database knows it. */
	inspect(start: number, end: number): void;
}

/** What a line holds beside the row's values. */
export interface LineFrame {
	prefix: string;
	/** Of the raw row, 64 bits. */
	hash: bigint;
	suffix: string;
}

/** What a snapshot's rows show beyond their values. */
export interface Findings {
	/** Columns of which no row has a value; a raw `0` is one. */
	withoutValue: Set<SourceColumn>;
	/** Fields of JSON rows that neither the header nor the database has. */
	unknownFields: Set<string>;
	/** Cells with a word for a missing value, by the word. */
	missingWords: Map<string, number>;
}

const NEWLINE = 0x0a;
/** What a tool writes in the place of a character that it could not read. */
const REPLACEMENT = "\ufffd";
const LOST_CHARACTER = "it contains U+FFFD, in the place of a character that was lost";

/** Creates the encoder of one snapshot's rows. */
export function createRowEncoder(format: RawFormat, header: string[], layout: Layout): RowEncoder {
	const columns = layout.present.map((column) => ({
		column,
		name: column.display,
		encode: ENCODERS[column.kind],
		required: column.required ?? false,
		targets: column.targets.length,
		index: layout.fields.indexOf(column),
	}));
	const keyIndex = layout.fields.findIndex((column) => column?.kind === "key");
	const kinds = layout.fields.map((column) => column?.kind);
	const headerNames = new Set(header);
	const findings: Findings = {
		withoutValue: new Set(layout.present),
		unknownFields: new Set(),
		missingWords: new Map(),
	};
	/** Whether the row that was parsed last has such fields. */
	let hasUnknownFields = false;
	const output = createOutput();
	const fields = createFields();
	let page: Buffer = fields.bytes;
	/** Whether the whole page passes `validateText`: then no row has to be checked by itself. */
	let isCleanPage = true;

	const keyOf = () => readKey(fields.bytes, fields.places[2 * keyIndex]!, fields.places[2 * keyIndex + 1]!);
	const refuse = (reason: string): Refusal => ({ key: keyOf(), reason });

	const parseCsvRow = (start: number, end: number): Refusal | undefined => {
		// A stray quote makes one record of all rows up to the next: it could be of any of their vehicles.
		const lineEnd = page.indexOf(NEWLINE, start);
		if (lineEnd !== -1 && lineEnd < end) return { key: undefined, reason: "a quoted value runs over a line break" };
		if (!splitRecord(page, start, end, fields))
			return { key: undefined, reason: "a quote is not closed, or stands inside a field" };
		if (fields.count !== header.length)
			return { key: undefined, reason: `it has ${fields.count} fields, and the header ${header.length}` };
		const problem = isCleanPage ? undefined : validateText(page.subarray(start, end));
		return problem === undefined ? undefined : refuse(problem);
	};

	const parseJsonRow = (start: number, end: number): Refusal | undefined => {
		const isValid = isCleanPage || isUtf8(page.subarray(start, end));
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
		const unknown = Object.keys(row).filter((name) => !headerNames.has(name) && !name.startsWith(":"));
		for (const name of unknown) findings.unknownFields.add(name);
		hasUnknownFields = unknown.length > 0;
		const unexpected = findUnexpectedValue(row, header, kinds);
		if (unexpected !== undefined) return refuse(`${unexpected} is no text, number or point that fits`);
		const lost = texts.findIndex((text) => text.includes(REPLACEMENT));
		if (lost !== -1) return refuse(LOST_CHARACTER);
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
				if (!isMissing(bytes, from, to)) {
					if (!encode(output, bytes, from, to)) return `${name} does not fit: ${quote(textOf(fields, index))}`;
					continue;
				}
				const word = textOf(fields, index);
				findings.missingWords.set(word, (findings.missingWords.get(word) ?? 0) + 1);
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
	const appendLine = (rowBytes: number, { prefix, hash, suffix }: LineFrame): number | Refusal => {
		const { length } = output;
		// A row with unknown fields gets another hash, so that it is never taken for known and the fields are found again.
		const start = `${prefix}${BigInt.asIntN(64, hasUnknownFields ? ~hash : hash)}\t`;
		// Around each field there may be a tab, braces and quotes, and `\N` in its place.
		reserve(output, rowBytes + 2 * columns.length + start.length + suffix.length);
		appendAscii(output, start);
		const problem = encodeValues();
		if (problem !== undefined) {
			output.length = length;
			return refuse(problem);
		}
		appendAscii(output, suffix);
		return keyOf()!;
	};

	/** Notes which columns the row that was parsed has values of. */
	const noteValues = () => {
		const { bytes, places } = fields;
		for (const { column, index } of columns) {
			const from = places[2 * index]!;
			const to = places[2 * index + 1]!;
			if (from !== to && !isMissing(bytes, from, to)) findings.withoutValue.delete(column);
		}
	};

	const parse = format === "csv" ? parseCsvRow : parseJsonRow;
	return {
		output,
		findings,
		inspect(start, end) {
			if (findings.withoutValue.size > 0 && !parse(start, end)) noteValues();
		},
		begin(next) {
			page = next;
			isCleanPage = validateText(page) === undefined;
			output.length = 0;
		},
		encode(start, end, frame) {
			const refusal = parse(start, end);
			if (refusal) return refusal;
			if (findings.withoutValue.size > 0) noteValues();
			return appendLine(fields.bytes === page ? end - start : fields.bytes.length, frame);
		},
	};
}

/** @returns why PostgreSQL could not store these bytes as text */
function validateText(bytes: Buffer): string | undefined {
	if (!isUtf8(bytes)) return "it is not valid UTF-8";
	if (bytes.includes(REPLACEMENT)) return LOST_CHARACTER;
	return bytes.includes(0) ? "it contains a NUL character" : undefined;
}

/** A value for people; a long one only by its length. */
function quote(text: string): string {
	return text.length <= 60 ? JSON.stringify(text) : `a value of ${text.length} characters`;
}
