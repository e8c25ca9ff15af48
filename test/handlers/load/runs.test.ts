/** The records of runs, and readers during a load. */

import { expect } from "chai";
import { asSuperuser } from "../../../local/machine/postgres";
import { dayOf, vehicles } from "../../support/snapshots";
import { useDatabase } from "../../support/use-database";

describe("load: runs", () => {
	const { database, bed, current, run } = useDatabase();

	it("records its counts and times", async () => {
		const result = await database().load({ day: 0, pages: [vehicles(1, 3)] }, { runId: "r" });
		const recorded = await run("r");
		expect(recorded).to.deep.include({
			status: "loaded",
			snapshot_at: dayOf(0),
			rows: 3,
			added: 3,
			removed: 0,
			error: null,
		});
		expect(recorded).to.have.property("finished_at").that.is.an.instanceOf(Date);
		expect(result.seconds).to.be.above(0);
	});

	it("marks a run whose process died as abandoned", async () => {
		await database().query(
			"insert into ev.runs (run_id, manifest_key, status, started_at, accepted, notes) values ('dead', 'm', 'running', now(), '{}', '{}')",
		);
		await database().load({ day: 0, pages: [vehicles(1, 3)] });
		expect(await run("dead")).to.deep.include({ status: "abandoned" });
	});

	it("blocks no reader, who sees the old snapshot to the end", async () => {
		await database().load({ day: 0, pages: [vehicles(1, 3)] });
		await asSuperuser(bed().postgres, async () => {
			const reading = database().query<{ before: number; after: number }>(
				`select (select count(*)::int from ev.current_vehicles) as before, pg_sleep(0.6)::text,
					(select count(*)::int from ev.current_vehicles) as after`,
			);
			const result = await database().load({ day: 30, pages: [vehicles(1, 9)] });
			expect(result.seconds, "it did not wait for the reader").to.be.below(0.6);
			expect((await reading)[0]).to.deep.include({ before: 3, after: 3 });
		});
		expect(await current("1")).to.have.length(9);
	});
});
