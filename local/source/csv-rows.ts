/**
 * Finds the rows of a CSV export. Lines that are no rows are dropped and counted: headers of parts that were put together,
 * and empty rows of spreadsheets. A file that was cut off, or holds a vehicle twice, is refused.
 */

import { SOURCE_COLUMNS } from "../../db/source-columns";
import { createFields, type Fields, splitRecord, textOf } from "../../handlers/rows/csv-fields";
import { frameCsv } from "../../handlers/rows/page-records";
import { readKey } from "../../handlers/rows/typed-values";
import { type CsvHeader, columnOf, countColumns, fieldNamesOf, isSpace, SAVE_WITH_LF, separatorOf } from "./csv-header";
import { checkWhole, type LastRecord } from "./cut-files";

const MARK = Buffer.from("\ufeff");

export interface CsvRows {
	/** Where each row begins; the last entry is where the rows end. */
	offsets: number[];
	/** The line of the file on which each row begins, from 1. */
	lines: number[];
	/** The bytes without the lines that were dropped. */
	content: Buffer;
	/** What was dropped, for people. */
	notes: string[];
}

/** Lines of one kind that were dropped. */
interface Dropped {
	count: number;
	/** Line of the first. */
	first: number;
}

interface Row {
	/** Its first byte. */
	start: number;
	line: number;
	/** NaN where it cannot be read. */
	key: number;
}

/** Bytes that were dropped. */
interface Gap {
	start: number;
	end: number;
}

/**
 * Finds the rows of a file.
 * @param acceptDuplicates whether a vehicle may have several rows
 * @throws one sentence that names the file, the line, and what to do
 */
export function findRows(path: string, content: Buffer, header: CsvHeader, acceptDuplicates: boolean): CsvRows {
	const { names } = header;
	const keyIndex = names.findIndex((name) => columnOf(name)?.kind === "key");
	const headers: Dropped = { count: 0, first: 0 };
	const empty: Dropped = { count: 0, first: 0 };
	const count = (dropped: Dropped, line: number, lines = 1) => {
		if (dropped.count === 0) dropped.first = line;
		dropped.count += lines;
	};
	const findDropped = (texts: string[], line: number): Dropped | undefined => {
		if (texts.every(isSpace)) return empty;
		return isHeader(path, texts, names, line) ? headers : undefined;
	};
	const rows: Row[] = [];
	const gaps: Gap[] = [];
	const fields = createFields();
	const last: LastRecord = { start: header.end, end: header.end, line: header.line, wholeEnd: header.end };
	let previousEnd = header.end - 1;

	frameCsv(content, header.end, names.length, (begin, end, lineOfRows) => {
		// frameCsv counts the header as line 1.
		const line = lineOfRows + header.line - 1;
		const skipped = emptyLines(content, previousEnd, begin);
		if (skipped > 0) count(empty, line - skipped, skipped);
		previousEnd = end;
		const start = afterMark(content, begin);
		if (start > begin) gaps.push({ start: begin, end: start });
		const isSplit = splitRecord(content, start, end, fields);
		const isRow = isSplit && fields.count === names.length;
		last.start = start;
		last.end = end;
		last.line = line;
		if (isRow) last.wholeEnd = end;
		const key = isRow ? keyOf(fields, keyIndex) : undefined;
		const dropped = key === undefined && isSplit ? findDropped(textsOf(fields), line) : undefined;
		if (dropped) {
			count(dropped, line);
			gaps.push({ start, end: nextLine(content, end) });
			return;
		}
		if (isSplit && fields.count > names.length) checkLineEnds(path, content, last);
		rows.push({ start, line, key: key ?? Number.NaN });
	});
	checkWhole(path, content, names, last);
	if (rows.length === 0) throw new Error(`${path} has a header and no rows; download the export again.`);
	if (!acceptDuplicates) checkDuplicates(path, rows);
	return { ...removeGaps(content, rows, gaps), lines: rows.map(({ line }) => line), notes: describe(headers, empty) };
}

