/** A load ends in the complete new snapshot or the untouched old one, whatever fails under it; test/long/ has more of it. */

import { expect } from "chai";
import { Client } from "pg";
import sinon from "sinon";
import type { DatabaseSecret } from "../handlers/database";
import { newPassword } from "../handlers/passwords";
import { asSuperuser, clientConfig } from "../local/postgres";
import { failed } from "./support/assertions";
import type { TestDatabase } from "./support/bed";
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
} from "./support/faults";
import { answers, cutShort, type Fault, garbled, late, s3Error, withFaults } from "./support/proxies";
import { storeSnapshot, vehicles } from "./support/snapshots";

testKilledBackends("the first load", SCENES["the first load"], (text) => /^(savepoint|commit)/.test(text));
testKilledBackends("the next load", SCENES["the next load"], (text) => /^(create temporary|with merged)/.test(text));
testHalfOpen({ COPY: /^copy incoming/ });

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

	const secretOf = () => scene.bed.aws.secrets.get<DatabaseSecret>(database.secretArn)!;
	const putSecret = (changes: Partial<DatabaseSecret>) =>
		scene.bed.aws.secrets.put(database.secretArn, { ...secretOf(), ...changes });

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
						if (/^copy incoming/.test(text)) inMidCopy(copy!, kill(client));
					},
					() => large.load(database),
				),
			);
			expect(killed).to.equal(1);
			await expectOld(large, database, error, "DatabaseUnavailable");
		});

		it("after COMMIT, before its reply, has loaded: tried again, it says what it did", async () => {
			await throughProxy(scene, database, async (proxy) => {
				const timeLeftMs = timeBudget();
				const losesReply = (text: string) => {
					if (text === "commit") proxy.fallSilent({ replies: true });
				};
				const error = await failed(beforeStatements(losesReply, () => scene.load(database, { timeLeftMs })));
				expect(error).to.have.property("name", "OutOfTime");
				expect(timeLeftMs()).to.be.above(1_000);
			});
			await expectComplete(scene, database);
			expect(await scene.load(database)).to.deep.include({ status: "loaded", added: 5, rejected: 1, duplicates: 2 });
			await expectComplete(scene, database);
		});

		it("after COMMIT, before its end, is done, and does not wait for a goodbye", async () => {
			await throughProxy(scene, database, async (proxy) => {
				const end = sinon.stub(Client.prototype, "end").callsFake(function (this: Client) {
					proxy.fallSilent();
					return Reflect.apply(end.wrappedMethod, this, []);
				} as never);
				const timeLeftMs = timeBudget(10_000);
				expect(await scene.load(database, { timeLeftMs })).to.have.property("status", "loaded");
				end.restore();
				expect(timeLeftMs()).to.be.above(9_000);
			});
			await expectComplete(scene, database);
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
			await expectOld(scene, database, error, "DatabaseUnavailable", false);
		});
	});

	describe("beside another", () => {
		it("leaves the way to it, and is done by the next", async () => {
			const later = await storeSnapshot(scene.bed.storage, { day: scene.day + 30, pages: [vehicles(1, 3)] });
			const loads = await Promise.allSettled([scene.load(database), database.loadManifest(later)]);
			const refused = loads.find((load) => load.status === "rejected");

			expect(refused?.reason).to.have.property("name", "RunInProgress");
			if (loads[0] === refused) expect(await failed(scene.load(database))).to.have.property("name", "OlderSnapshot");
			else {
				await expectComplete(scene, database);
				expect(await database.loadManifest(later)).to.include({ status: "loaded", rows: 3 });
			}
		});

		it("happens once when its event is delivered twice at once, and the second try gets the first's answer", async () => {
			const loads = await Promise.allSettled([scene.load(database), scene.load(database)]);
			const first = loads.find((load) => load.status === "fulfilled")!.value;
			const second = loads.find((load) => load.status === "rejected")!.reason;
			expect(second).to.have.property("name", "RunInProgress");
			const { seconds: _, ...again } = await scene.load(database);
			expect(first).to.deep.include(again);
			await expectComplete(scene, database);
		});

		it("happens once when its event is delivered again, at once or after a newer snapshot", async () => {
			await scene.load(database);
			await scene.load(database);
			await expectComplete(scene, database);
			await database.load({ day: scene.day + 30, pages: [vehicles(1, 30)] });
			const newer = await database.contents();
			expect(await scene.load(database)).to.deep.include({ status: "loaded", added: 5 });
			const late = await failed(scene.load(database, { runId: "another" }));
			expect(late).to.have.property("name", "OlderSnapshot");
			expect(await database.contents()).to.deep.equal(newer);
		});
	});

	describe("whose storage fails", () => {
		const isPage = (url = "") => url.includes(".csv.gz");
		/** A fault for the second page: at the first `times` askings, or always. */
		const load = (fault: Fault, times = Number.POSITIVE_INFINITY, options = {}) => {
			let page: string | undefined;
			let pages = 0;
			const faultOf = ({ url }: { url?: string }) => {
				if (!isPage(url)) return undefined;
				if (++pages === 2) page = url;
				return url === page && times-- > 0 ? fault : undefined;
			};
			// The SDK's waits between attempts are random shares.
			sinon.stub(Math, "random").returns(0);
			return withFaults("AWS_ENDPOINT_URL_S3", faultOf, () => scene.load(database, options));
		};
		const hangUp: Fault = (response) => response.destroy();
		const missing = s3Error(404, "NoSuchKey");

		for (const [what, fault, name] of [
			["an internal error", s3Error(500, "InternalError"), "StorageUnavailable"],
			["SlowDown", s3Error(503, "SlowDown"), "StorageUnavailable"],
			["a connection that breaks", hangUp, "StorageUnavailable"],
			["half a page", cutShort, "StorageUnavailable"],
			["other bytes than were written", garbled, "StorageUnavailable"],
		] as const) {
			it(`once with ${what} succeeds`, async () => {
				await expectLoaded(scene, database, await load(fault, 1));
			});

			it(`always with ${what} leaves the old snapshot: ${name}`, async () => {
				await expectOld(scene, database, await failed(load(fault)), name);
			});
		}

		for (const [what, fault, name] of [
			["AccessDenied", s3Error(403, "AccessDenied"), "StorageUnavailable"],
			["a page that is not there", missing, "PageDamaged"],
		] as const)
			it(`with ${what} leaves the old snapshot: ${name}`, async () => {
				await expectOld(scene, database, await failed(load(fault)), name);
			});

		it("by being slow leaves the old snapshot when the time is up: OutOfTime", async () => {
			const timeLeftMs = timeBudget();
			await expectOld(scene, database, await failed(load(late(1_200), 1, { timeLeftMs })), "OutOfTime");
		});

		it("when there is no time left for the first page either is OutOfTime, and nothing is left to fail", async () => {
			let asked = 0;
			const timeLeftMs = () => (++asked > 2 ? 0 : 60_000);
			const unhandled = sinon.stub();
			process.on("unhandledRejection", unhandled);
			try {
				const faultOf = ({ url }: { url?: string }) => (isPage(url) ? missing : undefined);
				const error = await withFaults("AWS_ENDPOINT_URL_S3", faultOf, async () => {
					const error = await failed(scene.load(database, { timeLeftMs }));
					await new Promise((done) => setTimeout(done, 50));
					return error;
				});
				expect(unhandled.callCount).to.equal(0);
				await expectOld(scene, database, error, "OutOfTime");
			} finally {
				process.off("unhandledRejection", unhandled);
			}
		});
	});

	describe("whose secrets", () => {
		const load = (times: number) => {
			const throttled = answers(400, JSON.stringify({ __type: "ThrottlingException", message: "Rate exceeded" }));
			sinon.stub(Math, "random").returns(0);
			return withFaults(
				"AWS_ENDPOINT_URL_SECRETS_MANAGER",
				() => (times-- > 0 ? throttled : undefined),
				() => scene.load(database),
			);
		};

		it("are throttled once succeeds", async () => {
			await expectLoaded(scene, database, await load(1));
		});

		it("are throttled for long is SecretUnavailable", async () => {
			const error = await failed(load(Number.POSITIVE_INFINITY));
			expect(error.message).to.include("Rate exceeded");
			await expectOld(scene, database, error, "SecretUnavailable", false);
		});

		it("are rotated after the last load uses the new password", async () => {
			const { password } = secretOf();
			const rotate = async (to: string) => {
				await asSuperuser(scene.bed.postgres, (client) => client.query(`alter role ev_loader password '${to}'`));
				putSecret({ password: to });
			};
			try {
				await rotate(newPassword());
				await expectLoaded(scene, database, await scene.load(database));
			} finally {
				await rotate(password);
			}
		});
	});
});
