/** Whatever fails at any statement of a load, it leaves the complete new snapshot or the old one. */

import { expect } from "chai";
import { Client } from "pg";
import { clientConfig } from "../../local/machine/postgres";
import { failed } from "../support/assertions";
import type { TestDatabase } from "../support/bed";
import {
	beforeStatements,
	expectOld,
	prepareScene,
	SCENES,
	type Scene,
	testHalfOpen,
	testKilledBackends,
	timeBudget,
	withProxy,
} from "../support/faults";

for (const title of ["first load", "first load with a duplicate", "next load"] as const)
	testKilledBackends(title, SCENES[title]);

testHalfOpen({
	"its first statement": /^select pg_try_advisory_lock/,
	BEGIN: /^begin/,
	"the read of known rows": /^copy \(\s*select/,
	COPY: /^copy staging/,
	"the merge": /^with merged as/,
	"the update of its record": /^update runs set\s+status = \$2/,
});

describe("load: unreachable or locked database", () => {
	let scene: Scene;
	let database: TestDatabase;

	before(async () => {
		scene = await prepareScene(SCENES["next load"]);
	});
	beforeEach(async () => {
		database = await scene.open();
	});

	it("ends in time to report when every connection is half-open", async () => {
		const timeLeftMs = timeBudget();
		const error = await withProxy(scene, database, async (proxy) => {
			const fallSilent = (text: string) => {
				if (/^copy staging/.test(text)) proxy.fallSilent({ all: true });
			};
			const error = await failed(beforeStatements(fallSilent, () => scene.load(database, { timeLeftMs })));
			expect(timeLeftMs(), "milliseconds left").to.be.above(500);
			return error;
		});
		await expectOld(scene, database, error, "OutOfTime", "running");
	});

	it("fails with DatabaseUnavailable after 10 s of waiting for a lock", async () => {
		const other = new Client(clientConfig(scene.bed.postgres, database.name, scene.bed.owner));
		await other.connect();
		await other.query("begin; lock table ev.vehicles in access exclusive mode");
		const startedAt = Date.now();
		const error = await failed(scene.load(database)).finally(() => other.end());
		expect(Date.now() - startedAt).to.be.within(10_000, 15_000);
		expect(error.message).to.include("lock timeout");
		await expectOld(scene, database, error, "DatabaseUnavailable");
	});
});
