/** migrate and load: a replay builds what was published again, beside it, and takes its place all at once. */

import { createHash } from "node:crypto";
import { expect } from "chai";
import { Client } from "pg";
import type { ReplayPlan } from "../../handlers/common/contract";
import type { Manifest } from "../../handlers/raw/manifest";
import { clientConfig } from "../../local/machine/postgres";
import { failed } from "../support/assertions";
import type { LoadOptions } from "../support/bed";
import { type StoredSnapshot, storeSnapshot, vehicle, vehicles } from "../support/snapshots";
import { useDatabase } from "../support/use-database";

/** The months of a register: whatever can happen to a run. */
const HISTORY: [StoredSnapshot, LoadOptions?][] = [
	[{ day: 0, pages: [vehicles(1, 60), vehicles(61, 100)] }],
	// Refused, since nearly all are gone.
	[{ day: 30, pages: [vehicles(1, 3)] }],
	[{ day: 31, pages: [[...vehicles(2, 100, { city: "Tacoma" }), vehicle(101), vehicle("x")]], format: "json" }],
	// Half of them are gone, which a person accepts.
	[{ day: 60, pages: [vehicles(1, 50)] }, { accept: ["SuspiciousShrink"] }],
	// Nothing new.
	[{ day: 60, pages: [vehicles(1, 50)] }],
	// The source has more rows under the same version.
	[{ day: 60, pages: [vehicles(1, 70)] }],
	[{ day: 60, pages: [vehicles(1, 70)] }, { reload: true }],
	// A refused one of the version that is published.
	[{ day: 60, pages: [vehicles(1, 2)] }],
];

