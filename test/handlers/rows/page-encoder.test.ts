import { expect } from "chai";
import { matchHeader, SOURCE_COLUMNS } from "../../../db/source-columns";
import { createKnownRowsReader } from "../../../handlers/rows/known-rows";
import { createPageEncoder } from "../../../handlers/rows/page-encoder";

const header = SOURCE_COLUMNS.map(({ display }) => display);
const row = (key: string, city = "Kent") =>
	`${key},5YJYGDEE1L,King,${city},WA,98122,2020,TESLA,MODEL Y,Battery Electric Vehicle (BEV),,291,0,37,,,53033007800`;
const page = (...rows: string[]) => Buffer.from([header.join(","), ...rows, ""].join("\n"));

async function encoder(format: "csv" | "json" = "csv") {
	const known = createKnownRowsReader().index();
	return await createPageEncoder({
		manifest: { format, header },
		layout: matchHeader(header),
		known,
		copyKnown: false,
		prefix: (number) => `${number}\t`,
		suffix: "\tend\n",
	});
}

describe("the page encoder", () => {
	it("sorts lines by key and adds prefix and suffix", async () => {
		const { encodePage, counts } = await encoder();
		const { lines, rejects } = encodePage(page(row("300"), row("20", '"Walla\\Walla"'), row("1")), 7);
		const fields = lines
			.toString()
			.trimEnd()
			.split("\n")
			.map((line) => line.split("\t"));
		expect(fields.map(([number, , key]) => [number, key])).to.deep.equal([
			["7", "1"],
			["7", "20"],
			["7", "300"],
		]);
		expect(fields[1]).to.include("Walla\\\\Walla");
		for (const line of fields) expect(line).to.have.length(21).and.to.include("end");
		expect(rejects).to.deep.equal([]);
		expect(counts).to.deep.equal({ rows: 3, known: 0, repeated: 0, onTwoPages: 0, copied: 3 });
	});

	it("rejects a row with its line and bytes", async () => {
		const { encodePage, counts } = await encoder();
		encodePage(page(row("1"), row("2")), 1);
		const bad = row("3").replace("2020", "20255");
		const { lines, rejects } = encodePage(page(bad, row("4")), 2);
		expect(lines.toString().match(/^2\t-?\d+\t4\t.*\tend\n$/)).to.not.equal(null);
		expect(rejects).to.deep.equal([
			{ key: 3, reason: 'Model Year does not fit: "20255"', line: 2, raw: Buffer.from(bad) },
		]);
		expect(counts).to.include({ rows: 4, copied: 3 });
	});

	it("writes lines four times as long as their rows", async () => {
		const { encodePage } = await encoder();
		for (const rows of [1, 17, 200]) {
			const worst = Array.from({ length: rows }, (_, index) =>
				row(String(1000 + index)).replace(",,,53033", `,,"${"\\".repeat(1000)}",53033`),
			);
			const { lines, rejects } = encodePage(page(...worst), 1);
			expect(rejects).to.deep.equal([]);
			const list = `\t{"${"\\".repeat(4000)}"}\t53033007800\tend`;
			for (const line of lines.toString().trimEnd().split("\n")) expect(line.endsWith(list)).to.equal(true);
			expect(lines.toString().match(/\n/g)).to.have.lengthOf(rows);
		}
	});

	it("hashes equal rows alike and other rows or formats apart", async () => {
		const hashOf = async (rows: string, format: "csv" | "json" = "csv") => {
			const { encodePage } = await encoder(format);
			return encodePage(format === "csv" ? page(rows) : Buffer.from(`[${rows}]`), 1)
				.lines.toString()
				.split("\t")[1];
		};
		const json = JSON.stringify(Object.fromEntries(header.map((name, index) => [name, row("1").split(",")[index]])));
		const hashes = await Promise.all([
			hashOf(row("1")),
			hashOf(row("1", "Kent ")),
			hashOf(row("2")),
			hashOf(json, "json"),
		]);
		expect(new Set(hashes)).to.have.lengthOf(4);
		expect(await hashOf(row("1"))).to.equal(hashes[0]);
	});

	it("rejects a page that differs from its manifest", async () => {
		const { encodePage } = await encoder();
		expect(() => encodePage(Buffer.from(`a,b\n${row("1")}\n`), 3)).to.throw(
			/Line 1 of page 3 differs from the manifest's header/,
		);
		const json = await encoder("json");
		expect(() => json.encodePage(Buffer.from('[{"a":1}'), 4)).to.throw(
			/Page 4 is not a JSON array of rows: .* after 1 rows/,
		);
	});
});
