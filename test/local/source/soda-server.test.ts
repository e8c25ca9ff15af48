/** What the stand-in serves of a file: bytes as they are, in both formats, and columns by the names of the file. */

import { expect } from "chai";
import { openSnapshot } from "../../../local/source/snapshot";
import { type Source, startSource } from "../../../local/source/soda-server";
import { exportLine, exportOf, HEADER, useFolder } from "../../support/files";
import { vehicle, vehicles } from "../../support/snapshots";

describe("the stand-in for the open-data API", () => {
	const folder = useFolder();
	let source: Source | undefined;
	afterEach(async () => {
		await source?.stop();
		source = undefined;
	});
	const serve = async (content: string | Buffer) => {
		source = await startSource(openSnapshot(folder.write("20241012.csv", content), []).snapshot);
		return source.url;
	};
	const get = async (path: string) => {
		const response = await fetch(path);
		return { headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
	};
	const csv = (url: string) => get(`${url}/resource/f6w7-q2d2.csv?$limit=10`);
	const json = (url: string) => get(`${url}/resource/f6w7-q2d2.json?$limit=10`);

	it("hands on values in JSON byte for byte", async () => {
		const url = await serve(Buffer.from(exportOf([vehicle(1, { city: 'Do\xf1a \xff\xfe "q" \\ \t' })]), "latin1"));
		const { body } = await json(url);
		expect(body.includes(Buffer.from('"city":"Do\xf1a \xff\xfe \\"q\\" \\\\ \\t"', "latin1"))).to.equal(true);
	});

	it("escapes what JSON forbids, and nothing else", async () => {
		const city = `${Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join("")}"\\é🚗\u2028/`;
		const { body } = await json(await serve(exportOf([vehicle(1, { city })])));
		expect(JSON.parse(body.toString())[0].city).to.equal(city);
		expect(body.toString()).to.include("é🚗\u2028/").and.include("\\u0000").and.include("\\n");
	});

	it("writes points as GeoJSON where they read back as the same text", async () => {
		const points = ["POINT (-122.3 47.6)", "POINT(-122.3 47)", "POINT (1e2 4)", "POINT (-122.30 47)", "POINT (0x10 1)"];
		const rows = points.map((geocoded_column, index) => vehicle(index + 1, { geocoded_column }));
		const { body } = await json(await serve(exportOf(rows)));
		const served = JSON.parse(body.toString()).map((row: { geocoded_column: unknown }) => row.geocoded_column);
		expect(served).to.deep.equal([
			{ type: "Point", coordinates: [-122.3, 47.6] },
			{ type: "Point", coordinates: [-122.3, 47] },
			...points.slice(2),
		]);
	});

	it("serves a row with another number of fields as its text", async () => {
		const broken = `2,"Sea, ${exportLine(vehicle(2)).slice(20)}`;
		const { body } = await json(
			await serve(`${HEADER}\n${exportLine(vehicle(1))}\n1,2,3\n${broken}\n${exportLine(vehicle(3))}\n`),
		);
		const rows = JSON.parse(body.toString());
		expect(rows.slice(1, 3)).to.deep.equal(["1,2,3", broken]);
		expect(rows.map((row: { dol_vehicle_id?: string }) => row.dol_vehicle_id)).to.deep.equal([
			"1",
			undefined,
			undefined,
			"3",
		]);
	});

	it("names columns that are not the dataset's as the file does", async () => {
		const extra = ["Congressional Districts", 'WAOFM - "GIS" – ñ', ""];
		const quoted = extra.map((name) => `"${name.replaceAll('"', '""')}"`).join(",");
		const url = await serve(`${HEADER},${quoted}\n${exportLine(vehicle(1))},1,2,3\n`);
		const names = ["Congressional Districts", 'WAOFM - "GIS" – ñ', "(column 20, without a name)"];
		const { headers, body } = await csv(url);
		expect(JSON.parse(headers.get("x-soda2-fields")!).slice(-3)).to.deep.equal(names);
		expect(body.toString().split("\n")[0]).to.match(
			/,"Congressional Districts","WAOFM - ""GIS"" – ñ","\(column 20, without a name\)"$/,
		);
		expect(Object.keys(JSON.parse((await json(url)).body.toString())[0]).slice(-3)).to.deep.equal(names);
	});

	it("names the dataset's columns as the API does, however the file spells them", async () => {
		const { headers } = await csv(await serve(exportOf(vehicles(1, 1), HEADER.toUpperCase().replaceAll(",", " , "))));
		expect(JSON.parse(headers.get("x-soda2-fields")!).slice(0, 3)).to.deep.equal([
			"dol_vehicle_id",
			"vin_1_10",
			"county",
		]);
	});

	it("ends the last row with a line break, which a file need not", async () => {
		const { body } = await csv(await serve(exportOf(vehicles(1, 2)).trimEnd()));
		expect(body.toString().endsWith("53033007800\n")).to.equal(true);
	});
});
