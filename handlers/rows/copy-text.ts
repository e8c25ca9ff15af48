/** COPY's text format, written byte by byte. https://www.postgresql.org/docs/18/sql-copy.html */

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BACKSLASH = 0x5c;
const LETTERS = new Map([
	[TAB, 0x74],
	[NEWLINE, 0x6e],
	[RETURN, 0x72],
	[BACKSLASH, BACKSLASH],
]);

/** The most bytes that one byte becomes: a backslash in a list is escaped twice. */
const MAX_BYTES_PER_BYTE = 4;

/** A growing buffer: its first `length` bytes are written. */
export interface Output {
	bytes: Buffer;
	length: number;
}

export function createOutput(): Output {
	return { bytes: Buffer.allocUnsafe(64 * 1024), length: 0 };
}

/** Grows the buffer for a row: bytes written past its end would be lost silently. @param size bytes of its fields and of all around them */
export function reserve(output: Output, size: number): void {
	const needed = output.length + MAX_BYTES_PER_BYTE * size;
	if (needed <= output.bytes.length) return;
	const larger = Buffer.allocUnsafe(Math.max(needed, 2 * output.bytes.length));
	output.bytes.copy(larger, 0, 0, output.length);
	output.bytes = larger;
}

export function appendByte(output: Output, byte: number): void {
	output.bytes[output.length++] = byte;
}

/** Bytes that need no escape. */
export function appendPlain(output: Output, bytes: Uint8Array, from = 0, to = bytes.length): void {
	const { bytes: out } = output;
	let { length } = output;
	for (let at = from; at < to; at++) out[length++] = bytes[at]!;
	output.length = length;
}

/** ASCII that needs no escape. */
export function appendAscii(output: Output, text: string): void {
	for (let at = 0; at < text.length; at++) output.bytes[output.length++] = text.charCodeAt(at);
}

/** Any byte, escaped where it must be. */
export function appendEscaped(output: Output, byte: number): void {
	const letter = byte <= RETURN || byte === BACKSLASH ? LETTERS.get(byte) : undefined;
	if (letter !== undefined) appendByte(output, BACKSLASH);
	appendByte(output, letter ?? byte);
}

/** Text, escaped. @returns false where it contains a line break, which no value of the source has */
export function appendText(output: Output, bytes: Uint8Array, from: number, to: number): boolean {
	const { bytes: out } = output;
	for (let at = from; at < to; at++) {
		const byte = bytes[at]!;
		if (byte > RETURN && byte !== BACKSLASH) out[output.length++] = byte;
		else if (byte === NEWLINE || byte === RETURN) return false;
		else appendEscaped(output, byte);
	}
	return true;
}

export function appendNull(output: Output): void {
	appendByte(output, BACKSLASH);
	appendByte(output, 0x4e); // N
}

export function appendTab(output: Output): void {
	appendByte(output, TAB);
}
