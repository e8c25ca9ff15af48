/** The guards, and what a person may accept. */

import { expect } from "chai";
import { failed } from "../../support/assertions";
import { type Row, vehicle, vehicles } from "../../support/snapshots";
import { useDatabase } from "../../support/use-database";

describe("load: guards", () => {
	const { database, current, run } = useDatabase();

	it("refuses more removals than maxRemovedShare unless accepted", async () => {
		await database().load({ day: 0, pages: [vehicles(1, 10)] });
		const snapshot = { day: 30, pages: [vehicles(1, 7)] };
		const settings = { maxRemovedShare: 0.2 };
		const error = await failed(database().load(snapshot, { settings, runId: "shrunk" }));
		expect(error).to.deep.include({ name: "SuspiciousShrink" });
		expect(error.message).to.include("3 of 10 registered vehicles").and.include("maxRemovedShare");
		expect(await run("shrunk")).to.deep.include({
			status: "failed",
			error: "SuspiciousShrink",
			message: error.message,
		});
		expect(await current("1")).to.have.length(10);
		const result = await database().load(snapshot, { settings, accept: ["SuspiciousShrink"] });
		expect(result).to.deep.include({ removed: 3 });
		expect(result.notes.join()).to.include("SuspiciousShrink was accepted");
	});

	it("refuses the name of an unknown guard", async () => {
		const error = await failed(database().load({ day: 0, pages: [vehicles(1, 1)] }, { accept: ["SuspiciousShrnk"] }));
		expect(error).to.deep.include({ name: "ConfigurationInvalid" });
		expect(error.message).to.include('"SuspiciousShrnk"').and.include("SuspiciousShrink");
	});

	it("stops when its time is up and says at which page", async () => {
		const pages = [vehicles(1, 3), vehicles(4, 6), vehicles(7, 9)];
		let asked = 0;
		// Asked when the session is opened, when the transaction begins, and before each page.
		const timeLeftMs = () => (++asked > 4 ? 0 : 60_000);
		const error = await failed(database().load({ day: 0, pages }, { timeLeftMs, runId: "late" }));
		expect(error).to.deep.include({ name: "OutOfTime" });
		expect(error.message).to.match(/stopped at page [123] of 3, because its time was up; give/);
		expect(await run("late")).to.deep.include({ status: "failed", error: "OutOfTime" });
		expect(await current("1")).to.deep.equal([]);
	});

	it("judges removals with unreadable keys counted as present", async () => {
		await database().load({ day: 0, pages: [vehicles(1, 10)] });
		const settings = { maxRemovedShare: 0.2 };
		const half = [...vehicles(1, 5), vehicle("6O")];
		const error = await failed(database().load({ day: 30, pages: [half] }, { settings }));
		expect(error).to.include({ name: "SuspiciousShrink" });
		expect(error.message).to.include("4 of 10 registered vehicles");
		const most = [...vehicles(1, 7), vehicle("8O")];
		const result = await database().load({ day: 30, pages: [most] }, { settings });
		expect(result).to.include({ removed: 0, rejected: 1 });
		expect(result.notes.join()).to.include('accept "UnreadableKeys"');
	});

	describe("on a table of 100 vehicles", () => {
		const settings = { maxChangedShare: 0.2 };
		const changed = (count: number, changes: Row) => [...vehicles(1, count, changes), ...vehicles(count + 1, 100)];

		beforeEach(() => database().load({ day: 0, pages: [vehicles(1, 100)] }));

		it("refuses more changes than maxChangedShare unless accepted", async () => {
			const snapshot = { day: 30, pages: [changed(21, { city: "Kent" })] };
			const error = await failed(database().load(snapshot, { settings }));
			expect(error).to.include({ name: "SuspiciousChange" });
			expect(error.message).to.include("21 of 100 registered vehicles").and.include("maxChangedShare");
			expect(await database().query("select from ev.vehicle_changes")).to.have.length(0);
			const result = await database().load(snapshot, { settings, accept: ["SuspiciousChange"] });
			expect(result).to.include({ changed: 21 });
			expect(result.notes.join()).to.include("SuspiciousChange was accepted");
		});

		it("allows as many changes as maxChangedShare", async () => {
			const snapshot = { day: 30, pages: [changed(20, { city: "Kent" })] };
			expect(await database().load(snapshot, { settings })).to.include({ changed: 20 });
		});

		it("does not count points and columns that were empty before", async () => {
			const moved = { day: 30, pages: [changed(100, { geocoded_column: "POINT (-120.5 47.5)" })] };
			expect(await database().load(moved, { settings })).to.include({ regeocoded: 100 });
			await database().query("update ev.vehicles set county = null, row_hash = 0");
			const filled = { day: 60, pages: moved.pages };
			expect(await database().load(filled, { settings })).to.include({ changed: 100 });
		});

		it("notes changes after a new version of the transform", async () => {
			await database().query("update ev.snapshots set transform_version = 2");
			const result = await database().load({ day: 30, pages: [changed(50, { city: "Kent" })] }, { settings });
			expect(result).to.include({ changed: 50 });
			expect(result.notes.join()).to.include("50 of 100 registered vehicles changed");
		});
	});

	it("allows any share of changes below 100 vehicles", async () => {
		await database().load({ day: 0, pages: [vehicles(1, 99)] });
		const snapshot = { day: 30, pages: [vehicles(1, 99, { city: "Kent" })] };
		expect(await database().load(snapshot, { settings: { maxChangedShare: 0.2 } })).to.include({ changed: 99 });
	});
});
