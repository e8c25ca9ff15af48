/** Faults for loads: statements stopped at, connections gone silent, services that answer badly; and what must hold after them. */

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
import { expectToldFailure, expectToldSuccess, type Night, night } from "./night";
import { type DatabaseProxy, startDatabaseProxy } from "./proxies";
import { dayOf, type StoredSnapshot, storeSnapshot, vehicle, vehicles } from "./snapshots";

type Contents = Awaited<ReturnType<TestDatabase["contents"]>>;

/** A load that is about to be disturbed. */
export interface Scene {
	bed: TestBed;
	/** The load's own day. */
	day: number;
	/** Manifests of the loads before. */
	earlier: string[];
	/** The database before the load, and after one that nobody disturbs. */
	old: Contents;
	complete: Contents;
	/** The statements of an undisturbed load. */
	statements: string[];
	/** A database in which the load is the next thing to happen. */
	open(): Promise<TestDatabase>;
	/** Loads once, as a task of the workflow's run does. */
	load(database: TestDatabase, options?: LoadOptions): Promise<LoadResult>;
	/** The workflow's run, with what its load does: the load itself, if not given. */
	night(database: TestDatabase, load?: () => Promise<LoadResult>): Promise<Night>;
}

let scenes = 1;

const RUN = "night";
const moved = { geocoded_column: "POINT (-120.5 47.5)" };
const kent = { city: "Kent" };

