/**
 * Words that tools write where a value is missing. As a whole cell they mean the same as an empty one; no known snapshot has
 * one of them as data, which a test holds.
 */

/** In lower case; cells are compared without case. The first twelve are pandas' defaults. https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html */
export const MISSING_WORDS = [
	"#n/a",
	"#n/a n/a",
	"#na",
	"<na>",
	"n/a",
	"na",
	"nan",
	"-nan",
	"none",
	"null",
	"1.#ind",
	"1.#qnan",
	"-1.#ind",
	"-1.#qnan",
	"\\n", // COPY's and MySQL's
	"#null!",
	"#ref!",
	"#value!",
	"#div/0!",
	"#name?",
	"#num!", // spreadsheets' errors
	"(null)",
	"(none)",
	"(blank)",
	"[null]",
	"<null>",
	"n.a.",
	"n.a",
	"not available",
	"not applicable",
	"nat",
	"nil",
	"missing",
	"undefined",
	"unknown",
	"-",
	"--",
	"?",
	".",
];

const WORDS = new Set(MISSING_WORDS);
const LONGEST = Math.max(...MISSING_WORDS.map((word) => word.length));
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Bit n of an entry is set where a word of n bytes begins with the two bytes of the entry's index. Nearly every cell of a
 * snapshot is told apart by this: with a comparison of each cell, encoding a snapshot would take an eighth longer.
 */
const LENGTHS = new Uint16Array(2 ** 16);
for (const word of MISSING_WORDS)
	for (const first of casesOf(word[0]!))
		for (const second of casesOf(word[1] ?? "\0")) LENGTHS[(first << 8) | second]! |= 1 << word.length;

function casesOf(character: string): number[] {
	return [character.charCodeAt(0), character.toUpperCase().charCodeAt(0)];
}

/** Whether a cell that is not empty says that its value is missing: by a word, or by nothing but spaces. */
export function isMissing(bytes: Buffer, from: number, to: number): boolean {
	const length = to - from;
	const first = bytes[from]!;
	const last = bytes[to - 1]!;
	if (first !== SPACE && first !== TAB && last !== SPACE) {
		const second = length > 1 ? bytes[from + 1]! : 0;
		if (length > LONGEST || ((LENGTHS[(first << 8) | second]! >> length) & 1) === 0) return false;
	}
	const cell = bytes.toString("latin1", from, to).trim().toLowerCase();
	return cell === "" || WORDS.has(cell);
}
