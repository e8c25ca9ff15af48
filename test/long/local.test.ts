/** More of `npm run local`, which takes its time. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { localFolder, localFolderForEach, writeSampleFile } from "../support/local";

describe("npm run local, run several times,", function () {
	this.timeout(120_000);
	const { folder, json } = localFolderForEach();

	it("gives the same vehicles from json as from csv, row for row", async () => {
		const other = localFolder();
		try {
			const file = writeSampleFile(folder(), 0, 3000);
			await json("--source", file);
			const { results } = await other.run("--json", "--source", file, "--format", "json");
			expect(results[0]).to.include({ status: "loaded", added: 3000 });
			expect(results[0]!.manifest).to.include("/json/");
			const vehicles = "select to_jsonb(v) - 'row_hash' as v from ev.vehicles v order by dol_vehicle_id";
			expect(await other.query("f6w7-q2d2", vehicles)).to.deep.equal(await folder().query("f6w7-q2d2", vehicles));
		} finally {
			other.remove();
		}
	});

	it("rebuilds the same database from raw data on --replay, row for row, without the source", async () => {
		const files = [0, 1, 2].map((month) => writeSampleFile(folder(), month, 2000));
		await json(...files.flatMap((file) => ["--source", file]));
		const contents = [
			"select * from ev.vehicles order by dol_vehicle_id",
			"select * from ev.vehicle_changes order by changed_at, dol_vehicle_id",
			"select * from ev.snapshots order by snapshot_at",
			"select * from ev.runs order by run_id",
		];
		const lived = await folder().query("f6w7-q2d2", ...contents);
		const { status, results, stderr } = await json("--replay");
		expect(status, stderr).to.equal(0);
		expect(results[0]!.peakRssMb.extract, "the source was not asked").to.equal(null);
		expect(stderr.match(/✔ Replay /g)).to.have.length(3);
		expect(stderr).to.include("replayed").and.include("up to the snapshot of");
		expect(await folder().query("f6w7-q2d2", ...contents)).to.deep.equal(lived);
	});

	it("says on --replay that there is nothing to replay, and keeps what is there", async () => {
		const good = writeSampleFile(folder(), 0, 3000);
		const drifted = join(folder().path, "2024-01-15.csv");
		writeFileSync(drifted, readFileSync(good, "utf8").replace("County", "Shire"));
		expect((await json("--source", drifted)).results[0]).to.include({ status: "failed" });
		const runs = "select * from ev.runs";
		const before = await folder().query("f6w7-q2d2", runs);
		const { status, results, stderr } = await json("--replay");
		expect(status).to.equal(1);
		expect(results[0]).to.include({ error: "ReplayRefused" });
		expect(results[0]!.message).to.match(/^There is nothing to replay/);
		expect(stderr).to.include("The old data is still there").and.not.include("data.wa.gov");
		expect(await folder().query("f6w7-q2d2", runs))
			.to.deep.equal(before)
			.and.have.nested.property("[0].length", 1);
	});

	it("keeps the old data if raw data of a replay is damaged", async () => {
		await json("--source", writeSampleFile(folder(), 0, 3000));
		const contents = ["select * from ev.vehicles order by dol_vehicle_id", "select * from ev.runs order by run_id"];
		const lived = await folder().query("f6w7-q2d2", ...contents);
		await folder().query("f6w7-q2d2", "update ev.runs set manifest_sha256 = repeat('0', 64)");
		const { results, stderr } = await json("--replay");
		expect(results[0]).to.include({ error: "ManifestInvalid" });
		expect(stderr).to.include("The old data is still there");
		expect((await folder().query("f6w7-q2d2", contents[0]!))[0]).to.deep.equal(lived[0]);
	});

	it("forgets on --fresh, and keeps the sample and files apart", async () => {
		const file = writeSampleFile(folder(), 0, 3000);
		await json("--source", file);
		await json();
		expect((await json("--source", file)).results[0]).to.include({ status: "unchanged" });
		expect((await json("--source", file, "--fresh")).results[0]).to.include({ status: "loaded", added: 3000 });
	});
});
