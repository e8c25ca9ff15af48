/** Faults for loads (lost sessions, half-open connections, slow networks), and what must hold after each of them. */

import { expect } from "chai";
import { Test } from "mocha";
import { Client } from "pg";
import type { CopyStreamQuery } from "pg-copy-streams";
import sinon from "sinon";
import type { LoadResult } from "../../handlers/common/contract";
import type { DatabaseSecret } from "../../handlers/common/database";
import { asSuperuser, type Postgres } from "../../local/machine/postgres";
import { failed } from "./assertions";
import { type LoadOptions, type TestBed, type TestDatabase, testBed } from "./bed";

import { type DatabaseProxy, startDatabaseProxy } from "./proxies";
import { dayOf, type StoredSnapshot, storeSnapshot, vehicle, vehicles } from "./snapshots";
import { expectFailureNotified, expectSuccessNotified, runDeployedWorkflow, type WorkflowRun } from "./workflow-run";

type Contents = Awaited<ReturnType<TestDatabase["contents"]>>;

/** A load to test with faults: its raw files, and the database before and after it. */
export interface Scene {
	bed: TestBed;
	/** The day of the snapshot that the load loads. */
	day: number;
	/** Keys of the manifests that were loaded before. */
	earlier: string[];
	/** The database before the load, and after one without faults. */
	old: Contents;
	complete: Contents;
	/** The statements of a load without faults. */
	statements: string[];
	/** Creates a database with the earlier snapshots loaded. */
	open(): Promise<TestDatabase>;
	/** Loads once, as the workflow's task does. */
	load(database: TestDatabase, options?: LoadOptions): Promise<LoadResult>;
	/** Runs the workflow; `load` replaces the load itself. */
	runWorkflow(database: TestDatabase, load?: () => Promise<LoadResult>): Promise<WorkflowRun>;
}

let scenes = 1;

const RUN = "run-1";
const moved = { geocoded_column: "POINT (-120.5 47.5)" };
const kent = { city: "Kent" };

/** Snapshots to load before the faults, and the one to load with them. */
export const SCENES = {
	"first load": { before: [], next: { day: 0, pages: [vehicles(1, 20), vehicles(21, 40)] } },
	"first load with a duplicate": {
		before: [],
		next: { day: 0, pages: [[...vehicles(1, 20), vehicle(7, kent)], vehicles(21, 40)] },
	},
	"large load": {
		before: [{ day: 0, pages: [vehicles(1, 9)] }],
		next: { day: 30, pages: [vehicles(1, 350), vehicles(351, 700)] },
	},
	"load of 10,000 rows": {
		before: [{ day: 0, pages: [vehicles(1, 9)] }],
		next: { day: 30, pages: [vehicles(1, 5_000), vehicles(5_001, 10_000)] },
	},
	"next load": {
		before: [
			{ day: 0, pages: [vehicles(1, 20), vehicles(21, 44)] },
			{ day: 30, pages: [vehicles(1, 20), vehicles(21, 40)] },
		],
		next: {
			day: 60,
			pages: [
				[...vehicles(1, 4), ...vehicles(5, 8, kent), ...vehicles(9, 12, moved), ...vehicles(50, 54, kent), vehicle(50)],
				[...vehicles(21, 35), ...vehicles(41, 42), vehicle(36, { model_year: "20255" }), vehicle(21, kent)],
			],
		},
	},
} satisfies Record<string, { before: StoredSnapshot[]; next: StoredSnapshot }>;

/** Stores a scene's raw files, and records the statements and the result of a load without faults. */
export async function prepareScene({
	before,
	next,
}: {
	before: StoredSnapshot[];
	next: StoredSnapshot;
}): Promise<Scene> {
	const bed = await testBed();
	// A manifest's key depends on its version alone, so each scene gets days of its own.
	const shift = 1000 * scenes++;
	const store = (snapshot: StoredSnapshot) => storeSnapshot(bed.storage, { ...snapshot, day: snapshot.day + shift });
	const stage = await bed.newDatabase();
	const earlier: string[] = [];
	for (const snapshot of before) earlier.push(await store(snapshot));
	for (const key of earlier) await stage.loadManifest(key);
	const old = await stage.contents();
	const manifestKey = await store(next);
	const open = () => bed.newDatabase(stage);
	const load: Scene["load"] = (database, options) => database.loadManifest(manifestKey, { runId: RUN, ...options });
	const rows = next.pages.reduce((sum, page) => sum + page.length, 0);
	const rowsUpdatedAt = dayOf(next.day + shift).getTime() / 1000;
	const extracted = { manifestKey, fetched: true, rows, bytes: 1, rowsUpdatedAt, seconds: 1 };
	const runWorkflow: Scene["runWorkflow"] = (database, load) =>
		runDeployedWorkflow(
			bed.aws,
			RUN,
			extracted,
			load ?? (({ manifestKey, secrets: _, ...given }) => database.loadManifest(manifestKey, given)),
		);
	const database = await open();
	const statements: string[] = [];
	await beforeStatements(
		(text) => {
			statements.push(text.trim());
		},
		() => load(database),
	);
	const complete = await database.contents();
	return { bed, day: next.day + shift, earlier, old, complete, statements, open, load, runWorkflow };
}

