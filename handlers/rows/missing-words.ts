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
/** The bytes that such a cell begins with: most values are told apart by their first. */
const BEGINS = new Uint8Array(256);
for (const word of [...MISSING_WORDS, " ", "\t"]) {
	BEGINS[word.charCodeAt(0)] = 1;
	BEGINS[word.toUpperCase().charCodeAt(0)] = 1;
}

/** Whether a cell that is not empty says that its value is missing: by a word, or by nothing but spaces. */
export function isMissing(bytes: Buffer, from: number, to: number): boolean {
	if (BEGINS[bytes[from]!] === 0 || to - from > LONGEST) return false;
	const cell = bytes.toString("latin1", from, to).trim().toLowerCase();
	return cell === "" || WORDS.has(cell);
}
