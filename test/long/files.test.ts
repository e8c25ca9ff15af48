/** Files, damaged and odd, through the real functions into a database: both raw formats end in the same one. */

import { expect } from "chai";
import fc from "fast-check";
import { addFileLines } from "../../local/source/file-lines";
import { openSnapshot } from "../../local/source/snapshot";
import { testBed } from "../support/bed";
import {
	createFileLoader,
	exportLine,
	exportLines,
	exportOf,
	type FileLoader,
	HEADER,
	useFolder,
} from "../support/files";
import { hostileLines, interleave } from "../support/hostile";
import { vehicle, vehicles } from "../support/snapshots";

const FORMATS = ["csv", "json"] as const;

/** The message of what a load throws; undefined where it ends well. */
async function refusal(loading: Promise<unknown>): Promise<string | undefined> {
	try {
		await loading;
		return undefined;
	} catch (error) {
		return `${(error as Error).name}: ${(error as Error).message}`;
	}
}

describe("a file on its way to the database", function () {
	this.timeout(60_000);
	const folder = useFolder();
	const base = () => folder.write("ev_20250101.csv", exportOf(vehicles(1, 200)));
	/** Loads the base, then another file, in both formats. */
	const inBoth = async (
		content: string | Buffer,
		check: (loader: FileLoader, path: string, format: string) => unknown,
	) => {
		const contents = [];
		for (const format of FORMATS) {
			const loader = await createFileLoader(await testBed(), format);
			await loader.load(base());
			await check(loader, folder.write("ev_20250201.csv", content), format);
			const { vehicles: all, ...others } = await loader.database.contents();
			contents.push({ ...others, vehicles: all.map((row) => ({ ...(row as object), row_hash: null })) });
		}
		expect(contents[0], "csv and json").to.deep.equal(contents[1]);
	};
	const whole = exportOf(vehicles(1, 200));

	it("is refused where it was cut, with nothing changed", async () => {
		const cuts = [0.05, 0.5, 0.95].map((share) => whole.indexOf(",", Math.floor(share * whole.length)));
		await inBoth(whole, async (loader) => {
			const before = await loader.database.contents();
			for (const at of cuts) {
				const path = folder.write("cut_20250115.csv", whole.slice(0, at));
				expect(await refusal(loader.load(path)), whole.slice(at - 20, at)).to.match(
					/ is cut off: line \d+ has no line end/,
				);
			}
			expect(await loader.database.contents()).to.deep.equal(before);
		});
	});

	it("is a smaller register where it was cut between rows: refused with figures, or loaded with them", async () => {
		await inBoth(exportOf(vehicles(1, 190)), async (loader, path) => {
			const half = folder.write("half_20250115.csv", exportOf(vehicles(1, 100)));
			expect(await refusal(loader.load(half))).to.match(
				/^SuspiciousShrink: 100 of 200 registered vehicles are not in the snapshot/,
			);
			expect(await loader.load(path)).to.include({ rows: 190, unchanged: 190, removed: 10 });
		});
	});

	it("keeps removing vehicles where headers and empty rows stand among its rows", async () => {
		const rows = exportLines(1, 199);
		const content = [HEADER, ...rows.slice(0, 100), HEADER, ",,,,", "", ...rows.slice(100), ",".repeat(16), ""].join(
			"\n",
		);
		await inBoth(content, async (loader, path) => {
			const result = await loader.load(path);
			expect(result).to.include({ rows: 199, unchanged: 199, removed: 1, rejected: 0 });
			expect(result.fileNotes).to.deep.equal([
				"ev_20250201.csv: 1 header line among the rows was dropped, on line 102.",
				"ev_20250201.csv: 3 empty lines among the rows were dropped, the first on line 103.",
			]);
		});
	});

	it("has rows of invalid UTF-8 set aside, whatever the raw format", async () => {
		const rows = [...vehicles(1, 198), vehicle(199, { city: "Do\xf1a" }), vehicle(200, { city: "Olympia" })];
		const settings = { maxRejectedShare: 1 };
		await inBoth(Buffer.from(exportOf(rows), "latin1"), async (loader, path) => {
			const result = await loader.load(path, { settings });
			expect(result).to.include({ rows: 200, unchanged: 198, changed: 1, rejected: 1, removed: 0 });
			expect((await loader.current("city")).at(-2)).to.deep.equal({ city: "Seattle" });
			const rejected = await loader.database.query<{ key: string; reason: string }>(
				"select dol_vehicle_id::text as key, reason from ev.rejected_rows",
			);
			expect(rejected).to.deep.equal([{ key: "199", reason: "it is not valid UTF-8" }]);
		});
	});

	it("has broken rows set aside, whatever the raw format", async () => {
		const odd = ["1,2,3", `2,"Sea, ${exportLine(vehicle(2)).slice(20)}`, exportLine(vehicle("9x"))];
		const content = [HEADER, ...exportLines(1, 200), ...odd.slice(0, 2), exportLine(vehicle(201)), odd[2], ""].join(
			"\n",
		);
		const settings = { maxRejectedShare: 1 };
		await inBoth(content, async (loader, path) => {
			// The open quote is closed again by a later row's, or by none.
			expect(await loader.load(path, { settings })).to.include({ unchanged: 200, added: 1, rejected: 3, removed: 0 });
		});
	});

	it("gives odd points and values the same end in both raw formats", async () => {
		const points = [
			"POINT (1e2 4)",
			"POINT (0x10 1)",
			"POINT (-122.30 47.50)",
			"POINT (0.0000001 47)",
			"POINT (-0.0 47)",
			"POINT (NaN 47)",
			"POINT (12345 47)",
			"POINT (007 47)",
			"POINT EMPTY",
			`POINT (1.${"3".repeat(40)} 2)`,
			`POINT (1.${"3".repeat(140)} 2)`,
		];
		const cities = ["a\rb", "a\nb", "\0", "\u2028", '"', "\\N", "\\", " x ", "é", "🚗"];
		const rows = [
			...points.map((geocoded_column, index) => vehicle(300 + index, { geocoded_column })),
			...cities.map((city, index) => vehicle(400 + index, { city })),
		];
		const settings = { maxRejectedShare: 1 };
		await inBoth(exportOf([...vehicles(1, 200), ...rows]), async (loader, path) => {
			const result = await loader.load(path, { settings });
			expect(result.rejected, "points that are none, NUL, line breaks and padding").to.equal(10);
			expect(result.added).to.equal(rows.length - 10);
		});
	});

	it("ends in the same database in both raw formats, whatever its rows hold", async () => {
		const good = exportLines(1, 200).map((line) => Buffer.from(line));
		for (const seed of [1, 2, 3]) {
			const [hostile] = fc.sample(hostileLines(200), { seed, numRuns: 1 });
			const lines = interleave(good, hostile!).flatMap((line) => [line, Buffer.from("\n")]);
			await inBoth(
				Buffer.concat([Buffer.from(`${HEADER}\n`), ...lines, Buffer.from(`${exportLine(vehicle(201))}\n`)]),
				async (loader, path) => {
					const result = await loader.load(path, { settings: { maxRejectedShare: 1 }, accept: ["SourceIncomplete"] });
					expect(result.rejected).to.be.above(20);
				},
			);
		}
	});

	it("is refused for a vehicle with several rows; accepted, one row is kept", async () => {
		const twice = [...vehicles(1, 200), vehicle(3, { city: "Zillah" }), vehicle(5)];
		await inBoth(exportOf(twice), async (loader, path) => {
			expect(await refusal(loader.load(path))).to.match(
				/has 2 vehicles more than once, for example 3 on lines 4 and 202;/,
			);
			const result = await loader.load(path, { accept: ["SourceIncomplete"] });
			expect(result).to.include({ rows: 202, unchanged: 199, changed: 1, duplicates: 2, rejected: 0 });
		});
	});

	it("keeps the version of content that was loaded before", async () => {
		await inBoth(whole, async (loader, path) => {
			expect(await loader.load(path)).to.include({ status: "unchanged", rows: 200 });
			expect(await loader.database.query("select 1 from ev.snapshots")).to.have.length(1);
		});
	});

	it("is refused for a new column by the name that the file has", async () => {
		const content = exportOf(vehicles(1, 200), `${HEADER},Congressional Districts`).replaceAll(
			"53033007800\n",
			"53033007800,1\n",
		);
		await inBoth(content, async (loader, path) => {
			expect(await refusal(loader.load(path))).to.match(/^SchemaDrift: .*"Congressional Districts"/);
		});
	});

	it("has its own line of a rejected row told", async () => {
		const rows = exportLines(1, 200);
		rows[150] = exportLine(vehicle(151, { model_year: "far" }));
		const content = ["sep=,", HEADER, ...rows.slice(0, 50), "", ...rows.slice(50), ""].join("\n");
		for (const format of FORMATS) {
			const loader = await createFileLoader(await testBed(), format, 100);
			const path = folder.write("ev_20250201.csv", content);
			const message = (await refusal(loader.load(path, { settings: { maxRejectedShare: 0 } })))!;
			const { snapshot } = openSnapshot(path, []);
			expect(addFileLines(message, snapshot, { format, pageRows: 100 })).to.match(
				/the first on page 2, line 5[12] \(line 154 of ev_20250201\.csv\): Model Year does not fit/,
			);
		}
	});
});
