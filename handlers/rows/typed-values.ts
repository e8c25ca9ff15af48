/** The source's values as the database's: each checked in its bytes and written as COPY takes it. */

import { type ColumnKind, MAX_TEXT_BYTES } from "../../db/source";
import { type Output, putByte, putEscaped, putNull, putPlain, putTab, putText } from "./copy-text";

/** Writes one value, bytes that are not empty. @returns false where it does not fit; what was written then is rubbish */
type Put = (output: Output, bytes: Buffer, from: number, to: number) => boolean;

const [ZERO, NINE] = [0x30, 0x39];
const [QUOTE, BACKSLASH, BAR, COMMA, DOT, MINUS, SPACE] = [0x22, 0x5c, 0x7c, 0x2c, 0x2e, 0x2d, 0x20];
const [BRACE_OPEN, BRACE_CLOSE, PARENTHESIS_OPEN, PARENTHESIS_CLOSE] = [0x7b, 0x7d, 0x28, 0x29];

const VEHICLE_TYPES = ["BEV", "PHEV"].map((type) => ({ type: Buffer.from(type), suffix: Buffer.from(`(${type})`) }));
const POINT = Buffer.from("POINT");

/** Fifteen digits are exact in a double, and nine is the longest known. */
const MAX_KEY_DIGITS = 15;
const MAX_COUNT_DIGITS = 9;
/** No more digits than PostgreSQL can read: it refuses what is too small to be told from 0. */
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

/** Whether the bytes from a place on are these. */
function standsAt(bytes: Buffer, at: number, wanted: Buffer): boolean {
	for (let index = 0; index < wanted.length; index++) if (bytes[at + index] !== wanted[index]) return false;
	return true;
}

/** A vehicle's key, or undefined where the bytes are none. */
export function readKey(bytes: Buffer, from: number, to: number): number | undefined {
	const fits = to > from && to - from <= MAX_KEY_DIGITS && bytes[from] !== ZERO && digitsEnd(bytes, from, to) === to;
	return fits ? numberOf(bytes, from, to) : undefined;
}

const key: Put = (output, bytes, from, to) => {
	if (readKey(bytes, from, to) === undefined) return false;
	putPlain(output, bytes, from, to);
	return true;
};

const text: Put = (output, bytes, from, to) => {
	if (to - from > MAX_TEXT_BYTES) return false;
	putText(output, bytes, from, to);
	return true;
};

/** From 1900 to 2099. */
const year: Put = (output, bytes, from, to) => {
	if (to - from !== 4 || digitsEnd(bytes, from, to) !== to) return false;
	const century = numberOf(bytes, from, from + 2);
	putPlain(output, bytes, from, to);
	return century === 19 || century === 20;
};

/** Digits, perhaps with a point and zeros after them. */
const count: Put = (output, bytes, from, to) => {
	const end = digitsEnd(bytes, from, to);
	if (end === from || end - from > MAX_COUNT_DIGITS) return false;
	if (end < to) {
		let at = end + 1;
		while (at < to && bytes[at] === ZERO) at++;
		if (bytes[end] !== DOT || at < to || at === end + 1) return false;
	}
	let first = from;
	while (first < end && bytes[first] === ZERO) first++;
	if (first === end) putNull(output);
	else putPlain(output, bytes, first, end);
	return true;
};

const vehicleType: Put = (output, bytes, from, to) => {
	for (const { type, suffix } of VEHICLE_TYPES) {
		if (to - from < suffix.length || !standsAt(bytes, to - suffix.length, suffix)) continue;
		putPlain(output, type);
		return true;
	}
	return false;
};

/** The parts between `|` and `||` as an array literal, each in quotes. https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO */
const list: Put = (output, bytes, from, to) => {
	if (to - from > MAX_TEXT_BYTES) return false;
	let [isEmpty, isOpen] = [true, false];
	for (let at = from; at < to; at++) {
		const byte = bytes[at]!;
		if (byte === BAR) {
			if (isOpen) putByte(output, QUOTE);
			isOpen = false;
			continue;
		}
		if (!isOpen) {
			putByte(output, isEmpty ? BRACE_OPEN : COMMA);
			putByte(output, QUOTE);
			[isEmpty, isOpen] = [false, true];
		}
		if (byte === QUOTE || byte === BACKSLASH) putEscaped(output, BACKSLASH);
		putEscaped(output, byte);
	}
	if (isEmpty) {
		putNull(output);
		return true;
	}
	if (isOpen) putByte(output, QUOTE);
	putByte(output, BRACE_CLOSE);
	return true;
};

/** Where a number ends that is of no greater size than `limit`, -1 where none begins. */
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
const point: Put = (output, bytes, from, to) => {
	if (to - from < POINT.length || !standsAt(bytes, from, POINT)) return false;
	let at = from + POINT.length;
	if (bytes[at] === SPACE) at++;
	if (bytes[at++] !== PARENTHESIS_OPEN) return false;
	const longitudeEnd = coordinateEnd(bytes, at, to, 180);
	if (longitudeEnd === -1 || bytes[longitudeEnd] !== SPACE) return false;
	const latitudeEnd = coordinateEnd(bytes, longitudeEnd + 1, to, 90);
	if (latitudeEnd !== to - 1 || bytes[latitudeEnd] !== PARENTHESIS_CLOSE) return false;
	putPlain(output, bytes, at, longitudeEnd);
	putTab(output);
	putPlain(output, bytes, longitudeEnd + 1, latitudeEnd);
	return true;
};

/** How each kind of value is written. */
export const PUT: Record<ColumnKind, Put> = { key, text, year, count, vehicleType, list, point };
