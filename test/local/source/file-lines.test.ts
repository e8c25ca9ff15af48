/** A raw page's line, found again in the file that the page was made of. */

import { expect } from "chai";
import { addFileLines, findFileLine } from "../../../local/source/file-lines";
import { openSnapshot } from "../../../local/source/snapshot";
import { exportLine, HEADER, useFolder } from "../../support/files";
import { vehicle } from "../../support/snapshots";

describe("a row's line in its file", () => {
	const folder = useFolder();
	/** Rows of some lines, with a header, empty lines and a title's sep= among them. */
	const snapshot = () =>
		openSnapshot(
			folder.write(
				"20241012.csv",
				[
					"sep=,", // line 1
					HEADER,
					exportLine(vehicle(1)), // 3
					exportLine(vehicle(2, { city: "Sea\nttle\n2" })), // 4 to 6
					"",
					",,,,",
					exportLine(vehicle(3)), // 9
					HEADER,
					exportLine(vehicle(4)), // 11
					exportLine(vehicle(5)), // 12
					"",
				].join("\n"),
			),
			[],
		).snapshot;
	const lines = [3, 4, 9, 11, 12];

	it("is found for csv pages, whose rows may take several lines", () => {
		const of = (page: number, line: number, pageRows: number) =>
			findFileLine(snapshot(), { page, line }, { format: "csv", pageRows });
		expect([2, 3].map((line) => of(1, line, 2))).to.deep.equal([3, 4]);
		expect([2, 3].map((line) => of(2, line, 2))).to.deep.equal([9, 11]);
		expect(of(3, 2, 2)).to.equal(12);
		expect(of(1, 4, 2), "within a row").to.equal(5);
		expect(of(4, 2, 2), "no such page").to.equal(undefined);
	});

	it("is found for json pages, which hold a row a line", () => {
		const of = (page: number, line: number, pageRows: number) =>
			findFileLine(snapshot(), { page, line }, { format: "json", pageRows });
		expect([1, 2, 3, 4, 5].map((line) => of(1, line, 10))).to.deep.equal(lines);
		expect([1, 2].map((line) => of(2, line, 2))).to.deep.equal([9, 11]);
		expect(of(1, 3, 2), "no such line").to.equal(undefined);
	});

	it("is added to a message", () => {
		expect(
			addFileLines("1 of 5 rows do not fit, the first on page 2, line 3: it is odd; accept it.", snapshot(), {
				format: "csv",
				pageRows: 2,
			}),
		).to.equal("1 of 5 rows do not fit, the first on page 2, line 3 (line 11 of 20241012.csv): it is odd; accept it.");
	});
});
