/** The source's values as the database stores them: each is checked in its bytes and encoded for COPY. */

import { type ColumnKind, MAX_TEXT_BYTES } from "../../db/source-columns";
import { appendByte, appendEscaped, appendNull, appendPlain, appendTab, appendText, type Output } from "./copy-text";

/** Appends one value, which is not empty. @returns false where it does not fit; what was appended is then invalid */
type Encode = (output: Output, bytes: Buffer, from: number, to: number) => boolean;

const [ZERO, NINE] = [0x30, 0x39];
const [QUOTE, BACKSLASH, BAR, COMMA, DOT, MINUS, SPACE] = [0x22, 0x5c, 0x7c, 0x2c, 0x2e, 0x2d, 0x20];
const [BRACE_OPEN, BRACE_CLOSE, PARENTHESIS_OPEN, PARENTHESIS_CLOSE] = [0x7b, 0x7d, 0x28, 0x29];

const [TAB, NEWLINE, RETURN, APOSTROPHE, EQUALS] = [0x09, 0x0a, 0x0d, 0x27, 0x3d];
/** 1 for each byte that tools put around a value. */
const WRAPPERS = new Uint8Array(256);
for (const byte of [SPACE, TAB, QUOTE, APOSTROPHE, EQUALS]) WRAPPERS[byte] = 1;

const VEHICLE_TYPES = ["BEV", "PHEV"].map((type) => ({ type: Buffer.from(type), suffix: Buffer.from(`(${type})`) }));
const POINT = Buffer.from("POINT");

/** Fifteen digits are exact in a double; the longest known key has nine. */
const MAX_KEY_DIGITS = 15;
const MAX_COUNT_DIGITS = 9;
/** PostgreSQL refuses a number so small that it rounds to 0. */
const MAX_DECIMALS = 100;

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= ZERO && byte <= NINE;

/** Where a run of digits ends. */
function digitsEnd(bytes: Buffer, from: number, to: number): number {
	let at = from;
	while (at < to && isDigit(bytes[at])) at++;
	return at;
}

/** The number that digits spell. */
function numberOf(bytes: Buffer, from: number, to: number): number {
	let number = 0;
	for (let at = from; at < to; at++) number = 10 * number + bytes[at]! - ZERO;
	return number;
}

/** Whether certain bytes stand at a position. */
function matchesAt(bytes: Buffer, at: number, wanted: Buffer): boolean {
	for (let index = 0; index < wanted.length; index++) if (bytes[at + index] !== wanted[index]) return false;
	return true;
}

/** A vehicle's key; undefined where the bytes are not one. */
export function readKey(bytes: Buffer, from: number, to: number): number | undefined {
	const fits = to > from && to - from <= MAX_KEY_DIGITS && bytes[from] !== ZERO && digitsEnd(bytes, from, to) === to;
	return fits ? numberOf(bytes, from, to) : undefined;
}

const key: Encode = (output, bytes, from, to) => {
	if (readKey(bytes, from, to) === undefined) return false;
	appendPlain(output, bytes, from, to);
	return true;
};

const text: Encode = (output, bytes, from, to) => {
	if (to - from > MAX_TEXT_BYTES || !isBare(bytes, from, to)) return false;
	return appendText(output, bytes, from, to);
};

/**
 * Whether a text is as the source writes it. Spreadsheets and scripts put spaces, quotes, apostrophes and `=` around values; no
 * known snapshot has a text that begins or ends so.
 */
function isBare(bytes: Buffer, from: number, to: number): boolean {
	return WRAPPERS[bytes[from]!] === 0 && WRAPPERS[bytes[to - 1]!] === 0;
}

/** A code of so many digits, kept as text with its leading zeros. */
const code =
	(least: number, most: number): Encode =>
	(output, bytes, from, to) => {
		if (to - from < least || to - from > most || digitsEnd(bytes, from, to) !== to) return false;
		appendPlain(output, bytes, from, to);
		return true;
	};

/** One or two digits without a leading zero. */
const district: Encode = (output, bytes, from, to) => bytes[from] !== ZERO && code(1, 2)(output, bytes, from, to);