/**
 * Expects that a failed load left the old snapshot, a record of the run with the error, and a notification; and that the
 * next run loads and is notified.
 * @param name the error's expected name
 * @param record the run's expected status; "none" if the load failed before the record, "running" if it could not close it
 */
export async function expectOld(
	scene: Scene,
	database: TestDatabase,
	error: Error,
	name: string,
	record: "failed" | "running" | "none" = "failed",
): Promise<void> {
	expect(error, error.stack).to.have.property("name", name);
	expect(await database.contents()).to.deep.equal(scene.old);
	const runs = await database.query<Record<string, unknown>>("select * from ev.runs where run_id = $1", [RUN]);
	expect(
		runs.map(({ status }) => status),
		"records of the run",
	).to.deep.equal(record === "none" ? [] : [record]);
	if (record === "failed") {
		expect(runs[0]).to.deep.include({ error: name, message: error.message, added: null });
		expect(runs[0]).to.have.property("finished_at").that.is.an.instanceOf(Date);
	}
	expectFailureNotified(await scene.runWorkflow(database, () => Promise.reject(error)), error);
	await untilNoSessions(scene.bed.postgres, database);
	expectSuccessNotified(await scene.runWorkflow(database));
	await expectComplete(scene, database);
}

/** Expects that a load recovered from a fault: its result, the database and the notification are those of any load. */
export async function expectLoaded(scene: Scene, database: TestDatabase, result: LoadResult): Promise<void> {
	expect(result).to.have.property("status", "loaded");
	await expectComplete(scene, database);
	expectSuccessNotified(await scene.runWorkflow(database, () => Promise.resolve(result)));
}

/** Expects the complete new snapshot and the record of the run that loaded it. */
export async function expectComplete(scene: Scene, database: TestDatabase): Promise<void> {
	expect(await database.contents()).to.deep.equal(scene.complete);
	const runs = await database.query("select status, error, message from ev.runs where run_id = $1", [RUN]);
	expect(runs).to.deep.equal([{ status: "loaded", error: null, message: null }]);
	const counts = `select rejected::int, (select count(*)::int from ev.rejected_rows where run_id = $1) as rejected_rows
		from ev.runs where run_id = $1`;
	const [run] = await database.query<{ rejected: number; rejected_rows: number }>(counts, [RUN]);
	expect(run!.rejected_rows, "rejected rows, once each").to.equal(run!.rejected);
}

/** Waits until the loader has no session left in the database. */
export async function untilNoSessions(postgres: Postgres, { name }: TestDatabase): Promise<void> {
	await asSuperuser(postgres, async (client) => {
		const ask = "select from pg_stat_activity where usename = 'ev_loader' and datname = $1";
		while ((await client.query(ask, [name])).rowCount) await new Promise((done) => setTimeout(done, 10));
	});
}

/**
 * Declares a test for each statement of a load, or for those that `isChosen` selects: the session's backend is killed just
 * before it. The statements are known only after a load without faults, so all tests but the first are added then.
 */
export function testKilledBackends(
	title: string,
	snapshots: (typeof SCENES)[keyof typeof SCENES],
	isChosen: (text: string) => boolean = () => true,
): void {
	describe(`load: lost sessions, ${title}`, () => {
		let scene: Scene;

		before(async function () {
			scene = await prepareScene(snapshots);
			const suite = this.test!.parent!;
			for (const [place, text] of scene.statements.entries())
				if (isChosen(text))
					suite.addTest(
						new Test(`keeps the old snapshot if killed before #${place + 1}, ${opening(text)}`, killBefore(place)),
					);
		});

		it("runs in one transaction that ends with its last statement", () => {
			const { statements } = scene;
			expect(statements.filter((text) => text === "begin")).to.have.length(1);
			expect(statements.indexOf("commit")).to.equal(statements.length - 1);
			expect(statements.findIndex((text) => text.startsWith("copy"))).to.be.above(statements.indexOf("begin"));
		});

		const killBefore = (place: number) => async () => {
			const { postgres } = scene.bed;
			const database = await scene.open();
			const kill = (_: string, client: Client, index: number) =>
				index === place ? killBackend(postgres, client) : undefined;
			const error = await failed(beforeStatements(kill, () => scene.load(database)));
			const recorded = place > scene.statements.findIndex(opensRecord);
			await expectOld(scene, database, error, "DatabaseUnavailable", recorded ? "failed" : "none");
		};
	});
}