/** Cuts the gaps out of the content. @returns what is left, and where each row begins in it */
function removeGaps(content: Buffer, rows: Row[], gaps: Gap[]): Pick<CsvRows, "content" | "offsets"> {
	const parts: Buffer[] = [];
	const offsets: number[] = [];
	let [at, removed, row] = [0, 0, 0];
	for (const gap of [...gaps, { start: content.length, end: content.length }]) {
		for (; row < rows.length && rows[row]!.start < gap.start; row++) offsets.push(rows[row]!.start - removed);
		parts.push(content.subarray(at, gap.start));
		at = gap.end;
		removed += gap.end - gap.start;
	}
	offsets.push(content.length - removed);
	return { content: gaps.length ? Buffer.concat(parts) : content, offsets };
}

function keyOf({ bytes, places }: Fields, index: number): number | undefined {
	return readKey(bytes, places[2 * index]!, places[2 * index + 1]!);
}

/** Where a record's text begins: a part that was put together with others may begin with a byte-order mark. */
function afterMark(content: Buffer, begin: number): number {
	const end = begin + MARK.length;
	return content[begin] === MARK[0] && content.subarray(begin, end).equals(MARK) ? end : begin;
}

/** How many empty lines stand between the end of a record and the next one. */
function emptyLines(content: Buffer, end: number, start: number): number {
	if (start - end < 2) return 0;
	let breaks = 0;
	for (let at = end; at < start; at++) if (content[at] === 0x0a) breaks++;
	return breaks - 1;
}

/** Where the line after a record begins. */
function nextLine(content: Buffer, end: number): number {
	const newline = content.indexOf(0x0a, end);
	return newline === -1 ? content.length : newline + 1;
}

function textsOf(fields: Fields): string[] {
	return Array.from({ length: fields.count }, (_, index) => textOf(fields, index));
}

/** Whether a record is the header of a further part. @throws where its columns are others, or stand in another order */
function isHeader(path: string, texts: string[], names: string[], line: number): boolean {
	if (separatorOf(texts.join(",")) === ",") return true;
	if (countColumns(texts) < SOURCE_COLUMNS.length / 2) return false;
	const own = fieldNamesOf(texts.map((text) => text.replace(/\ufeff/g, "").trim()));
	if (own.join("\n").toLowerCase() === fieldNamesOf(names).join("\n").toLowerCase()) return true;
	throw new Error(
		`${path} has a second header on line ${line} with other columns, or in another order; split it there, and load the parts that are whole snapshots.`,
	);
}

/** @throws where a record with too many fields is several lines, whose ends were not seen */
function checkLineEnds(path: string, content: Buffer, { start, end, line }: LastRecord): void {
	const at = content.indexOf(0x0d, start);
	if (at !== -1 && at < end)
		throw new Error(`${path} has lines that end in CR alone, from line ${line} on; ${SAVE_WITH_LF}.`);
}

/** @throws one sentence that says how many vehicles have several rows */
function checkDuplicates(path: string, rows: Row[]): void {
	const sorted = Float64Array.from(rows, ({ key }) => key).sort();
	const keys = new Set(sorted.filter((key, index) => key === sorted[index - 1]));
	if (keys.size === 0) return;
	const [example] = keys;
	const [first, second] = rows.filter(({ key }) => key === example).map(({ line }) => line);
	const vehicles = keys.size === 1 ? "1 vehicle" : `${keys.size.toLocaleString("en-US")} vehicles`;
	throw new Error(
		`${path} has ${vehicles} more than once, for example ${example} on lines ${first} and ${second}; remove the rows that are wrong, or keep one row of each with --accept SourceIncomplete.`,
	);
}

function describe(headers: Dropped, empty: Dropped): string[] {
	const one = ({ count, first }: Dropped, name: string) =>
		count === 0
			? []
			: [
					count === 1
						? `1 ${name} among the rows was dropped, on line ${first}`
						: `${count.toLocaleString("en-US")} ${name}s among the rows were dropped, the first on line ${first}`,
				];
	return [...one(headers, "header line"), ...one(empty, "empty line")];
}
