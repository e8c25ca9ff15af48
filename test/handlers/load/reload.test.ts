/** The load of a version that is published already, or of one older than that. */

import { createHash } from "node:crypto";
import { expect } from "chai";
import { failed } from "../../support/assertions";
import { type StoredSnapshot, storeSnapshot, vehicle, vehicles } from "../../support/snapshots";
import { useDatabase } from "../../support/use-database";

describe("load: a version that is published", () => {
	const { database, bed, current, versions } = useDatabase();
	const jsonOf = (text: string) => ({
		contentType: "application/json",
		sha256: createHash("sha256").update(text).digest("hex"),
	});

	const snapshot = { day: 0, pages: [vehicles(1, 50)] };

	it("returns unchanged and writes no vehicle", async () => {
		await database().load(snapshot);
		const before = await versions();
		const result = await database().load(snapshot);
		expect(result).to.deep.include({ status: "unchanged", rows: 50, added: null, removed: null });
		expect(await versions()).to.deep.equal(before);
	});

	describe("fetched again", () => {
		it("loads new content without --reload", async () => {
			await database().load({ day: 0, pages: [vehicles(1, 24)] });
			const result = await database().load({ day: 0, pages: [vehicles(1, 40)] });
			expect(result).to.deep.include({ status: "loaded", rows: 40, unchanged: 24, added: 16 });
			expect(await current("1")).to.have.length(40);
			expect(await database().load({ day: 0, pages: [vehicles(1, 40)] })).to.include({ status: "unchanged" });
		});

		it("returns unchanged if the pages are the same", async () => {
			await database().load(snapshot);
			const before = await versions();
			const result = await database().load(snapshot, { runId: "again" });
			expect(result).to.include({ status: "unchanged" });
			expect(await versions()).to.deep.equal(before);
		});

		const others: [string, StoredSnapshot][] = [
			["as json", { ...snapshot, format: "json" }],
			["with other pages", { ...snapshot, pages: [vehicles(1, 25), vehicles(26, 50)] }],
		];
		for (const [what, other] of others)
			it(`merges once ${what}, and is then unchanged`, async () => {
				await database().load(snapshot);
				expect(await database().load(other)).to.deep.include({ status: "loaded", added: 0, changed: 0, removed: 0 });
				expect(await database().load(other)).to.include({ status: "unchanged" });
			});

		it("merges if the published manifest cannot be read", async () => {
			for (const damage of ["delete", "{}"]) {
				const key = await storeSnapshot(bed().storage, snapshot);
				await database().loadManifest(key, { reload: true });
				if (damage === "delete") await database().query("update ev.snapshots set manifest_key = 'raw/none.json'");
				else await bed().storage.write(key, Buffer.from(damage), jsonOf(damage));
				expect(await database().load(snapshot)).to.deep.include({ status: "loaded", unchanged: 50, added: 0 });
			}
		});

		it("merges what was published before sums were kept, once", async () => {
			await database().load(snapshot);
			await database().query("update ev.snapshots set manifest_sha256 = null");
			expect(await database().load(snapshot)).to.deep.include({ status: "loaded", unchanged: 50 });
			expect(await database().load(snapshot)).to.include({ status: "unchanged" });
		});
	});

	it("keeps key and SHA-256 of its manifest, with the snapshot and with each run", async () => {
		const key = await storeSnapshot(bed().storage, snapshot);
		const { sha256 } = jsonOf(String(await bed().storage.read(key)));
		await database().loadManifest(key);
		await database().loadManifest(key);
		const kept = "select manifest_key as key, manifest_sha256 as sha256 from";
		expect(await database().query(`${kept} ev.snapshots`)).to.deep.equal([{ key, sha256 }]);
		expect(await database().query(`${kept} ev.runs`)).to.deep.equal([
			{ key, sha256 },
			{ key, sha256 },
		]);
	});

	it("writes no vehicle on reload", async () => {
		await database().load(snapshot);
		const before = await versions();
		const result = await database().load(snapshot, { reload: true });
		expect(result).to.deep.include({ status: "loaded", rows: 50, unchanged: 50, added: 0, changed: 0, removed: 0 });
		expect(await versions()).to.deep.equal(before);
	});

	it("counts other spellings of the same values as unchanged", async () => {
		await database().load({ day: 0, pages: [[vehicle(1, { electric_range: "291", base_msrp: "0" })]] });
		const result = await database().load({ day: 1, pages: [[vehicle(1, { electric_range: "291.0", base_msrp: "" })]] });
		expect(result).to.deep.include({ unchanged: 1, changed: 0 });
		const again = await database().load(
			{ day: 1, pages: [[vehicle(1, { electric_range: "291.0", base_msrp: "" })]] },
			{ reload: true },
		);
		expect(again).to.deep.include({ unchanged: 1 });
	});

	it("adds up counts and history when its content differs", async () => {
		await database().load({ day: 0, pages: [vehicles(1, 3)] });
		await database().load({ day: 30, pages: [[vehicle(1, { city: "Tacoma" }), vehicle(2)]] });
		await database().load(
			{ day: 30, pages: [[vehicle(1, { city: "Kent" }), vehicle(2), vehicle(3)]] },
			{ reload: true },
		);
		expect(
			await database().query("select changed, removed, returned from ev.snapshots order by snapshot_at desc limit 1"),
		).to.deep.equal([{ changed: 2, removed: 1, returned: 1 }]);
		const [change] = await database().query("select old, new from ev.vehicle_changes where dol_vehicle_id = 1");
		expect(change).to.deep.equal({ old: { city: "Seattle" }, new: { city: "Kent" } });
	});

	it("returns the first result to a retry of the same run", async () => {
		const first = await database().load(snapshot, { runId: "same" });
		const { seconds: _, ...again } = await database().load(snapshot, { runId: "same" });
		expect(again).to.deep.include({ status: "loaded", added: 50 });
		expect(first).to.deep.include(again);
	});

	it("refuses an older snapshot", async () => {
		await database().load({ day: 30, pages: [vehicles(1, 2)] });
		const error = await failed(database().load({ day: 0, pages: [vehicles(1, 3)] }));
		expect(error).to.deep.include({ name: "OlderSnapshot" });
		expect(error.message).to.include("20240101T000000Z").and.include("20240131T000000Z");
		expect(await current("dol_vehicle_id")).to.have.length(2);
	});
});
