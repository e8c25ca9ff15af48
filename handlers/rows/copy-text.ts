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

/** No byte becomes more than this many: a backslash in a list is escaped twice over. */
const MOST = 4;

/** What is written so far: the first `length` bytes of `bytes`. */
export interface Output {
	bytes: Buffer;
	length: number;
}

export function createOutput(): Output {
	return { bytes: Buffer.allocUnsafe(64 * 1024), length: 0 };
}

/** Makes room for a row: past a buffer's end, bytes would be lost without a word. @param size its fields' bytes and all that is put around them */
export function reserve(output: Output, size: number): void {
	const needed = output.length + MOST * size;
	if (needed <= output.bytes.length) return;
	const larger = Buffer.allocUnsafe(Math.max(needed, 2 * output.bytes.length));
	output.bytes.copy(larger, 0, 0, output.length);
	output.bytes = larger;
}

export function putByte(output: Output, byte: number): void {
	output.bytes[output.length++] = byte;
}

/** Bytes that need no escape. */
export function putPlain(output: Output, bytes: Uint8Array, from = 0, to = bytes.length): void {
	const { bytes: out } = output;
	let { length } = output;
	for (let at = from; at < to; at++) out[length++] = bytes[at]!;
	output.length = length;
}

/** ASCII that needs no escape. */
export function putAscii(output: Output, text: string): void {
	for (let at = 0; at < text.length; at++) output.bytes[output.length++] = text.charCodeAt(at);
}

/** A character that need not be plain. */
export function putEscaped(output: Output, byte: number): void {
	const letter = byte <= RETURN || byte === BACKSLASH ? LETTERS.get(byte) : undefined;
	if (letter !== undefined) putByte(output, BACKSLASH);
	putByte(output, letter ?? byte);
}

export function putText(output: Output, bytes: Uint8Array, from: number, to: number): void {
	const { bytes: out } = output;
	for (let at = from; at < to; at++) {
		const byte = bytes[at]!;
		if (byte > RETURN && byte !== BACKSLASH) out[output.length++] = byte;
		else putEscaped(output, byte);
	}
}

export function putNull(output: Output): void {
	putByte(output, BACKSLASH);
	putByte(output, 0x4e); // N
}

export function putTab(output: Output): void {
	putByte(output, TAB);
}