/** From 1900 to 2099. */
const year: Encode = (output, bytes, from, to) => {
	if (to - from !== 4 || digitsEnd(bytes, from, to) !== to) return false;
	const century = numberOf(bytes, from, from + 2);
	appendPlain(output, bytes, from, to);
	return century === 19 || century === 20;
};

/** Digits, with or without a point and zeros after them; 0 is unknown. */
const count: Encode = (output, bytes, from, to) => {
	const end = digitsEnd(bytes, from, to);
	if (end === from || end - from > MAX_COUNT_DIGITS) return false;
	if (end < to) {
		let at = end + 1;
		while (at < to && bytes[at] === ZERO) at++;
		// Three zeros would be the thousands of a German spreadsheet.
		if (bytes[end] !== DOT || at < to || at === end + 1 || at > end + 3) return false;
	}
	let first = from;
	while (first < end && bytes[first] === ZERO) first++;
	if (first === end) appendNull(output);
	else appendPlain(output, bytes, first, end);
	return true;
};

const vehicleType: Encode = (output, bytes, from, to) => {
	for (const { type, suffix } of VEHICLE_TYPES) {
		if (to - from < suffix.length || !matchesAt(bytes, to - suffix.length, suffix)) continue;
		appendPlain(output, type);
		return true;
	}
	return false;
};

/** The parts between `|` and `||` as an array literal, each in quotes. https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO */
const list: Encode = (output, bytes, from, to) => {
	if (to - from > MAX_TEXT_BYTES || !isBare(bytes, from, to)) return false;
	let [isEmpty, isOpen] = [true, false];
	for (let at = from; at < to; at++) {
		const byte = bytes[at]!;
		if (byte === BAR) {
			if (isOpen) appendByte(output, QUOTE);
			isOpen = false;
			continue;
		}
		if (!isOpen) {
			appendByte(output, isEmpty ? BRACE_OPEN : COMMA);
			appendByte(output, QUOTE);
			[isEmpty, isOpen] = [false, true];
		}
		if (byte === NEWLINE || byte === RETURN) return false;
		if (byte === QUOTE || byte === BACKSLASH) appendEscaped(output, BACKSLASH);
		appendEscaped(output, byte);
	}
	if (isEmpty) {
		appendNull(output);
		return true;
	}
	if (isOpen) appendByte(output, QUOTE);
	appendByte(output, BRACE_CLOSE);
	return true;
};

/** Where a number ends whose absolute value is at most `limit`; -1 where there is none. */
function coordinateEnd(bytes: Buffer, from: number, to: number, limit: number): number {
	const first = bytes[from] === MINUS ? from + 1 : from;
	let end = digitsEnd(bytes, first, to);
	if (end === first || end - first > 3) return -1;
	const whole = numberOf(bytes, first, end);
	if (bytes[end] === DOT && end < to) {
		const decimals = end + 1;
		end = digitsEnd(bytes, decimals, to);
		if (end === decimals || end - decimals > MAX_DECIMALS) return -1;
	}
	return whole < limit || Number(bytes.toString("latin1", first, end)) <= limit ? end : -1;
}

/** `POINT (longitude latitude)`, in WGS84. */
const point: Encode = (output, bytes, from, to) => {
	if (to - from < POINT.length || !matchesAt(bytes, from, POINT)) return false;
	let at = from + POINT.length;
	if (bytes[at] === SPACE) at++;
	if (bytes[at++] !== PARENTHESIS_OPEN) return false;
	const longitudeEnd = coordinateEnd(bytes, at, to, 180);
	if (longitudeEnd === -1 || bytes[longitudeEnd] !== SPACE) return false;
	const latitudeEnd = coordinateEnd(bytes, longitudeEnd + 1, to, 90);
	if (latitudeEnd !== to - 1 || bytes[latitudeEnd] !== PARENTHESIS_CLOSE) return false;
	appendPlain(output, bytes, at, longitudeEnd);
	appendTab(output);
	appendPlain(output, bytes, longitudeEnd + 1, latitudeEnd);
	return true;
};

/** How each kind of value is encoded. */
export const ENCODERS: Record<ColumnKind, Encode> = {
	key,
	text,
	zip: code(4, 5),
	tract: code(11, 11),
	district,
	year,
	count,
	vehicleType,
	list,
	point,
};
