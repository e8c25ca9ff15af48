/** A load that is disturbed at each of its statements, for long, or with the whole server: the new snapshot or the old one. */

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Client } from "pg";
import { clientConfig, createDatabase, type Postgres, removePostgres, startPostgres } from "../../local/postgres";
import { failed } from "../support/assertions";
import { migrateInto, openDatabase, type TestDatabase } from "../support/bed";
import {
	beforeStatements,
	expectComplete,
	expectOld,
	inMidCopy,
	SCENES,
	type Scene,
	setScene,
	testHalfOpen,
	testKilledBackends,
	throughProxy,
	timeBudget,
} from "../support/faults";
import { childrenOf } from "../support/local";

for (const title of ["the first load", "a first load that must be staged after all", "the next load"] as const)
	testKilledBackends(title, SCENES[title]);

testHalfOpen({
	"its first statement": /^select pg_try_advisory_lock/,
	BEGIN: /^begin/,
	"reading what is known": /^copy \(select/,
	COPY: /^copy incoming/,
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
		await throughProxy(scene, database, async (proxy) => {
			const fallSilent = (text: string) => {
				if (/^copy incoming/.test(text)) proxy.fallSilent({ all: true });
			};
			const error = await failed(beforeStatements(fallSilent, () => scene.load(database, { timeLeftMs })));
			expect(error).to.have.property("name", "OutOfTime");
			expect(timeLeftMs(), "milliseconds left").to.be.above(500);
		});
		expect(await database.contents()).to.deep.equal(scene.old);
		expect(await scene.load(database)).to.have.property("status", "loaded");
		await expectComplete(scene, database);
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

describe("a server of its own", () => {
	const directory = mkdtempSync(join(tmpdir(), "ev-registrations-faults-"));
	const SETTINGS = { shared_buffers: "64MB" };
	const ROLES = ["arn:loader", "arn:reader"];
	let scene: Scene;
	let postgres: Postgres;
	let database: TestDatabase;

	before(async () => {
		scene = await setScene(SCENES["a large load"]);
		const { aws, storage, owner } = scene.bed;
		postgres = await startPostgres(directory, SETTINGS);
		await createDatabase(postgres, "own", owner);
		// Migrate replaces the passwords of roles by new ones, and the other server keeps its own.
		const secrets = ROLES.map((arn) => [arn, aws.secrets.get<object>(arn)!] as const);
		await migrateInto({ postgres, aws, owner }, "own");
		database = openDatabase({ postgres, aws, storage, owner }, "own");
		for (const [arn, secret] of secrets) aws.secrets.put(arn, secret);
		for (const key of scene.earlier) await database.loadManifest(key);
	});
	after(async () => {
		await postgres?.stop();
		removePostgres(directory);
	});

	/** Starts the server again, on another port, as a failover would answer at another address. */
	const start = async () => {
		Object.assign(postgres, await startPostgres(directory, SETTINGS));
		const { secrets } = scene.bed.aws;
		secrets.put(database.secretArn, { ...secrets.get<object>(database.secretArn)!, port: postgres.port });
	};

	it("that is restarted between two loads, or away for one, still has the old snapshot", async () => {
		await postgres.stop();
		expect(await failed(scene.load(database))).to.have.property("name", "DatabaseUnavailable");
		await start();
		expect(await database.contents()).to.deep.equal(scene.old);
		expect(await database.query("select from ev.runs where status <> 'loaded'")).to.have.length(0);
	});

	it("that is killed in the middle of a COPY has the old snapshot, and the next load tells of the orphan", async () => {
		let killed = false;
		const kill = async () => {
			killed = true;
			// The postmaster first, so that it starts nobody anew; then its sessions.
			const sessions = childrenOf(postgres.pid);
			for (const { pid } of [postgres, ...sessions]) process.kill(pid, "SIGKILL");
		};
		const error = await failed(
			beforeStatements(
				(text, _client, _index, copy) => {
					if (/^copy incoming/.test(text)) inMidCopy(copy!, kill);
				},
				() => scene.load(database, { runId: "orphan" }),
			),
		);
		expect(killed).to.equal(true);
		expect(error).to.have.property("name", "DatabaseUnavailable");
		await start();
		expect(await database.contents()).to.deep.equal(scene.old);
		expect(await scene.load(database)).to.have.property("status", "loaded");
		await expectComplete(scene, database);
		expect(await database.query("select status, added from ev.runs where run_id = 'orphan'")).to.deep.equal([
			{ status: "abandoned", added: null },
		]);
	});
});