/** The snapshots before the load, and the load's own. */
export const SCENES = {
	"the first load": { before: [], next: { day: 0, pages: [vehicles(1, 20), vehicles(21, 40)] } },
	"a first load that must be staged after all": {
		before: [],
		next: { day: 0, pages: [[...vehicles(1, 20), vehicle(7, kent)], vehicles(21, 40)] },
	},
	"a large load": {
		before: [{ day: 0, pages: [vehicles(1, 9)] }],
		next: { day: 30, pages: [vehicles(1, 350), vehicles(351, 700)] },
	},
	"a load of some megabytes": {
		before: [{ day: 0, pages: [vehicles(1, 9)] }],
		next: { day: 30, pages: [vehicles(1, 5_000), vehicles(5_001, 10_000)] },
	},
	"the next load": {
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

/** Stores a scene's raw files, and watches its load undisturbed. */
export async function setScene({ before, next }: { before: StoredSnapshot[]; next: StoredSnapshot }): Promise<Scene> {
	const bed = await testBed();
	// A manifest's place is its version's: no two scenes share one.
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
	const runNight: Scene["night"] = (database, load) =>
		night(
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
	return { bed, day: next.day + shift, earlier, old, complete, statements, open, load, night: runNight };
}

/**
 * What must hold after a fault that ended a load: its name, the old database, a record that says what happened; that
 * people are told where it does not pass, and that the next run loads and is told.
 * @param record what there is of the run: none where the load was not far enough, "running" where nobody could close it
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
	expectToldFailure(await scene.night(database, () => Promise.reject(error)), error);
	await untilAlone(scene.bed.postgres, database);
	expectToldSuccess(await scene.night(database));
	await expectComplete(scene, database);
}

/** What must hold after a fault that a load overcame: as if nothing had been, and people are told what it did. */
export async function expectLoaded(scene: Scene, database: TestDatabase, result: LoadResult): Promise<void> {
	expect(result).to.have.property("status", "loaded");
	await expectComplete(scene, database);
	expectToldSuccess(await scene.night(database, () => Promise.resolve(result)));
}

/** The complete new snapshot, and the record of the run that brought it. */
export async function expectComplete(scene: Scene, database: TestDatabase): Promise<void> {
	expect(await database.contents()).to.deep.equal(scene.complete);
	const runs = await database.query("select status, error, message from ev.runs where run_id = $1", [RUN]);
	expect(runs).to.deep.equal([{ status: "loaded", error: null, message: null }]);
	const aside = `select rejected::int, (select count(*)::int from ev.rejected_rows where run_id = $1) as aside
		from ev.runs where run_id = $1`;
	const [run] = await database.query<{ rejected: number; aside: number }>(aside, [RUN]);
	expect(run!.aside, "rows set aside, once each").to.equal(run!.rejected);
}

/** Waits until the loader has no session left in a database. */
export async function untilAlone(postgres: Postgres, { name }: TestDatabase): Promise<void> {
	await asSuperuser(postgres, async (client) => {
		const ask = "select from pg_stat_activity where usename = 'ev_loader' and datname = $1";
		while ((await client.query(ask, [name])).rowCount) await new Promise((done) => setTimeout(done, 10));
	});
}

/**
 * Declares a test for each statement of a load, or for those that are chosen: the session's backend is killed just before
 * it. Which there are is known when the load was watched, so all tests but the first are added then.
 */
export function testKilledBackends(
	title: string,
	snapshots: (typeof SCENES)[keyof typeof SCENES],
	isChosen: (text: string) => boolean = () => true,
): void {
	describe(`${title}, when its backend is killed`, () => {
		let scene: Scene;

		before(async function () {
			scene = await setScene(snapshots);
			const suite = this.test!.parent!;
			for (const [place, text] of scene.statements.entries())
				if (isChosen(text))
					suite.addTest(
						new Test(`before statement ${place + 1} (${opening(text)} …), leaves the old snapshot`, survive(place)),
					);
		});

		it("has one transaction to lose, which ends with its last statement", () => {
			const { statements } = scene;
			expect(statements.filter((text) => text === "begin")).to.have.length(1);
			expect(statements.indexOf("commit")).to.equal(statements.length - 1);
			expect(statements.findIndex((text) => text.startsWith("copy"))).to.be.above(statements.indexOf("begin"));
		});

		const survive = (place: number) => async () => {
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

const opensRecord = (text: string) => text.trim().startsWith("insert into ev.runs");

/** The first words of a statement. */
const opening = (text: string) => text.split(/\s+/).slice(0, 4).join(" ");

/**
 * A function's time, running out: the load gets `ms` of it, and beside that there are 3 s for what must be said. Opening
 * the session counts, so it must not be too short for a busy machine.
 */
export function timeBudget(ms = 1_000) {
	const end = Date.now() + 3_000 + ms;
	return () => end - Date.now();
}

/** Runs something while a load's way to the database leads through a proxy. */
export async function throughProxy<T>(
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

/** Declares a test for each place in a load, by its statement, at which the connection falls silent. */
export function testHalfOpen(places: Record<string, RegExp>): void {
	describe("a load whose connection is half-open", () => {
		let scene: Scene;
		before(async () => {
			scene = await setScene(SCENES["the next load"]);
		});

		for (const [place, pattern] of Object.entries(places))
			it(`from ${place} on ends in time, by name, and leaves the old snapshot`, async () => {
				const database = await scene.open();
				let recorded = false;
				let begun = false;
				const error = await throughProxy(scene, database, async (proxy) => {
					const timeLeftMs = timeBudget();
					const fallSilent = (text: string) => {
						if (pattern.test(text.trim())) proxy.fallSilent();
						else if (opensRecord(text)) recorded = true;
						else if (text === "begin") begun = true;
					};
					const error = await failed(beforeStatements(fallSilent, () => scene.load(database, { timeLeftMs })));
					expect(timeLeftMs(), "milliseconds left").to.be.above(1_000);
					// The server ends the transaction by itself, and with it every lock, though nobody hung up.
					if (begun) await untilAlone(scene.bed.postgres, database);
					return error;
				});
				await expectOld(scene, database, error, "OutOfTime", recorded ? "failed" : "none");
			});
	});
}

/** Ends a session as an administrator or a failing server would, and waits until it is gone. */
export async function killBackend(postgres: Postgres, client: Client): Promise<void> {
	const { processID } = client as unknown as { processID: number };
	await asSuperuser(postgres, async (superuser) => {
		const { rows } = await superuser.query("select pg_terminate_backend($1, 10000) as ended", [processID]);
		if (!rows[0].ended) throw new Error("the backend did not end");
	});
}

/**
 * Runs something, and before each statement of the loader calls `act`, which the statement waits for.
 * @param act gets the statement's text, its client and its place from 0, and COPY's stream where it is one
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

/** Calls `act` when the first piece of a COPY has gone out, and holds back the rest until it is done. */
export function inMidCopy(copy: CopyStreamQuery, act: () => Promise<void>): void {
	const stream = copy as unknown as { _write: (...values: unknown[]) => void };
	const { _write } = stream;
	let pieces = 0;
	stream._write = function (...values) {
		if (pieces++ === 1) act().then(() => _write.apply(this, values));
		else _write.apply(this, values);
	};
}
