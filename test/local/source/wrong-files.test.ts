/** Files that are no CSV export: refused in one sentence that names the file, says what it is, and what to do. */

import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { openSnapshot } from "../../../local/source/snapshot";
import { exportLine, exportOf, HEADER, NAMES, useFolder } from "../../support/files";
import { vehicle, vehicles } from "../../support/snapshots";

const ROW = exportLine(vehicle(1));
const TEXT = exportOf(vehicles(1, 20));

/** The same text in a wider encoding. */
function encode(text: string, bytes: 2 | 4, order: "LE" | "BE", mark: boolean): Buffer {
	const codes = Array.from(`${mark ? "\ufeff" : ""}${text}`, (char) => char.charCodeAt(0));
	const content = Buffer.alloc(codes.length * bytes);
	for (const [index, code] of codes.entries())
		if (order === "LE") content.writeUIntLE(code, index * bytes, bytes);
		else content.writeUIntBE(code, index * bytes, bytes);
	return content;
}

/** The beginning of a zip archive with one file in it. */
function zipOf(name: string): Buffer {
	const local = Buffer.alloc(30);
	local.write("PK\x03\x04", "latin1");
	local.writeUInt16LE(name.length, 26);
	return Buffer.concat([local, Buffer.from(name), Buffer.from(TEXT)]);
}

function tarOf(name: string): Buffer {
	const header = Buffer.alloc(512);
	header.write(name);
	header.write("ustar", 257);
	return Buffer.concat([header, Buffer.from(TEXT)]);
}

