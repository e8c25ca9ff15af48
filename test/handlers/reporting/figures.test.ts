/** The page's figures, against the same ones counted from snapshots' text. */

import { expect } from "chai";
import { csvFormat, csvParse } from "d3-dsv";
import { Client } from "pg";
import { SOURCE_COLUMNS } from "../../../db/source-columns";
import { chooseShown, readFigures } from "../../../handlers/reporting/figures";
import { clientConfig } from "../../../local/machine/postgres";
import type { Figures } from "../../../page/figures";
import { type TestDatabase, testBed } from "../../support/bed";
import { sampleSnapshots } from "../../support/figures";
import { type RawSnapshot, rawFigures } from "../../support/raw-figures";
import { useDatabase } from "../../support/use-database";

const DAY_MS = 24 * 60 * 60 * 1000;
type DisplayRow = Record<string, string>;

describe("the page's figures", () => {
	const { database } = useDatabase();

	it("are those of the snapshots' text, one snapshot or several", async () => {
		const snapshots = sampleSnapshots(2, 300);
		for (const count of [1, 2]) {
			await load(database(), snapshots[count - 1]!);
			expect(await figuresOf(database())).to.deep.equal(rawFigures("sample", snapshots.slice(0, count)));
		}
	});

	it("count what happened in snapshots that are not shown", async () => {
		const snapshots = sampleSnapshots(14, 300).map(withEvents);
		for (const snapshot of snapshots) await load(database(), snapshot);
		const figures = await figuresOf(database());
		expect(figures).to.deep.equal(rawFigures("sample", snapshots, chooseShown([...snapshots.keys()])));
		expect(figures).to.include({ published: 14 });
		expect(figures.snapshots).to.have.length(12);
		expect(figures.counties.map(({ name }) => name)).to.include("Ferry");
		expect(figures.models.map(({ name }) => name)).to.include.members(["", "ROADSTER"]);
	});

	it("are none where nothing is published", async () => {
		expect(await figuresOf(database())).to.deep.include({ snapshots: [], published: 0, makes: [] });
	});

	it("show the first snapshot, the latest, and others evenly between", () => {
		const days = Array.from({ length: 45 }, (_, day) => day);
		expect(chooseShown(days)).to.deep.equal([0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44]);
		expect(chooseShown(days.slice(0, 12))).to.deep.equal(days.slice(0, 12));
		expect(chooseShown([])).to.deep.equal([]);
	});
});

const parse = ({ text }: RawSnapshot): DisplayRow[] => [...csvParse(text)];

/** Adds vehicles that a visit in month 3, which is not shown, took elsewhere, and that lose or change their model. */
function withEvents(snapshot: RawSnapshot, month: number): RawSnapshot {
	const rows = parse(snapshot);
	const vehicle = (key: string, changes: DisplayRow): DisplayRow => ({
		...rows.find(({ State }) => State === "WA")!,
		"DOL Vehicle ID": key,
		...changes,
	});
	const added = [
		...(month < 3 ? [vehicle("1", {})] : []),
		...(month === 3 ? [vehicle("1", { County: "Ferry", "2020 Census Tract": "53019970100" })] : []),
		...(month === 3 ? [vehicle("2", { Make: "FISKER", Model: "KARMA" })] : []),
		vehicle("3", { Model: month < 10 ? "ROADSTER ONE" : "ROADSTER" }),
		vehicle("4", { Model: month < 10 ? "ROADSTER" : "" }),
	];
	return { ...snapshot, text: csvFormat([...rows, ...added]) };
}

async function load(database: TestDatabase, snapshot: RawSnapshot): Promise<void> {
	const rows = parse(snapshot).map((row) =>
		Object.fromEntries(SOURCE_COLUMNS.map(({ field, display }) => [field, row[display] ?? ""])),
	);
	await database.load({ day: (snapshot.at.getTime() - Date.UTC(2024, 0, 1)) / DAY_MS, pages: [rows] });
}

async function figuresOf(database: TestDatabase): Promise<Figures> {
	const { postgres, owner } = await testBed();
	const client = new Client({ ...clientConfig(postgres, database.name, owner), options: "-c search_path=ev" });
	await client.connect();
	try {
		return await readFigures(client, "sample");
	} finally {
		await client.end();
	}
}
