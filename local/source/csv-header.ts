/** Finds the header of a CSV export and matches its names, as people's tools write them, with the dataset's columns. */

import { SOURCE_COLUMNS, type SourceColumn } from "../../db/source-columns";
import { splitCsv } from "../../handlers/rows/csv-fields";

export interface CsvHeader {
	/** Names of the columns, as the file gives them, without space around them. */
	names: string[];
	/** The header's line in the file, from 1. */
	line: number;
	/** The first byte after the header's line. */
	end: number;
	/** What was read over, for people. */
	notes: string[];
}

const NEWLINE = 0x0a;
/** How many lines are looked at for a header that stands too low. */
const MAX_LINES = 10;
/** A file is taken for an export if it has this share of the columns. */
const MIN_COLUMNS = SOURCE_COLUMNS.length / 2;
const KEY_COLUMN = SOURCE_COLUMNS.find((column) => column.kind === "key")!;
const SEPARATORS: [string, string][] = [
	[";", "semicolons"],
	["\t", "tabs"],
	["|", "bars"],
];

/** A name without what differs from tool to tool, case and spaces among it: its letters and digits. */
function normalise(name: string): string {
	return name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
}

const BY_NAME = new Map(
	SOURCE_COLUMNS.flatMap((column) => [column.display, column.field].map((name) => [normalise(name), column] as const)),
);

/**
 * The column of the dataset that a name in a file means: `postal code`, `Postal_Code` and `POSTAL.CODE ` are one. Names that
 * begin with a colon are the portal's own.
 */
export function columnOf(name: string): SourceColumn | undefined {
	return name.startsWith(":") ? undefined : BY_NAME.get(normalise(name));
}

/** The field names of a file's columns: the API's for the dataset's, the file's own for any other. */
export function fieldNamesOf(header: string[]): string[] {
	return header.map((name, index) => columnOf(name)?.field ?? (name || `(column ${index + 1}, without a name)`));
}

/** How many of the dataset's columns some names mean. */
export function countColumns(names: string[]): number {
	return new Set(names.map(columnOf).filter((column) => column !== undefined)).size;
}

/** The separator that a spreadsheet's `sep=` line sets; undefined for any other line. */
export function separatorOf(line: string): string | undefined {
	return /^\ufeff?"?sep=(.)"?,*$/i.exec(line.replace(/[ \r]+$/, ""))?.[1];
}

/** What DOS's `copy` puts at the end of a file. */
const DOS_END = "\x1a";

/** Whether a text holds nothing but spaces (a byte-order mark is one), or DOS's end of a file. */
export function isSpace(text: string): boolean {
	return text.replaceAll(DOS_END, "").trim() === "";
}

