/**
 * Finds the records of a raw page in its bytes, valid or not. Every byte that is not a separator belongs to exactly one
 * record, so that a damaged record is rejected and the rest still loads.
 */

import { createFields, splitRecord } from "./csv-fields";

/** One record: its first byte, the byte after its last, and its first line in the page, from 1. */
export type OnRecord = (start: number, end: number, line: number) => void;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;

/** A quoted field may contain line breaks; a record longer than this has a quote that was never closed. */
const MAX_RECORD_BYTES = 1024 * 1024;

/**
 * Finds the records of a CSV page (RFC 4180). Empty lines are skipped.
 *
 * A record whose quotes do not close, or that spans lines and has the wrong number of fields, ends at its first line break,
 * so that only that line is lost.
 * @param page uncompressed
 * @param start 0, or where the first line after the header begins
 * @param columns how many fields a row has
 */
export function frameCsv(page: Buffer, start: number, columns: number, onRecord: OnRecord): void {
	const { length } = page;
	const find = (byte: number, from: number) => {
		const at = page.indexOf(byte, from);
		return at === -1 ? length : at;
	};
	let nextQuote = find(QUOTE, start);
	let line = start === 0 ? 1 : 2;
	let begin = start;
	while (begin < length) {
		let end = find(NEWLINE, begin);
		let lines = 1;
		if (nextQuote < end) {
			let open = false;
			for (let at = nextQuote; at < end; at++) if (page[at] === QUOTE) open = !open;
			if (open) {
				const record = quotedRecord(page, begin, end, columns);
				end = record.end;
				lines = record.lines;
			}
			nextQuote = find(QUOTE, end);
		}
		const last = end > begin && page[end - 1] === RETURN ? end - 1 : end;
		if (last > begin) onRecord(begin, last, line);
		begin = end + 1;
		line += lines;
	}
}

/** Where a record ends whose first line leaves a quote open: after further lines if that makes a row, otherwise right there. */
function quotedRecord(page: Buffer, begin: number, firstEnd: number, columns: number): { end: number; lines: number } {
	const limit = Math.min(page.length, begin + MAX_RECORD_BYTES);
	let open = true;
	let lines = 1;
	for (let at = firstEnd; at < limit; at++) {
		if (page[at] === QUOTE) open = !open;
		else if (page[at] === NEWLINE) {
			if (!open) return isRow(page, begin, at, columns) ? { end: at, lines } : { end: firstEnd, lines: 1 };
			lines++;
		}
	}
	const closedAtEnd = !open && limit === page.length && isRow(page, begin, limit, columns);
	return closedAtEnd ? { end: limit, lines } : { end: firstEnd, lines: 1 };
}

function isRow(page: Buffer, begin: number, end: number, columns: number): boolean {
	const fields = createFields();
	return splitRecord(page, begin, page[end - 1] === RETURN ? end - 1 : end, fields) && fields.count === columns;
}

/**
 * Finds the elements of a JSON page, an array of objects. SODA writes one to a line, but any layout is read.
 *
 * A string in JSON contains no line break, and SODA begins a row's line with `,{`. Where either occurs inside an element, the
 * element is damaged and ends there.
 * @param page uncompressed
 * @returns what is wrong with the page as a whole, or undefined
 */
export function frameJson(page: Buffer, onRecord: OnRecord): string | undefined {
	const { length } = page;
	let at = 0;
	let line = 1;
	const skipSpace = () => {
		while (at < length && (page[at] === 0x20 || page[at] === 0x09 || page[at] === 0x0d || page[at] === 0x0a)) {
			if (page[at] === 0x0a) line++;
			at++;
		}
	};
	skipSpace();
	if (page[at] !== 0x5b) return `it does not begin with [ on line ${line}`;
	at++;
	for (;;) {
		skipSpace();
		if (page[at] === 0x2c) {
			at++;
			continue;
		}
		if (at >= length) return `its array is not closed on line ${line}`;
		if (page[at] === 0x5d) {
			at++;
			skipSpace();
			return at < length ? `something follows its array on line ${line}` : undefined;
		}
		const element = jsonElement(page, at);
		onRecord(at, element.end, line);
		line += element.lines;
		at = element.end;
	}
}

/** Where the element that begins at `begin` ends: where its brackets close, or where it proves to be damaged. */
function jsonElement(page: Buffer, begin: number): { end: number; lines: number } {
	const { length } = page;
	let depth = 0;
	let lines = 0;
	for (let at = begin; at < length; at++) {
		switch (page[at]) {
			case 0x22: // a string
				for (at++; at < length && page[at] !== 0x22; at++) {
					if (page[at] === 0x5c) at++;
					if (page[at] === 0x0a) return { end: at, lines };
				}
				break;
			case 0x7b: // {
			case 0x5b: // [
				depth++;
				break;
			case 0x7d: // }
			case 0x5d: // ]
				if (depth === 0) return { end: Math.max(at, begin + 1), lines };
				depth--;
				if (depth === 0) return { end: at + 1, lines };
				break;
			case 0x2c: // ,
				if (depth === 0) return { end: at, lines };
				break;
			case 0x0a:
				if (depth === 0 || (page[at + 1] === 0x2c && page[at + 2] === 0x7b)) return { end: at, lines };
				lines++;
				break;
		}
	}
	return { end: length, lines };
}
