/**
 * Words that tools write where a value is missing. As a whole cell they mean the same as an empty one; no known snapshot has
 * one of them as data, which a test holds.
 */

/** In lower case; cells are compared without case. The first fourteen are pandas' defaults. https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html */
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
	"nul",
	"<nil>",
	"<nan>",
	"nan.",
	"none.",
	"null.",
	"na_character_",
	"pd.na",
	"nonetype",
	"dbnull",
	"[object object]",
	"inf",
	"-inf",
	"missing",
	"(missing)",
	"undefined",
	"unknown",
	"(unknown)",
	"unk",
	"unspecified",
	"not specified",
	"not known",
	"nothing",
	"no data",
	"nodata",
	"no value",
	"empty",
	"(empty)",
	"<empty>",
	"blank",
	"tbd",
	"n/d",
	"n/k",
	"n-a",
	"n\\a",
	"s/d",
	"k.a.",
	"k. a.",
	"unbekannt",
	"keine angabe",
	"inconnu",
	"desconocido",
	"sconosciuto",
	"onbekend",
	"н/д",
	"нет данных",
	"不明",
	"なし",
];

const WORDS = new Set(MISSING_WORDS);
const LONGEST = Math.max(...MISSING_WORDS.map((word) => word.length));
/** 1 for each ASCII letter and digit. */
const IS_PLAIN = Uint8Array.from({ length: 256 }, (_, byte) => Number(/[\dA-Za-z]/.test(String.fromCharCode(byte))));
/** In UTF-8, with what may surround them. */
const LONGEST_BYTES = 24;

/**
 * Bit n of an entry is set where a word of n bytes begins with the two bytes of the entry's index. Nearly every cell of a
 * snapshot is ruled out by it; comparing each cell with the words would make encoding a snapshot an eighth slower.
 */
const LENGTHS = new Uint16Array(2 ** 16);
for (const word of MISSING_WORDS)
	for (const first of casesOf(word[0]!))
		for (const second of casesOf(word[1] ?? "\0")) LENGTHS[(first << 8) | second]! |= 1 << word.length;

function casesOf(character: string): number[] {
	return [character.charCodeAt(0), character.toUpperCase().charCodeAt(0)];
}

/** Whether a cell that is not empty says that its value is missing: by a word, by a sign alone, or by nothing but spaces. */
export function isMissing(bytes: Buffer, from: number, to: number): boolean {
	const length = to - from;
	if (length > LONGEST_BYTES) return false;
	const first = bytes[from]!;
	const last = bytes[to - 1]!;
	if (IS_PLAIN[first] === 1 && last > 0x20 && last < 0x80) {
		const second = length > 1 ? bytes[from + 1]! : 0;
		if (length > LONGEST || ((LENGTHS[(first << 8) | second]! >> length) & 1) === 0) return false;
	}
	// Besides spaces of all kinds, byte-order marks and zero-width spaces surround cells that were copied from elsewhere.
	const cell = bytes.toString("utf8", from, to).replaceAll("\u200b", "").trim().toLowerCase();
	return WORDS.has(cell) || SPREADSHEET_ERROR.test(cell) || !/[\p{L}\p{N}]/u.test(cell);
}

/** `#N/A`, `#REF!`, `#WERT!` and the like, in any language. */
const SPREADSHEET_ERROR = /^#[^\s\d]+$/u;