describe("a replay", function () {
	this.timeout(60_000);
	const { database, bed } = useDatabase();

	const settings = { maxRemovedShare: 0.5 };
	const replay = (between?: () => Promise<unknown>) => database().replay(between, settings);
	const live = async (history = HISTORY) => {
		const outcomes: string[] = [];
		for (const [snapshot, options] of history)
			outcomes.push(
				await database()
					.load(snapshot, { ...options, settings })
					.then(
						({ status }) => status,
						(error: Error) => error.name,
					),
			);
		return outcomes;
	};
	/** All rows of all tables, the identity of rejected rows apart. */
	const rowsOf = async (schema = "ev") => ({
		vehicles: await database().query(`select * from ${schema}.vehicles order by dol_vehicle_id`),
		changes: await database().query(`select * from ${schema}.vehicle_changes order by dol_vehicle_id, changed_at`),
		snapshots: await database().query(`select * from ${schema}.snapshots order by snapshot_at`),
		runs: await database().query(`select * from ${schema}.runs order by run_id`),
		rejected: await database().query(
			`select to_jsonb(r) - 'rejected_row_id' as row from ${schema}.rejected_rows r order by run_id, page, line`,
		),
	});
	/** As text, which shows where they differ. */
	const expectSame = (found: Record<string, object[]>, lived: Record<string, object[]>) => {
		for (const [table, rows] of Object.entries(lived))
			for (const [index, row] of rows.entries())
				expect(JSON.stringify(found[table]![index]), table).to.equal(JSON.stringify(row));
		expect(found).to.deep.equal(lived);
	};
	const schemas = async () =>
		(
			await database().query<{ name: string }>(
				"select nspname as name from pg_namespace where nspname like 'ev%' order by 1",
			)
		).map(({ name }) => name);
	const prepare = async (runId = "replay") =>
		(await database().migrate({ action: "prepareReplay", runId })) as ReplayPlan;
	const connect = async () => {
		const client = new Client(clientConfig(bed().postgres, database().name, bed().owner));
		await client.connect();
		return client;
	};
	const overwrite = (key: string, content: Buffer) =>
		bed().storage.write(key, content, {
			contentType: "text/plain",
			sha256: createHash("sha256").update(content).digest("hex"),
		});
	const manifestOf = async ({ manifestKey }: { manifestKey: string }): Promise<Manifest> =>
		JSON.parse(String(await bed().storage.read(manifestKey)));

	it("gives row for row what the runs built, with their ids and times", async () => {
		expect(await live()).to.deep.equal([
			"loaded",
			"SuspiciousShrink",
			"loaded",
			"loaded",
			"unchanged",
			"loaded",
			"loaded",
			"SuspiciousShrink",
		]);
		await database().query(
			"insert into ev.runs (run_id, manifest_key, status, started_at, accepted, notes) values ('dead', 'm', 'abandoned', now(), '{}', '{}')",
		);
		await database().query(
			"insert into ev.rejected_rows (run_id, page, line, reason, raw) values ('dead', 1, 2, 'why', '\\x00')",
		);
		const lived = await rowsOf();
		expect(lived.rejected).to.have.length(2);
		const plan = await replay();
		expect(plan.runs.map(({ accept }) => accept)).to.deep.equal([[], [], ["SuspiciousShrink"], [], []]);
		expectSame(await rowsOf(), lived);
		expect(await schemas(), "and leaves nothing beside it").to.deep.equal(["ev"]);
	});

	it("can be repeated, and is continued by the next load", async () => {
		await live();
		const lived = await rowsOf();
		await replay();
		await replay();
		expectSame(await rowsOf(), lived);
		const next = { day: 90, pages: [vehicles(1, 71)] };
		expect(await database().load(next)).to.deep.include({ status: "loaded", added: 0, returned: 1, unchanged: 70 });
		expect(await database().migrate({})).to.deep.equal({ applied: 0, newPasswords: [] });
	});

	it("corrects what the database holds by mistake", async () => {
		await live();
		const lived = await rowsOf();
		await database().query("update ev.vehicles set city = 'Nowhere'");
		await replay();
		expectSame(await rowsOf(), lived);
	});

	it("publishes with everybody's privileges and the statistics of the new tables", async () => {
		await live();
		const privileges = () =>
			database().query(
				"select nspname, nspacl::text as acl from pg_namespace where nspname = 'ev' union select relname, relacl::text from pg_class where relnamespace = 'ev'::regnamespace and relkind in ('r', 'v') order by 1",
			);
		await database().query(
			"grant usage on schema ev to pg_monitor; grant select on ev.current_vehicles to public, pg_monitor",
		);
		const sorted = (rows: unknown[]) =>
			JSON.stringify(rows).replace(/\{[^{}]*\}/g, (acl) => acl.split(/[{},]/).sort().join());
		const before = await privileges();
		await replay();
		expect(sorted(await privileges())).to.equal(sorted(before));
		expect(
			await database().query("select reltuples::int as rows from pg_class where oid = 'ev.vehicles'::regclass"),
		).to.deep.equal([{ rows: 101 }]);
	});

	describe("beside a reader", () => {
		it("neither blocks nor waits for an open transaction", async () => {
			await live();
			const reader = await connect();
			const other = await connect();
			try {
				await reader.query("begin; select count(*) from ev.vehicles");
				await other.query("prepare cities as select count(distinct city)::int as n from ev.vehicles");
				const startedAt = Date.now();
				const replaying = replay(() => database().query("update ev_next.vehicles set city = dol_vehicle_id::text"));
				let longest = 0;
				let done = false;
				const ended = replaying.then(() => {
					done = true;
				});
				while (!done) {
					const askedAt = Date.now();
					await other.query("select count(*) from ev.current_vehicles");
					longest = Math.max(longest, Date.now() - askedAt);
				}
				await ended;
				expect(longest, "the longest that another reader waits, ms").to.be.below(1_000);
				expect(Date.now() - startedAt, "ms").to.be.below(15_000);
				expect((await other.query("execute cities")).rows, "and finds the new rows").to.deep.equal([{ n: 101 }]);
				await reader.query("select count(*) from ev.vehicles; commit");
				expect(await schemas()).to.deep.equal(["ev", "ev_old"]);
				await database().migrate({});
				expect(await schemas(), "after the next deployment").to.deep.equal(["ev"]);
			} finally {
				await Promise.all([reader.end(), other.end()]);
			}
		});
	});

	describe("refuses", () => {
		/** What must hold of a replay that came to nothing. */
		const expectRefused = async (replay: () => Promise<unknown>, message: RegExp, name = "ReplayRefused") => {
			const before = await rowsOf();
			const error = await failed(replay());
			expect(error.message).to.match(message);
			expect(error.name).to.equal(name);
			const { runs: _, ...data } = await rowsOf();
			expect(before).to.deep.include(data);
		};

		it("to begin where nothing was loaded, and touches nothing", async () => {
			await expectRefused(() => replay(), /^There is nothing to replay, since no run has loaded a snapshot\.$/);
			expect(await schemas()).to.deep.equal(["ev"]);
		});

		it("to publish after another run published", async () => {
			await live();
			const next = { day: 90, pages: [vehicles(1, 71)] };
			const error = await failed(replay(() => database().load(next)));
			expect(error).to.include({ name: "ReplayRefused" });
			expect(error.message).to.match(/^A run published a snapshot, or a migration was applied, while the replay/);
			expect(await database().query("select from ev.snapshots")).to.have.length(4);
		});

		it("to publish after another run reloaded the same version", async () => {
			await live();
			const error = await failed(replay(() => database().load(HISTORY[6]![0], { reload: true })));
			expect(error).to.include({ name: "ReplayRefused" });
			expect(error.message).to.include("while the replay was running");
		});

		it("to publish while another run is loading", async () => {
			await live();
			const loading = await connect();
			try {
				await loading.query("select pg_advisory_lock(25974, 1819238756)");
				const { token } = await prepare();
				const publishing = () => database().migrate({ action: "publishReplay", runId: "replay", token });
				await expectRefused(publishing, /^Another run is loading into this database/, "RunInProgress");
			} finally {
				await loading.end();
			}
		});

		it("to publish what a later replay began anew", async () => {
			await live();
			await expectRefused(() => replay(() => prepare("other")), /since another replay was started/);
		});

		it("to publish if a snapshot is missing", async () => {
			await live();
			const { token } = await prepare();
			const publishing = () => database().migrate({ action: "publishReplay", runId: "replay", token });
			await expectRefused(publishing, /the snapshot of 20240101T000000Z has no rows instead of 100,/);
		});

		it("to publish if a snapshot has other rows than were published", async () => {
			await live(HISTORY.slice(0, 1));
			await database().query("update ev.runs set manifest_sha256 = null, manifest_key = $1", [
				await storeSnapshot(bed().storage, { day: 0, pages: [vehicles(1, 99)] }),
			]);
			await expectRefused(() => replay(), /has 99 rows instead of 100, so its raw files are not those/);
		});

		const additions: [what: string, sql: string, name: string][] = [
			["a view elsewhere", "create view public.mine as select * from ev.current_vehicles", "mine"],
			["a view", "create view ev.mine as select 1 as one", "mine.one"],
			["an index", "create index mine on ev.vehicles (city)", "mine.city"],
			["a column", "alter table ev.vehicles add mine text", "vehicles.mine"],
			["a function", "create function ev.mine() returns int language sql return 1", "mine"],
			[
				"a trigger",
				"create trigger mine before update on ev.vehicles for each row execute function suppress_redundant_updates_trigger()",
				"mine",
			],
			["a foreign key", "create table public.mine (id bigint references ev.vehicles)", "mine"],
		];
		for (const [what, sql, name] of additions)
			it(`to begin where ${what} would be lost`, async () => {
				await live(HISTORY.slice(0, 1));
				await database().query(sql);
				const error = await failed(prepare());
				expect(error).to.include({ name: "ReplayRefused" });
				expect(error.message).to.equal(
					`A replay would lose what no migration makes: ${name}; drop it, and create it again afterwards.`,
				);
			});

		it("a manifest that is not the one that was loaded", async () => {
			await live();
			const [, second] = (await prepare()).runs;
			await overwrite(second!.manifestKey, Buffer.from(JSON.stringify(await manifestOf(second!), null, 1)));
			const key = new RegExp(`^The manifest ${second!.manifestKey} is not the one that was recorded`);
			await expectRefused(() => replay(), key, "ManifestInvalid");
		});

		it("a page that is not the one that was loaded", async () => {
			await live();
			const [, second] = (await prepare()).runs;
			const [page] = (await manifestOf(second!)).pages;
			await overwrite(page!.key, Buffer.alloc(page!.bytes));
			await expectRefused(() => replay(), new RegExp(`${page!.key} has a wrong checksum`), "PageDamaged");
		});
	});

	it("that failed leaves the old data, and can be started again", async () => {
		await live();
		const lived = await rowsOf();
		const plan = await prepare();
		const { manifestKey, ...first } = plan.runs[0]!;
		await database().loadManifest(manifestKey, { ...first, schema: "ev_next" });
		expect((await rowsOf("ev_next")).vehicles).to.have.length(100);
		expectSame(await rowsOf(), lived);
		await replay();
		expectSame(await rowsOf(), lived);
	});

	it("that was cut off at any statement of publishing leaves the old data or has the new", async () => {
		await live(HISTORY.slice(0, 1));
		const lived = await rowsOf();
		const plan = await prepare();
		const { manifestKey, ...first } = plan.runs[0]!;
		await database().loadManifest(manifestKey, { ...first, schema: "ev_next" });
		const query = Client.prototype.query;
		const publish = () => database().migrate({ action: "publishReplay", runId: "replay", token: plan.token });
		let cut = 0;
		for (let statements = 1; ; statements++) {
			let left = statements;
			Client.prototype.query = function (this: Client, ...args: unknown[]) {
				if (left-- === 1) this.connection.stream.destroy();
				return (query as (...args: unknown[]) => unknown).apply(this, args);
			} as typeof query;
			const outcome = await publish()
				.then(
					() => undefined,
					(error: Error) => error.name,
				)
				.finally(() => {
					Client.prototype.query = query;
				});
			expect(await rowsOf(), `after ${statements}`).to.deep.equal(lived);
			if (outcome === undefined) break;
			expect(outcome).to.equal("DatabaseUnavailable");
			cut++;
		}
		expect(cut).to.be.above(8);
		expect(await publish(), "and a retry whose answer was lost").to.deep.equal({ token: plan.token });
		expect(await schemas()).to.deep.equal(["ev"]);
	});
});
