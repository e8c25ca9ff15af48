/** A file's bytes, uncompressed; a file that cannot be a CSV export is refused by what it is. */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** How often a file may be compressed: tools that compress whatever they get do it twice. */
const MAX_GZIPS = 3;

/** Where the name of a tar archive's format stands. https://www.gnu.org/software/tar/manual/html_node/Standard.html */
const TAR_MAGIC_AT = 257;

/** How files of other kinds begin, and what to do with them. */
const BINARY_KINDS: [string, string, string][] = [
	["Rar!", "a RAR archive", "unpack it, and give the CSV file in it"],
	["7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it, and give the CSV file in it"],
	["BZh", "a bzip2 file", "uncompress it, or compress it with gzip"],
	["\xfd7zXZ\0", "an xz file", "uncompress it, or compress it with gzip"],
	["\x28\xb5\x2f\xfd", "a Zstandard file", "uncompress it, or compress it with gzip"],
	["\xd0\xcf\x11\xe0", "a workbook of an old Excel", "save it as CSV UTF-8, or better, download the CSV export"],
	["PAR1", "a Parquet file", "download the CSV export instead"],
	["ARROW1", "an Arrow file", "download the CSV export instead"],
	["SQLite format 3\0", "a SQLite database", "download the CSV export instead"],
	["%PDF", "a PDF", "download the CSV export instead"],
	["HTTP/", "an answer with its HTTP headers", "save the body alone (curl without -i)"],
	[
		"version https://git-lfs.github.com/",
		"a pointer of Git LFS and not the file itself",
		"fetch the file with `git lfs pull`",
	],
];

/**
 * Reads a file and uncompresses it.
 * @throws one sentence that names the file, what is wrong with it, and what to do
 */
export function readContent(path: string): Buffer {
	let bytes = readBytes(path);
	const isEmpty = bytes.length === 0;
	if (path.endsWith(".gz") && !isEmpty && !isGzip(bytes))
		throw new Error(`${path} is not a gzip file, whatever its name says; ${kindOf(bytes) ?? "download it again"}.`);
	for (let times = 0; isGzip(bytes) && times < MAX_GZIPS; times++) bytes = uncompress(path, bytes);
	if (bytes.length === 0) throw new Error(`${path} is empty; download the export again.`);
	const kind = kindOf(bytes);
	if (kind) throw new Error(`${path} is not a CSV file; ${kind}.`);
	return bytes;
}

function readBytes(path: string): Buffer {
	try {
		return readFileSync(path);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOENT") throw new Error(`${path} is not there; give the path of a CSV export of the dataset.`);
		throw new Error(`${path} cannot be read: ${(error as Error).message}.`);
	}
}

function isGzip(bytes: Buffer): boolean {
	return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function uncompress(path: string, bytes: Buffer): Buffer {
	let content: Buffer;
	let read: number;
	try {
		const { buffer, engine } = gunzipSync(bytes, { info: true }) as unknown as {
			buffer: Buffer;
			engine: { bytesWritten: number };
		};
		[content, read] = [buffer, engine.bytesWritten];
	} catch (error) {
		const { code, message } = error as NodeJS.ErrnoException;
		const what = code === "Z_BUF_ERROR" ? "is cut off inside its gzip and" : "is damaged and";
		throw new Error(`${path} ${what} cannot be uncompressed: ${message}; download it again.`);
	}
	// Node stops at zeros after a member, with which tapes and some tools fill up, and would drop a member behind them.
	if (bytes.subarray(read).some((byte) => byte !== 0))
		throw new Error(`${path} goes on after the end of its gzip data; uncompress it, and give the CSV file.`);
	return content;
}

/** What other kind of file some bytes are, and what to do; undefined for what may be CSV. */
function kindOf(bytes: Buffer): string | undefined {
	const beginning = bytes.toString("latin1", 0, 4096);
	const binary = BINARY_KINDS.find(([magic]) => beginning.startsWith(magic));
	if (binary) return `it is ${binary[1]}: ${binary[2]}`;
	if (beginning.startsWith("PK\x03\x04") || beginning.startsWith("PK\x05\x06")) return zipKindOf(bytes);
	if (beginning.startsWith("ustar", TAR_MAGIC_AT)) return "it is a tar archive: unpack it, and give the CSV file in it";
	return encodingOf(bytes) ?? textKindOf(bytes);
}

/** Workbooks are zip archives with a table of contents of their own. */
function zipKindOf(bytes: Buffer): string {
	if (bytes.includes("[Content_Types].xml") || bytes.includes("opendocument.spreadsheet"))
		return "it is a spreadsheet's workbook: save it as CSV UTF-8, or better, download the CSV export";
	return "it is a zip archive: unpack it, and give the CSV file in it";
}

/** The encoding of text that is not UTF-8, by its byte-order mark, or by the zeros that stand beside ASCII's letters. */
function encodingOf(bytes: Buffer): string | undefined {
	const [first, second, third, fourth] = bytes;
	const zeros = [0, 0, 0, 0];
	const sample = bytes.subarray(0, 1024);
	for (const [at, byte] of sample.entries()) if (byte === 0) zeros[at % 4]!++;
	const quarter = sample.length / 4;
	const isZero = zeros.map((count) => count > 0.8 * quarter);
	const wide = isZero.filter(Boolean).length;
	const saveAgain = "save it as CSV UTF-8, or download the CSV export again";
	if (wide === 4) return "it holds nothing but zero bytes: download it again";
	if (wide === 3 || (first === 0xff && second === 0xfe && third === 0 && fourth === 0))
		return `its text is UTF-32 and not UTF-8: ${saveAgain}`;
	if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || wide === 2)
		return `its text is UTF-16 (which Excel calls Unicode Text) and not UTF-8: ${saveAgain}`;
	return undefined;
}

/** What other text some bytes are. */
function textKindOf(bytes: Buffer): string | undefined {
	const text = bytes.toString("utf8", 0, 4096).replace(/^[\s\ufeff]+/, "");
	const excerpt = JSON.stringify(text.slice(0, 60));
	if (text.startsWith("<"))
		return /^<(!doctype html|html|head|body)/i.test(text)
			? "it is a web page, such as a portal's error or sign-in page: open it in a browser to see what it says, and download the export again"
			: `it is XML or HTML (${excerpt}): download the CSV export instead`;
	if (text.startsWith("{") || /^\[\s*[[{"\]]/.test(text)) {
		const [, said] = /"error"\s*:\s*true/.test(text) ? (/"message"\s*:\s*"([^"]*)"/.exec(text) ?? []) : [];
		return said !== undefined
			? `it is the portal's error message (${said}): download the export again`
			: "it is JSON: download the CSV export instead (--format json sets how raw data is stored)";
	}
	if (/^\S*\/annex\/objects\//.test(text))
		return "it is a pointer of git-annex and not the file itself: fetch the file with `git annex get`";
	return undefined;
}
