/** The made-up sample: the real register in small, the same bytes every time. */

import { expect } from "chai";
import { matchHeader, SOURCE_COLUMNS } from "../../../db/source-columns";
import { splitCsv } from "../../../handlers/rows/csv-fields";
import { makeSample } from "../../../local/source/sample";
import { createSnapshot } from "../../../local/source/snapshot";
import { createRowReader } from "../../support/rows";

describe("the made-up sample", () => {
	/** Values by vehicle, as the pipeline would read them. */
	const register = (month: number, vehicles = 3_000) => {
		const { content, rowsUpdatedAt } = makeSample(month, vehicles);
		const { header, offsets } = createSnapshot({ name: "sample", dataset: "sample", rowsUpdatedAt, content });
		const read = createRowReader("csv", header);
		const rows = offsets.slice(0, -1).map((from, row) => {
			const line = content.toString("utf8", from, offsets[row + 1]).trimEnd();
			return { line, values: splitCsv(line)!, row: read(Buffer.from(line)) };
		});
		return { header, rows, byKey: new Map(rows.map(({ values }) => [values[0]!, values])) };
	};
	const share = (part: number, whole: number) => part / whole;

	it("gives the same month the same bytes, and another month others", () => {
		for (const month of [0, 7]) {
			const [first, second] = [makeSample(month, 500), makeSample(month, 500)];
			expect(first.content.equals(second.content)).to.equal(true);
			expect(first.rowsUpdatedAt)
				.to.equal(second.rowsUpdatedAt)
				.and.to.equal(Date.UTC(2024, month, 1) / 1000);
		}
		expect(makeSample(0, 500).content.equals(makeSample(1, 500).content)).to.equal(false);
	});

	it("has the source's columns, and no row that does not fit them", () => {
		for (const month of [0, 5]) {
			const { header, rows } = register(month);
			expect(matchHeader(header)).to.deep.include({ missing: [], unknown: [] });
			for (const { row, line } of rows) expect(row, line).to.not.have.property("reason");
		}
	});

	it("has each vehicle once", () => {
		for (const month of [0, 5]) {
			const { rows, byKey } = register(month);
			expect(byKey.size).to.equal(rows.length);
		}
		expect(register(0).rows).to.have.length(3_000);
	});

	it("moves on as a register does: most stay, some leave, some come back, some are new", () => {
		const [before, after, later] = [register(4).byKey, register(5).byKey, register(6).byKey];
		const keys = [...before.keys()];
		const gone = keys.filter((key) => !after.has(key));
		expect(share(gone.length, keys.length)).to.be.within(0.01, 0.06);
		expect(
			gone.some((key) => later.has(key)),
			"someone came back",
		).to.equal(true);
		const fresh = [...after.keys()].filter((key) => !before.has(key));
		expect(share(fresh.length, keys.length)).to.be.within(0.01, 0.1);
		const moved = keys.filter((key) => after.has(key) && after.get(key)![3] !== before.get(key)![3]);
		expect(share(moved.length, keys.length)).to.be.within(0.001, 0.03);
	});

	it("is geocoded anew every third month, and at no other time", () => {
		const point = SOURCE_COLUMNS.findIndex((column) => column.kind === "point");
		const [first, second, third, fourth] = [0, 1, 2, 3].map((month) => register(month).byKey);
		const regeocoded = (a: Map<string, string[]>, b: Map<string, string[]>) => {
			const stayed = [...a.keys()].filter((key) => b.has(key) && b.get(key)![3] === a.get(key)![3]);
			return share(stayed.filter((key) => a.get(key)![point] !== b.get(key)![point]).length, stayed.length);
		};
		expect(regeocoded(first!, second!)).to.be.below(0.01);
		expect(regeocoded(second!, third!)).to.be.below(0.01);
		expect(regeocoded(third!, fourth!)).to.be.above(0.9);
	});

	it("shows what real rows show: quotes, accents, codes with a leading zero, and values that are missing", () => {
		const text = makeSample(0).content.toString("utf8");
		expect(text)
			.to.match(/"Suffern, NY"/)
			.and.to.match(/Doña Ana/)
			.and.to.match(/,0901,/)
			.and.to.match(/,,,BC,,/);
	});

	it("may be of very few vehicles", () => {
		expect(register(3, 5).rows.length).to.be.within(1, 5);
	});
});
