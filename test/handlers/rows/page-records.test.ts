import { expect } from "chai";
import fc from "fast-check";
import { frameCsv, frameJson } from "../../../handlers/rows/page-records";

const csv = (page: string | Buffer, columns = 3, start = 0) => {
	const bytes = Buffer.from(page);
	const records: { text: string; line: number }[] = [];
	frameCsv(bytes, start, columns, (from, to, line) => records.push({ text: bytes.toString("utf8", from, to), line }));
	return records;
};
const json = (page: string | Buffer) => {
	const bytes = Buffer.from(page);
	const records: { text: string; line: number }[] = [];
	const wrong = frameJson(bytes, (from, to, line) => records.push({ text: bytes.toString("utf8", from, to), line }));
	return { records, wrong };
};
const texts = (records: { text: string }[]) => records.map((record) => record.text);

describe("frameCsv", () => {
	it("finds one record per line, with LF or CRLF", () => {
		expect(csv("a,b,c\nd,e,f\n")).to.deep.equal([
			{ text: "a,b,c", line: 1 },
			{ text: "d,e,f", line: 2 },
		]);
		expect(texts(csv("a,b,c\r\nd,e,f"))).to.deep.equal(["a,b,c", "d,e,f"]);
	});

	it("skips empty lines but counts them", () => {
		expect(csv("a,b,c\n\n\r\nd,e,f\n")[1]).to.deep.equal({ text: "d,e,f", line: 4 });
	});

	it("counts lines from the header when started below it", () => {
		expect(csv("h,h,h\na,b,c\n", 3, 6)).to.deep.equal([{ text: "a,b,c", line: 2 }]);
	});

	it("keeps a line break inside quotes in its record", () => {
		expect(csv('a,"b\nb",c\nd,e,f\n')).to.deep.equal([
			{ text: 'a,"b\nb",c', line: 1 },
			{ text: "d,e,f", line: 3 },
		]);
		expect(texts(csv('d,e,f\na,b,"c\nc"'))).to.deep.equal(["d,e,f", 'a,b,"c\nc"']);
	});

	it("loses only the line whose quote is never closed", () => {
		expect(texts(csv('a,"b,c\nd,e,f\ng,h,i\n'))).to.deep.equal(['a,"b,c', "d,e,f", "g,h,i"]);
	});

	it("loses only the line whose quote a later line seems to close", () => {
		expect(texts(csv('a,"b,c\nd,"e",f\ng,h,i\n'))).to.deep.equal(['a,"b,c', 'd,"e",f', "g,h,i"]);
		expect(texts(csv('a,b,"c\nd,e,""\n'))).to.deep.equal(['a,b,"c', 'd,e,""']);
	});

	it("puts every byte but separators into exactly one record", () => {
		const soup = fc
			.array(
				fc.oneof(
					fc.constantFrom('"', ",", "\n", "\r\n", "a", '""', "\0"),
					fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
				),
				{ maxLength: 60 },
			)
			.map((parts) => Buffer.from(parts.join(""), "latin1"));
		fc.assert(
			fc.property(soup, (bytes) => {
				let end = 0;
				frameCsv(bytes, 0, 3, (from, to) => {
					expect(from).to.be.at.least(end);
					expect(to).to.be.greaterThan(from);
					expect(bytes.toString("latin1", end, from)).to.match(/^[\r\n]*$/);
					end = to;
				});
				expect(bytes.toString("latin1", end)).to.match(/^[\r\n]*$/);
			}),
		);
	});
});

describe("frameJson", () => {
	it("finds array elements and their lines in any layout", () => {
		const rows = [{ a: 'x"]}\\' }, { b: [1, { c: "," }] }, {}];
		const soda = `[${rows.map((row) => JSON.stringify(row)).join("\n,")}]\n`;
		expect(json(soda)).to.deep.equal({
			wrong: undefined,
			records: rows.map((row, index) => ({ text: JSON.stringify(row), line: index + 1 })),
		});
		for (const layout of [JSON.stringify(rows), JSON.stringify(rows, null, 2)])
			expect(texts(json(layout).records).map((text) => JSON.parse(text))).to.deep.equal(rows);
		expect(json("[]\n")).to.deep.equal({ records: [], wrong: undefined });
	});

	it("loses only the element with an open string or bracket", () => {
		expect(texts(json('[{"a":"x}\n,{"b":1}\n,{"c":2}]\n').records)).to.deep.equal(['{"a":"x}', '{"b":1}', '{"c":2}']);
		expect(texts(json('[{"a":[1}\n,{"b":1}]\n').records)).to.include('{"b":1}');
		expect(texts(json('[{"a":{"b":1}\n,{"b":1}]\n').records)).to.deep.equal(['{"a":{"b":1}', '{"b":1}']);
	});

	it("says why and on which line a page is no array", () => {
		expect(json("<html>").wrong).to.equal("it does not begin with [ on line 1");
		expect(json('[{"a":1}\n').wrong).to.equal("its array is not closed on line 2");
		expect(json("[]\n{").wrong).to.equal("something follows its array on line 2");
	});

	it("puts no byte into two elements, whatever the bytes", () => {
		const soup = fc.array(fc.constantFrom("{", "}", "[", "]", '"', ",", "\n", "\\", "a", ":", " "), { maxLength: 50 });
		fc.assert(
			fc.property(soup, (parts) => {
				const bytes = Buffer.from(`[${parts.join("")}`);
				let end = 1;
				frameJson(bytes, (from, to) => {
					expect(from).to.be.at.least(end);
					expect(to).to.be.greaterThan(from);
					end = to;
				});
			}),
		);
	});
});
