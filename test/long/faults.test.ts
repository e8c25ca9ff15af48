/** A load that is disturbed at each of its statements, or for long: the new snapshot or the old one. */

import { expect } from "chai";
import { Client } from "pg";
import { clientConfig } from "../../local/machine/postgres";
import { failed } from "../support/assertions";
import type { TestDatabase } from "../support/bed";
import {
	beforeStatements,
	expectOld,
	SCENES,
	type Scene,
	setScene,
	testHalfOpen,
	testKilledBackends,
	throughProxy,
	timeBudget,
} from "../support/faults";

for (const title of ["the first load", "a first load that must be staged after all", "the next load"] as const)
	testKilledBackends(title, SCENES[title]);

testHalfOpen({
	"its first statement": /^select pg_try_advisory_lock/,
	BEGIN: /^begin/,
	"reading what is known": /^copy \(\s*select/,
	COPY: /^copy staging/,
	"the merge": /^with merged as/,
	"the end of its record": /^update ev.runs set\s+status = \$2/,
});

describe("a load", () => {
	let scene: Scene;
	let database: TestDatabase;

	before(async () => {
		scene = await setScene(SCENES["the next load"]);
	});
	beforeEach(async () => {
		database = await scene.open();
	});

	it("whose only way to the database is half-open still ends in time to be told", async () => {
		const timeLeftMs = timeBudget();
		const error = await throughProxy(scene, database, async (proxy) => {
			const fallSilent = (text: string) => {
				if (/^copy staging/.test(text)) proxy.fallSilent({ all: true });
			};
			const error = await failed(beforeStatements(fallSilent, () => scene.load(database, { timeLeftMs })));
			expect(timeLeftMs(), "milliseconds left").to.be.above(500);
			return error;
		});
		await expectOld(scene, database, error, "OutOfTime", "running");
	});

	it("waits 10 s for a lock that somebody holds for longer, and is DatabaseUnavailable", async () => {
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
