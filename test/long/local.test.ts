/** More of `npm run local`, which takes its time. */

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
			"select to_jsonb(s) - 'run_id' as s from ev.snapshots s order by snapshot_at",
		];
		const lived = await folder().query("f6w7-q2d2", ...contents);
		const { status, results, stderr } = await json("--replay");
		expect(status, stderr).to.equal(0);
		expect(results[0]!.peakRssMb.extract, "the source was not asked").to.equal(null);
		expect(stderr.match(/✔ Replay /g)).to.have.length(3);
		expect(await folder().query("f6w7-q2d2", ...contents)).to.deep.equal(lived);
	});

	it("forgets on --fresh, and keeps the sample and files apart", async () => {
		const file = writeSampleFile(folder(), 0, 3000);
		await json("--source", file);
		await json();
		expect((await json("--source", file)).results[0]).to.include({ status: "unchanged" });
		expect((await json("--source", file, "--fresh")).results[0]).to.include({ status: "loaded", added: 3000 });
	});
});
