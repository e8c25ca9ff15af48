/** The guards, and what a person may accept. */

import { expect } from "chai";
import { failed } from "../../support/assertions";
import { useDatabase } from "../../support/load-bed";
import { vehicles } from "../../support/snapshots";

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
});
