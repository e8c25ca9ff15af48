/** A load ends in the complete new snapshot or the untouched old one, whatever fails under it; test/long/ has more of it. */

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
	expectComplete,
	expectLoaded,
	expectOld,
	inMidCopy,
	killBackend,
	SCENES,
	type Scene,
	setScene,
	testHalfOpen,
	testKilledBackends,
	throughProxy,
	timeBudget,
} from "../support/faults";
import { expectToldFailure, expectToldSuccess } from "../support/night";
import { storeSnapshot, vehicles } from "../support/snapshots";

testKilledBackends("the first load", SCENES["the first load"], (text) => /^(savepoint|commit)/.test(text));
testKilledBackends("the next load", SCENES["the next load"], (text) => /^(create temporary|with merged)/.test(text));
testHalfOpen({ COPY: /^copy staging/ });

describe("a load", () => {
	let scene: Scene;
	let database: TestDatabase;

	before(async () => {
		scene = await setScene(SCENES["the next load"]);
	});
	beforeEach(async () => {
		database = await scene.open();
	});
	afterEach(() => sinon.restore());

	describe("whose connection breaks", () => {
		it("in the middle of a COPY leaves the old snapshot", async () => {
			const large = await setScene(SCENES["a large load"]);
			database = await large.open();
			let killed = 0;
			const kill = (client: Client) => async () => {
				killed++;
				await killBackend(large.bed.postgres, client);
			};
			const error = await failed(
				beforeStatements(
					(text, client, _, copy) => {
						if (/^copy staging/.test(text)) inMidCopy(copy!, kill(client));
					},
					() => large.load(database),
				),
			);
			expect(killed).to.equal(1);
			await expectOld(large, database, error, "DatabaseUnavailable");
		});

		it("after COMMIT, before its reply, has loaded: the workflow tries again, and people are told what it did", async () => {
			const error = await throughProxy(scene, database, async (proxy) => {
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
			const night = await scene.night(database, () => tries.shift()!());
			expectToldSuccess(night);
			expect(night.told[0]!.message).to.match(/ 5 added.* 2 duplicates.* 1 rejected/s);
			await expectComplete(scene, database);
		});

		it("after COMMIT, before its end, is done, and does not wait for a goodbye", async () => {
			const result = await throughProxy(scene, database, async (proxy) => {
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

	describe("whose database is slow", () => {
		/** The load's time over a way that is slow once the transaction has begun. */
		const load = (pieceMs: number, timeLeftMs: () => number) =>
			throughProxy(scene, database, (proxy) => {
				const drag = (text: string) => {
					if (text === "begin") proxy.drag(pieceMs);
				};
				return beforeStatements(drag, () => scene.load(database, { timeLeftMs }));
			});

		it("takes its time, and loads", async () => {
			const timeLeftMs = timeBudget(30_000);
			const result = await load(40, timeLeftMs);
			expect(timeLeftMs(), "it was slow").to.be.below(32_000);
			await expectLoaded(scene, database, result);
		});

		it("stops in time, and says where, when that is too slow", async () => {
			const timeLeftMs = timeBudget();
			const error = await failed(load(120, timeLeftMs));
			expect(timeLeftMs(), "milliseconds left").to.be.above(1_000);
			await expectOld(scene, database, error, "OutOfTime");
			expect(error.message).to.match(
				/^The load stopped (at page \d of 2|before the first page), because its time was up/,
			);
		});
	});

	describe("whose database has no room left on its disk", () => {
		it("leaves the old snapshot, says so, and loads once there is room", async function () {
			// Whatever is written there is refused as a full disk refuses it.
			if (!existsSync("/dev/full")) this.skip();
			const first = await setScene(SCENES["the first load"]);
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

	describe("that the database does not let through", () => {
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

		it("stops when its time is up although somebody holds a lock for long", async () => {
			const timeLeftMs = timeBudget();
			const error = await whileLocked(() => failed(scene.load(database, { timeLeftMs })));
			expect(timeLeftMs()).to.be.above(1_000);
			await expectOld(scene, database, error, "OutOfTime");
		});

		it("is DatabaseUnavailable when a statement takes longer than the server allows", async () => {
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

		it("is DatabaseUnavailable when the server has no connection left", async () => {
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

	describe("beside another", () => {
		/** Loads, and has another load come in the middle of it, which must fail. */
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

		it("leaves the way to it, writes no record, and is done by the next", async () => {
			const later = await storeSnapshot(scene.bed.storage, { day: scene.day + 30, pages: [vehicles(1, 3)] });
			const result = await loadBeside(() => database.loadManifest(later, { runId: "beside" }));
			await expectLoaded(scene, database, result);
			expect(await database.query("select from ev.runs where run_id = 'beside'")).to.have.length(0);
			expect(await database.loadManifest(later, { runId: "beside" })).to.include({ status: "loaded", rows: 3 });
		});

		it("happens once when its event is delivered twice at once, and the second try gets the first's answer", async () => {
			const { seconds: _, ...first } = await loadBeside(() => scene.load(database));
			const again = await scene.load(database);
			expect(again).to.deep.include(first);
			await expectLoaded(scene, database, again);
		});

		it("happens once when its event is delivered again, at once or after a newer snapshot", async () => {
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
			expectToldFailure(await scene.night(database, () => Promise.reject(late)), late);
			expect(await database.contents()).to.deep.equal(newer);
		});
	});
});
