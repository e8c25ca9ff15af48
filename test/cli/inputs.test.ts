/** What is to be loaded, before anything is started: titles, notes, the order of files, and what is remembered of them. */

import { join } from "node:path";
import { expect } from "chai";
import { notesOf, openInputs } from "../../cli/inputs";
import { parseOptions } from "../../cli/options";
import { readJson } from "../../local/common/state";
import { exportOf, useFolder } from "../support/files";
import { vehicle, vehicles } from "../support/snapshots";

describe("inputs from files", () => {
	const folder = useFolder();
	const state = () => folder.path("state");
	const open = (args: string[], more: { date?: string } = {}) =>
		openInputs({ ...parseOptions(args), ...more }, state());
	const source = (...paths: string[]) => paths.flatMap((path) => ["--source", path]);

	it("have titles that say the day and where it comes from", () => {
		const path = folder.write("ev_20241012.csv", exportOf(vehicles(1, 3)));
		expect(open(source(path))[0]!.title).to.equal(
			"EV registrations from ev_20241012.csv of 12 October 2024 (dated by its name)",
		);
		expect(open(source(path), { date: "2024-10-13" })[0]!.title).to.match(/of 13 October 2024 \(dated by --date\)$/);
	});

	it("are put in order of their dates, which is said first", () => {
		const [older, newer] = ["20241012", "20241112"].map((day, index) =>
			folder.write(`ev_${day}.csv`, exportOf(vehicles(1, 3 + index)).replace("\n", "\n\n")),
		);
		const inputs = open(source(newer!, older!));
		expect(inputs.map(({ snapshot }) => snapshot!.name)).to.deep.equal(["ev_20241012.csv", "ev_20241112.csv"]);
		const [order, ...notes] = notesOf(inputs);
		expect(order).to.match(
			/^The files are loaded in order of their dates: ev_20241012\.csv of .*; then ev_20241112\.csv/,
		);
		expect(notes.map((note) => note.slice(0, 16))).to.deep.equal(["ev_20241012.csv:", "ev_20241112.csv:"]);
		expect(notesOf(open(source(older!, newer!)))).to.deep.equal(notes);
	});

	it("keep their version from the moment their run begins", () => {
		const text = exportOf(vehicles(1, 5));
		const [input] = open(source(folder.write("ev_20241012.csv", text)));
		expect(readJson(join(state(), "versions.json")), "not before").to.equal(undefined);
		input!.begin!();
		const again = folder.write("ev_20250101.csv", text);
		expect(open(source(again))[0]!.snapshot!.rowsUpdatedAt).to.equal(input!.snapshot!.rowsUpdatedAt);
		expect(open([...source(again), "--fresh"])[0]!.snapshot!.rowsUpdatedAt).to.be.above(input!.snapshot!.rowsUpdatedAt);
	});

	it("may hold vehicles twice where that is accepted", () => {
		const path = folder.write("ev_20241012.csv", exportOf([vehicle(1), vehicle(1)]));
		expect(() => open(source(path))).to.throw(/has 1 vehicle more than once/);
		expect(open([...source(path), "--accept", "SourceIncomplete"])).to.have.length(1);
	});
});
