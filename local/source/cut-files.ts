/**
 * Tells a whole file from one that was cut off. A whole file ends with a line break. Without one, the last row must have all
 * its fields, and the last of them must be a value that could not be longer: a census tract of 11 digits, a closed point.
 */

import type { ColumnKind } from "../../db/source-columns";
import { createFields, splitRecord, textOf } from "../../handlers/rows/csv-fields";
import { columnOf, isSpace } from "./csv-header";

/** The last record of a file. */
export interface LastRecord {
	start: number;
	end: number;
	/** In the file, from 1. */
	line: number;
	/** Where the last record ends that has as many fields as the header. */
	wholeEnd: number;
}

/** Values to which no character could be added. */
const COMPLETE: Partial<Record<ColumnKind, RegExp>> = {
	tract: /^\d{11}$/,
	zip: /^\d{5}$/,
	year: /^\d{4}$/,
	district: /^\d{2}$/,
	point: /^POINT ?\(\S+ \S+\)$/,
	vehicleType: /\((BEV|PHEV)\)$/,
};

const QUOTE = 0x22;

/**
 * Checks that a file was not cut off.
 * @param header names of the columns
 * @throws one sentence with the line, the fields found and expected, and what to do
 */
export function checkWhole(path: string, content: Buffer, header: string[], last: LastRecord): void {
	const { start, end, line, wholeEnd } = last;
	if (isQuoteOpen(content, wholeEnd))
		throw new Error(
			`${path} is cut off inside a quoted value: a quote that opens after the last whole row, near line ${line}, is never closed; ${WHAT_TO_DO}.`,
		);
	const hasEnd = content[content.length - 1] === 0x0a || content[content.length - 1] === 0x0d;
	if (hasEnd || start >= end || isSpace(content.toString("utf8", start, end))) return;
	const fields = createFields();
	if (!splitRecord(content, start, end, fields))
		throw cut(path, `line ${line} has no line end, and a quote stands inside one of its fields`);
	const found = fields.count;
	if (found !== header.length)
		throw cut(
			path,
			`line ${line} has no line end, and ${found === 1 ? "1 field" : `${found} fields`} where ${header.length} are expected`,
		);
	const name = header[header.length - 1]!;
	const value = textOf(fields, fields.count - 1);
	const kind = columnOf(name)?.kind;
	if (!kind || !COMPLETE[kind]?.test(value))
		throw cut(
			path,
			`line ${line} has no line end, and the last of its ${found} fields (${header.length} are expected), ${name}, may go on after ${JSON.stringify(value.slice(-20))}`,
		);
}

const WHAT_TO_DO =
	"download it again, or, if nothing is missing, end its last line with a line break, as every whole file does";

function cut(path: string, what: string): Error {
	return new Error(`${path} is cut off: ${what}; ${WHAT_TO_DO}.`);
}

/** Whether a quote that opens from some place on is open at the end. */
function isQuoteOpen(content: Buffer, from: number): boolean {
	let isOpen = false;
	for (let at = content.indexOf(QUOTE, from); at !== -1; at = content.indexOf(QUOTE, at + 1)) isOpen = !isOpen;
	return isOpen;
}