/** What it is, its content (undefined: no file), and what is said. */
const WRONG: [string, string | Buffer | undefined, RegExp][] = [
	["that is not there", undefined, /is not there; give the path of a CSV export/],
	["that is empty", "", /is empty; download the export again/],
	["that is empty inside its gzip", gzipSync(""), /is empty; download/],
	["of empty lines", "\n\r\n ,,\n", /holds nothing but empty lines; download/],
	["of zero bytes", Buffer.alloc(4096), /it holds nothing but zero bytes: download it again/],
	["that is a zip archive", zipOf("ev.csv"), /it is a zip archive: unpack it, and give the CSV file in it/],
	["that is an xlsx workbook", zipOf("[Content_Types].xml"), /it is a spreadsheet's workbook: save it as CSV UTF-8/],
	[
		"that is an ods workbook",
		zipOf("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"),
		/it is a spreadsheet's workbook/,
	],
	[
		"that is an xls workbook",
		Buffer.from("d0cf11e0a1b11ae1", "hex"),
		/it is a workbook of an old Excel: save it as CSV/,
	],
	["that is a tar archive", tarOf("ev.csv"), /it is a tar archive: unpack it/],
	["that is a tar archive, gzipped", gzipSync(tarOf("ev.csv")), /it is a tar archive: unpack it/],
	["that is a bzip2 file", Buffer.from("BZh91AY&SY"), /it is a bzip2 file: uncompress it, or compress it with gzip/],
	["that is an xz file", Buffer.from("fd377a585a0000", "hex"), /it is an xz file: uncompress it/],
	["that is a Zstandard file", Buffer.from("28b52ffd04", "hex"), /it is a Zstandard file: uncompress it/],
	["that is a Parquet file", "PAR1\x15\x04", /it is a Parquet file: download the CSV export instead/],
	["that is a SQLite database", "SQLite format 3\0", /it is a SQLite database: download/],
	["that is a PDF", "%PDF-1.7\n", /it is a PDF: download/],
	["that is JSON rows", '[{"dol_vehicle_id":"1"}\n]\n', /it is JSON: download the CSV export instead/],
	["that is indented JSON", '\ufeff\n[\n  {\n "dol_vehicle_id": "1" }]', /it is JSON: download/],
	["that is an empty JSON array", "[]\n", /it is JSON: download/],
	["that is the portal's JSON with its description", '{"meta":{"view":{"id":"f6w7-q2d2"}}}', /it is JSON: download/],
	["that is JSON lines", '{"dol_vehicle_id":"1"}\n{"dol_vehicle_id":"2"}\n', /it is JSON: download/],
	[
		"that is the portal's error message",
		'{"code":"not_found","error":true,"message":"Cannot find view"}',
		/it is the portal's error message \(Cannot find view\): download the export again/,
	],
	[
		"that is a web page",
		"<!doctype html>\n<html><body>Sign in</body></html>\n",
		/it is a web page.*open it in a browser/,
	],
	["that is a web page after empty lines", "\n\n  <HTML><head></head>", /it is a web page/],
	["that is XML", '<?xml version="1.0"?><response/>', /it is XML or HTML \(.*\): download the CSV export instead/],
	["with HTTP headers", `HTTP/1.1 200 OK\r\n\r\n${TEXT}`, /it is an answer with its HTTP headers: save the body alone/],
	[
		"that is a Git LFS pointer",
		"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
		/it is a pointer of Git LFS and not the file itself: fetch the file with `git lfs pull`/,
	],
	["that is a git-annex pointer", "/annex/objects/SHA256E-s1--a.csv\n", /it is a pointer of git-annex/],
	["in UTF-16, little-endian, with a mark", encode(TEXT, 2, "LE", true), /its text is UTF-16 .* save it as CSV UTF-8/],
	["in UTF-16, big-endian, with a mark", encode(TEXT, 2, "BE", true), /its text is UTF-16/],
	["in UTF-16, little-endian, without a mark", encode(TEXT, 2, "LE", false), /its text is UTF-16/],
	["in UTF-16, big-endian, without a mark", encode(TEXT, 2, "BE", false), /its text is UTF-16/],
	["in UTF-16, gzipped", gzipSync(encode(TEXT, 2, "LE", true)), /its text is UTF-16/],
	["in UTF-32, with a mark", encode(TEXT, 4, "LE", true), /its text is UTF-32/],
	["in UTF-32, without a mark", encode(TEXT, 4, "BE", false), /its text is UTF-32/],
	["separated by semicolons", TEXT.replaceAll(",", ";"), /is separated by semicolons; save it with commas/],
	[
		"separated by quoted semicolons",
		`"${NAMES.join('";"')}"\n`,
		/is separated by semicolons; save it with commas, or download/,
	],
	["separated by tabs", TEXT.replaceAll(",", "\t"), /is separated by tabs; save it with commas/],
	["separated by bars", TEXT.replaceAll(",", "|"), /is separated by bars; save it with commas/],
	["with a spreadsheet's sep=;", `sep=;\n${TEXT.replaceAll(",", ";")}`, /is separated by semicolons; save/],
	[
		"with lines that end in CR alone",
		TEXT.replaceAll("\n", "\r"),
		/has lines that end in CR alone; save it with line ends/,
	],
	[
		"with lines that end in CR CR LF",
		TEXT.replaceAll("\n", "\r\r\n"),
		/has lines that end in CR CR LF, as Python's csv/,
	],
	["with one row that ends in CR alone", `${HEADER}\r${ROW}\r`, /has lines that end in CR alone; save/],
	[
		"with an empty first line that ends in CR alone",
		`\r${TEXT.replaceAll("\n", "\r")}`,
		/lines that end in CR alone; save/,
	],
	[
		"with rows that end in CR alone below a header that does not",
		`${HEADER}\n${TEXT.slice(HEADER.length + 1).replaceAll("\n", "\r")}`,
		/has lines that end in CR alone, from line 2 on; save/,
	],
	[
		"with lines above its header",
		`Electric vehicles\nas of today\n${TEXT}`,
		/has its header on line 3; remove the lines above it/,
	],
	[
		"without a header",
		TEXT.slice(HEADER.length + 1),
		/has no header: its first line is a row; put the line of column names/,
	],
	[
		"of another dataset",
		"Name,Colour\nTom,grey\n",
		/is not an export of Electric Vehicle.*of its 17 columns it has 0, and its first line is "Name,Colour"; download/,
	],
	["without the key", `${HEADER.replace("DOL Vehicle ID", "Number")}\n${ROW}\n`, /lacks the column DOL Vehicle ID/],
	[
		"with an open quote in its header",
		`"${HEADER}\n${ROW}\n`,
		/is not a CSV file: its first line has a quote that is not closed/,
	],
	[
		"with a column twice",
		`${HEADER},county\n${ROW},King\n`,
		/has a column twice, as "County" and as "county" \(columns 3 and 18\); remove the one that is wrong/,
	],
	[
		"with an unknown column twice",
		`${HEADER},Colour,Colour\n${ROW},1,2\n`,
		/has a column twice, as "Colour" and as "Colour"/,
	],
	["with each line in quotes", `"${HEADER}"\n"${ROW}"\n`, /has each line in quotes as a whole; download/],
	["with a header alone", `${HEADER}\n`, /has a header and no rows; download the export again/],
	["with a header alone, without a line break", HEADER, /has a header and no rows/],
];

describe("a file", () => {
	const folder = useFolder();
	for (const [what, content, said] of WRONG)
		it(`${what} is refused by name`, () => {
			const path = content === undefined ? folder.path("absent_20241012.csv") : folder.write("20241012.csv", content);
			let message = "";
			try {
				openSnapshot(path, []);
			} catch (error) {
				({ message } = error as Error);
			}
			expect(message).to.match(said);
			expect(message.startsWith(path), message).to.equal(true);
			expect(message).to.match(/^[^\n\0]*[^.]\.$/, "one sentence");
		});

	it("called .gz that is none is refused, with what it is", () => {
		expect(() => openSnapshot(folder.write("20241012.csv.gz", TEXT), [])).to.throw(
			/is not a gzip file, whatever its name/,
		);
		expect(() => openSnapshot(folder.write("20241012.csv.gz", zipOf("a.csv")), [])).to.throw(
			/it is a zip archive: unpack/,
		);
	});

	it("whose gzip is damaged is refused", () => {
		const content = gzipSync(TEXT);
		content.writeUInt32LE(0, content.length - 8);
		expect(() => openSnapshot(folder.write("20241012.csv.gz", content), [])).to.throw(
			/is damaged and cannot be uncompressed: incorrect data check; download it again/,
		);
	});

	it("with something after its gzip is refused, unless it is padding", () => {
		const gzip = gzipSync(TEXT);
		expect(() => openSnapshot(folder.write("20241012.csv.gz", Buffer.concat([gzip, Buffer.from(ROW)])), [])).to.throw(
			/is damaged and cannot be uncompressed: incorrect header check; download it again/,
		);
		const parts = [gzip, gzipSync(`${exportLine(vehicle(21))}\n`), Buffer.alloc(20)];
		const { snapshot } = openSnapshot(folder.write("20241012.csv.gz", Buffer.concat(parts)), []);
		expect(snapshot.lines).to.have.length(21);
		const behindZeros = Buffer.concat([gzip, Buffer.alloc(512), gzip]);
		expect(() => openSnapshot(folder.write("20241013.csv.gz", behindZeros), [])).to.throw(
			/goes on after the end of its gzip data/,
		);
	});

	it("that is a folder is refused", () => {
		expect(() => openSnapshot(folder.path("."), [])).to.throw(/cannot be read: EISDIR/);
	});
});
