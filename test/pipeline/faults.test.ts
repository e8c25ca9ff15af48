/** Whatever fails in the database, a load leaves the complete new snapshot or the old one. test/long/ has more faults. */

import { existsSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { Client } from "pg";
import sinon from "sinon";
import type { LoadResult } from "../../handlers/common/contract";
import { asSuperuser, clientConfig } from "../../local/machine/postgres";
import { failed } from "../support/assertions";
import type { TestDatabase } from "../support/bed";
import {
	beforeStatements,
	duringCopy,
	expectComplete,
	expectLoaded,
	expectOld,
	killBackend,
	prepareScene,
	SCENES,
	type Scene,
	testHalfOpen,
	testKilledBackends,
	timeBudget,
	withProxy,
} from "../support/faults";
import { storeSnapshot, vehicles } from "../support/snapshots";
import { expectFailureNotified, expectSuccessNotified } from "../support/workflow-run";

testKilledBackends("first load", SCENES["first load"], (text) => /^(savepoint|commit)/.test(text));
testKilledBackends("next load", SCENES["next load"], (text) => /^(create temporary|with merged)/.test(text));
testHalfOpen({ COPY: /^copy staging/ });

describe("load: database faults", () => {
	let scene: Scene;
	let database: TestDatabase;

	before(async () => {
		scene = await prepareScene(SCENES["next load"]);
	});
	beforeEach(async () => {
		database = await scene.open();
	});
	afterEach(() => sinon.restore());

	describe("when the connection breaks", () => {
		it("leaves the old snapshot after a break in mid-COPY", async () => {
			const large = await prepareScene(SCENES["large load"]);
			database = await large.open();
			let killed = 0;
			const kill = (client: Client) => async () => {
				killed++;
				await killBackend(large.bed.postgres, client);
			};
			const error = await failed(
				beforeStatements(
					(text, client, _, copy) => {
						if (/^copy staging/.test(text)) duringCopy(copy!, kill(client));
					},
					() => large.load(database),
				),
			);
			expect(killed).to.equal(1);
			await expectOld(large, database, error, "DatabaseUnavailable");
		});

		it("reports the load on retry when COMMIT's reply is lost", async () => {
			const error = await withProxy(scene, database, async (proxy) => {
				const timeLeftMs = timeBudget();
				const losesReply = (text: string) => {
					if (text === "commit") proxy.fallSilent({ replies: true });
				};
				const error = await failed(beforeStatements(losesReply, () => scene.load(database, { timeLeftMs })));
				expect(timeLeftMs()).to.be.above(1_000);
				return error;
			});
			expect(error).to.have.property("name", "DatabaseUnavailable");
			await expectComplete(scene, database);
			const tries = [() => Promise.reject(error), () => scene.load(database)];
			const run = await scene.runWorkflow(database, () => tries.shift()!());
			expectSuccessNotified(run);
			expect(run.notifications[0]!.message).to.match(/ 5 added.* 2 duplicates.* 1 rejected/s);
			await expectComplete(scene, database);
		});

		it("does not wait for the connection to close after COMMIT", async () => {
			const result = await withProxy(scene, database, async (proxy) => {
				const end = sinon.stub(Client.prototype, "end").callsFake(function (this: Client) {
					proxy.fallSilent();
					return Reflect.apply(end.wrappedMethod, this, []);
				} as never);
				const timeLeftMs = timeBudget(10_000);
				const result = await scene.load(database, { timeLeftMs });
				end.restore();
				expect(timeLeftMs()).to.be.above(9_000);
				return result;
			});
			await expectLoaded(scene, database, result);
		});
	});

	describe("when the connection is slow", () => {
		/** Loads over a connection that delays each chunk once the transaction has begun. */
		const load = (chunkMs: number, timeLeftMs: () => number) =>
			withProxy(scene, database, (proxy) => {
				const slowDown = (text: string) => {
					if (text === "begin") proxy.slowDown(chunkMs);
				};
				return beforeStatements(slowDown, () => scene.load(database, { timeLeftMs }));
			});

		it("loads over a slow connection", async () => {
			const timeLeftMs = timeBudget(30_000);
			const result = await load(40, timeLeftMs);
			expect(timeLeftMs(), "it was slow").to.be.below(32_000);
			await expectLoaded(scene, database, result);
		});

		it("stops in time and names the page when it is too slow", async () => {
			const timeLeftMs = timeBudget();
			const error = await failed(load(120, timeLeftMs));
			expect(timeLeftMs(), "milliseconds left").to.be.above(1_000);
			await expectOld(scene, database, error, "OutOfTime");
			expect(error.message).to.match(
				/^The load stopped (at page \d of 2|before the first page), because its time was up/,
			);
		});
	});

	describe("when the database's disk is full", () => {
		it("leaves the old snapshot and loads once there is room", async function () {
			// Every write to /dev/full fails with ENOSPC.
			if (!existsSync("/dev/full")) this.skip();
			const first = await prepareScene(SCENES["first load"]);
			database = await first.open();
			const [table] = await database.query<{ file: string }>("select pg_relation_filepath('ev.vehicles') as file");
			const path = await asSuperuser(scene.bed.postgres, async (client) => {
				const { rows } = await client.query<{ data_directory: string }>("show data_directory");
				return join(rows[0]!.data_directory, table!.file);
			});
			renameSync(path, `${path}.aside`);
			symlinkSync("/dev/full", path);
			const error = await failed(first.load(database)).finally(() => renameSync(`${path}.aside`, path));
			expect(error.message).to.match(/while loading, at page \d of 2.*No space left on device/);
			await expectOld(first, database, error, "DatabaseUnavailable");
		});
	});

	describe("when the database refuses work", () => {
		const whileLocked = async <T>(work: () => Promise<T>) => {
			const other = new Client(clientConfig(scene.bed.postgres, database.name, scene.bed.owner));
			await other.connect();
			await other.query("begin; lock table ev.vehicles in access exclusive mode");
			try {
				return await work();
			} finally {
				await other.end();
			}
		};

		it("stops in time while another session holds a lock", async () => {
			const timeLeftMs = timeBudget();
			const error = await whileLocked(() => failed(scene.load(database, { timeLeftMs })));
			expect(timeLeftMs()).to.be.above(1_000);
			await expectOld(scene, database, error, "OutOfTime");
		});

		it("fails with DatabaseUnavailable at a statement timeout", async () => {
			const allow = (timeout: string) =>
				asSuperuser(scene.bed.postgres, (client) =>
					client.query(`alter role ev_loader in database ${database.name} set statement_timeout = ${timeout}`),
				);
			await allow("'100ms'");
			const error = await whileLocked(() => failed(scene.load(database)));
			await allow("default");
			await expectOld(scene, database, error, "DatabaseUnavailable");
			expect(error.message).to.include("statement timeout");
		});

		it("fails with DatabaseUnavailable when no connection is left", async () => {
			const limit = (connections: number) =>
				asSuperuser(scene.bed.postgres, (client) =>
					client.query(`alter role ev_loader connection limit ${connections}`),
				);
			await limit(0);
			const error = await failed(scene.load(database)).finally(() => limit(-1));
			expect(error.message).to.include("too many connections");
			await expectOld(scene, database, error, "DatabaseUnavailable", "none");
		});
	});

	describe("when two loads run at once", () => {
		/** Loads, and starts another load during it, which must fail with RunInProgress. */
		const loadBeside = async (other: () => Promise<LoadResult>) => {
			let refusal: Promise<Error> | undefined;
			const act = (text: string) => {
				if (text !== "begin" || refusal) return undefined;
				refusal = failed(other());
				return refusal.then(() => {});
			};
			const result = await beforeStatements(act, () => scene.load(database));
			expect(await refusal).to.have.property("name", "RunInProgress");
			return result;
		};

		it("yields to a running load; the retry succeeds", async () => {
			const later = await storeSnapshot(scene.bed.storage, { day: scene.day + 30, pages: [vehicles(1, 3)] });
			const result = await loadBeside(() => database.loadManifest(later, { runId: "beside" }));
			await expectLoaded(scene, database, result);
			expect(await database.query("select from ev.runs where run_id = 'beside'")).to.have.length(0);
			expect(await database.loadManifest(later, { runId: "beside" })).to.include({ status: "loaded", rows: 3 });
		});

		it("answers a duplicate event with the first load's result", async () => {
			const { seconds: _, ...first } = await loadBeside(() => scene.load(database));
			const again = await scene.load(database);
			expect(again).to.deep.include(first);
			await expectLoaded(scene, database, again);
		});

		it("loads once when its event arrives again after a newer load", async () => {
			await scene.load(database);
			await expectLoaded(scene, database, await scene.load(database));
			await database.load({ day: scene.day + 30, pages: [vehicles(1, 30)] });
			const newer = await database.contents();
			expect(await scene.load(database)).to.deep.include({ status: "loaded", added: 5 });
			const late = await failed(scene.load(database, { runId: "another" }));
			expect(late).to.have.property("name", "OlderSnapshot");
			expect(await database.query("select status, error from ev.runs where run_id = 'another'")).to.deep.equal([
				{ status: "failed", error: "OlderSnapshot" },
			]);
			expectFailureNotified(await scene.runWorkflow(database, () => Promise.reject(late)), late);
			expect(await database.contents()).to.deep.equal(newer);
		});
	});
});