const opensRecord = (text: string) => text.trim().startsWith("insert into runs");

/** The first three words of a statement. */
const opening = (text: string) => text.split(/\s+/).slice(0, 3).join(" ");

/**
 * A function's remaining time: `ms` for the load, and 3 s more to record and report a failure. Connecting counts too, so a
 * busy machine needs some of it.
 * @returns milliseconds that are left
 */
export function timeBudget(ms = 1_000) {
	const end = Date.now() + 3_000 + ms;
	return () => end - Date.now();
}

/** Runs `work` while loads connect to the database through a proxy. */
export async function withProxy<T>(
	{ bed }: Scene,
	{ secretArn }: TestDatabase,
	work: (proxy: DatabaseProxy) => Promise<T>,
): Promise<T> {
	const secret = bed.aws.secrets.get<DatabaseSecret>(secretArn)!;
	const proxy = await startDatabaseProxy(bed.postgres.port);
	bed.aws.secrets.put(secretArn, { ...secret, port: proxy.port });
	try {
		return await work(proxy);
	} finally {
		bed.aws.secrets.put(secretArn, secret);
		await proxy.stop();
	}
}

/**
 * Declares a test for each place in a load at which the connection becomes half-open: it ends in time and leaves the old
 * snapshot.
 * @param places a pattern of the statement by the place's name
 */
export function testHalfOpen(places: Record<string, RegExp>): void {
	describe("load: half-open connections", () => {
		let scene: Scene;
		before(async () => {
			scene = await prepareScene(SCENES["next load"]);
		});

		for (const [place, pattern] of Object.entries(places))
			it(`ends in time when half-open from ${place} on`, async () => {
				const database = await scene.open();
				let recorded = false;
				let begun = false;
				const error = await withProxy(scene, database, async (proxy) => {
					const timeLeftMs = timeBudget();
					const fallSilent = (text: string) => {
						if (pattern.test(text.trim())) proxy.fallSilent();
						else if (opensRecord(text)) recorded = true;
						else if (text === "begin") begun = true;
					};
					const error = await failed(beforeStatements(fallSilent, () => scene.load(database, { timeLeftMs })));
					expect(timeLeftMs(), "milliseconds left").to.be.above(1_000);
					// The server ends the transaction and its locks by itself, although the connection stays open.
					if (begun) await untilNoSessions(scene.bed.postgres, database);
					return error;
				});
				await expectOld(scene, database, error, "OutOfTime", recorded ? "failed" : "none");
			});
	});
}

/** Terminates a session, as an administrator or a failing server would, and waits until it has ended. */
export async function killBackend(postgres: Postgres, client: Client): Promise<void> {
	const { processID } = client as unknown as { processID: number };
	await asSuperuser(postgres, async (superuser) => {
		const { rows } = await superuser.query("select pg_terminate_backend($1, 10000) as ended", [processID]);
		if (!rows[0].ended) throw new Error("the backend did not end");
	});
}

/**
 * Runs `work`, and calls `act` before each statement of the loader. The statement waits for it.
 * @param act gets the statement's text, its client, its index from 0, and the stream of a COPY
 */
export async function beforeStatements<T>(
	act: (text: string, client: Client, index: number, copy?: CopyStreamQuery) => Promise<void> | undefined | void,
	work: () => Promise<T>,
): Promise<T> {
	const { query } = Client.prototype;
	let index = 0;
	const stub = sinon.stub(Client.prototype, "query").callsFake(function (this: Client, ...values: unknown[]) {
		const issue = () => Reflect.apply(query, this, values);
		if ((this as unknown as { user: string }).user !== "ev_loader") return issue();
		const statement = values[0] as string | CopyStreamQuery;
		const copy = typeof statement === "string" ? undefined : statement;
		const acting = act((copy as { text?: string } | undefined)?.text ?? String(statement), this, index++, copy);
		if (!acting) return issue();
		const issued = acting.then(issue);
		return copy ?? issued;
	} as never);
	try {
		return await work();
	} finally {
		stub.restore();
	}
}

/** Calls `act` after the first chunk of a COPY was sent, and sends the rest when it is done. */
export function duringCopy(copy: CopyStreamQuery, act: () => Promise<void>): void {
	const stream = copy as unknown as { _write: (...values: unknown[]) => void };
	const { _write } = stream;
	let chunks = 0;
	stream._write = function (...values) {
		if (chunks++ === 1) act().then(() => _write.apply(this, values));
		else _write.apply(this, values);
	};
}