/** Whether a line holds nothing but spaces, separators and quotes. */
function isBlank(line: string): boolean {
	return isSpace(line.replace(/[,"]/g, ""));
}

/**
 * Finds the header: the first line that is neither empty nor a spreadsheet's `sep=,`.
 * @throws one sentence that names the file, what its first line is, and what to do
 */
export function findHeader(path: string, content: Buffer): CsvHeader {
	const notes: string[] = [];
	for (let line = 1, start = 0; start < content.length; line++) {
		const newline = content.indexOf(NEWLINE, start);
		const end = newline === -1 ? content.length : newline;
		const text = content.toString("utf8", start, end).replace(/^\ufeff|\r$/g, "");
		const separator = separatorOf(text);
		if (separator !== undefined && separator !== ",") throw separated(path, separator);
		if (separator === undefined && !isBlank(text)) {
			const names = splitHeader(path, text, { content, line, end });
			return { names, line, end: Math.min(end + 1, content.length), notes };
		}
		notes.push(`line ${line} is ${separator ? "a spreadsheet's sep=," : "empty"} and was read over`);
		start = end + 1;
	}
	throw new Error(`${path} holds nothing but empty lines; download the export again.`);
}

interface Place {
	content: Buffer;
	line: number;
	end: number;
}

/** Splits the header's line. @throws where it is none of an export */
function splitHeader(path: string, text: string, place: Place): string[] {
	if (text.endsWith("\r"))
		throw new Error(
			`${path} has lines that end in CR CR LF, as Python's csv writes them on Windows without newline=""; ${SAVE_WITH_LF}.`,
		);
	if (endsInReturns(text)) throw new Error(`${path} has lines that end in CR alone; ${SAVE_WITH_LF}.`);
	const names = splitCsv(text)?.map((name) => name.replace(/[\ufeff\u200b]/g, "").trim());
	if (!names || countColumns(names) < MIN_COLUMNS) throw noHeader(path, text, names, place);
	if (!names.some((name) => columnOf(name) === KEY_COLUMN))
		throw new Error(`${path} lacks the column ${KEY_COLUMN.display}, which identifies vehicles.`);
	const fields = fieldNamesOf(names);
	const repeated = fields.findIndex((field, index) => fields.indexOf(field) !== index);
	if (repeated !== -1) {
		const [first, second] = [fields.indexOf(fields[repeated]!), repeated].map((at) => JSON.stringify(names[at]));
		throw new Error(
			`${path} has a column twice, as ${first} and as ${second} (columns ${fields.indexOf(fields[repeated]!) + 1} and ${repeated + 1}); remove the one that is wrong.`,
		);
	}
	return names;
}

export const SAVE_WITH_LF = "save it with line ends of LF or CRLF, or download the CSV export again";

/** Whether what looks like one line is several, of which the first is a header. */
function endsInReturns(text: string): boolean {
	const first = text.split("\r").find((line) => !isBlank(line) && separatorOf(line) === undefined);
	return text.includes("\r") && countColumns(splitCsv(first ?? "") ?? []) >= MIN_COLUMNS;
}

/** What the line is that should be the header. */
function noHeader(path: string, text: string, names: string[] | undefined, { content, line, end }: Place): Error {
	const other = SEPARATORS.find(([separator]) => countColumns(splitBy(text, separator)) >= MIN_COLUMNS);
	if (other) return separated(path, other[0]);
	const lower = content.toString("utf8", end + 1, end + 65_536).split("\n", MAX_LINES);
	const found = lower.findIndex((later) => countColumns(splitCsv(later.trim()) ?? []) >= MIN_COLUMNS);
	if (found !== -1)
		return new Error(`${path} has its header on line ${line + found + 1}; remove the lines above it (${quote(text)}).`);
	const where = line === 1 ? "its first line" : `line ${line}`;
	if (!names)
		return new Error(`${path} is not a CSV file: ${where} has a quote that is not closed, or stands inside a name.`);
	if (names.length === 1 && countColumns(splitCsv(names[0]!) ?? []) >= MIN_COLUMNS)
		return new Error(`${path} has each line in quotes as a whole; download the CSV export again.`);
	const isRow = names.length === SOURCE_COLUMNS.length && names.some((name) => /^POINT ?\(|\((BEV|PHEV)\)$/.test(name));
	if (isRow) return new Error(`${path} has no header: ${where} is a row; put the line of column names above it.`);
	return new Error(
		`${path} is not an export of Electric Vehicle Population Data: of its ${SOURCE_COLUMNS.length} columns it has ${countColumns(names)}, and ${where} is ${quote(text)}; download the CSV export.`,
	);
}

function splitBy(text: string, separator: string): string[] {
	return text.split(separator).map((name) => name.trim().replace(/^"|"$/g, ""));
}

function separated(path: string, separator: string): Error {
	const name = SEPARATORS.find(([of]) => of === separator)?.[1] ?? JSON.stringify(separator);
	return new Error(`${path} is separated by ${name}; save it with commas, or download the CSV export again.`);
}

function quote(text: string): string {
	return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
