/** The database server of local runs: who gets in, what survives which end of it, and where its data is. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { Client, type ClientConfig } from "pg";
import { parse } from "yaml";
import {
	asSuperuser,
	clientConfig,
	createDatabase,
	dataDirectory,
	type Postgres,
	removePostgres,
	startPostgres,
} from "../../../local/machine/postgres";
import { failed } from "../../support/assertions";
import { LOADER } from "../../support/local";

const MODULE = resolve(__dirname, "../../../local/machine/postgres.ts");
const SETTINGS = { fsync: "off", shared_buffers: "16MB" };
const isRoot = process.getuid?.() === 0;

async function connected<T>(config: ClientConfig, work: (client: Client) => Promise<T>): Promise<T> {
	const client = new Client(config);
	await client.connect();
	try {
		return await work(client);
	} finally {
		await client.end();
	}
}

async function isGone(pid: number): Promise<boolean> {
	for (let tries = 0; tries < 200; tries++) {
		try {
			process.kill(pid, 0);
		} catch {
			return true;
		}
		await sleep(10);
	}
	return false;
}

describe("PostgreSQL on this machine", function () {
	this.timeout(60_000);
	let root: string;
	let directory: string;
	let postgres: Postgres;

	/** Asks one value of the superuser's. */
	const ask = async (sql: string): Promise<unknown> =>
		await asSuperuser(postgres, async (client) => Object.values((await client.query(sql)).rows[0] ?? {})[0]);
	const start = async () => {
		postgres = await startPostgres(directory, SETTINGS);
	};

	before(async () => {
		root = mkdtempSync(join(tmpdir(), "ev-registrations-postgres-"));
		chmodSync(root, 0o755);
		directory = join(root, "postgres");
		// What a run leaves that is killed while it makes the data folder.
		for (const name of ["data", "data.new"]) {
			mkdirSync(join(directory, name), { recursive: true });
			writeFileSync(join(directory, name, "half"), "");
		}
		await start();
		await asSuperuser(postgres, (client) => client.query("create table kept (note text)"));
	});
	after(async () => {
		await postgres?.stop();
		removePostgres(directory);
		rmSync(root, { recursive: true, force: true });
	});

	describe("accepts", () => {
		it("a password over TLS on loopback", async () => {
			expect(await ask("select ssl from pg_stat_ssl where pid = pg_backend_pid()")).to.equal(true);
			expect(await ask("show listen_addresses")).to.equal("127.0.0.1");
		});

		it("no connection without TLS", async () => {
			const error = await failed(connected({ ...clientConfig(postgres, "postgres"), ssl: false }, async () => {}));
			expect(error.message).to.match(/no pg_hba\.conf entry .* no encryption/);
		});

		it("no wrong or missing password", async () => {
			for (const password of ["wrong", ""]) {
				const user = { ...postgres.superuser, password };
				const error = await failed(connected(clientConfig(postgres, "postgres", user), async () => {}));
				// No password at all is refused by the client.
				expect(error.message).to.match(/password/i);
				if (password) expect(error).to.have.property("code", "28P01");
			}
		});

		it("only its owner as reader of password and key", () => {
			expect(statSync(join(directory, "credentials.json")).mode & 0o777).to.equal(0o600);
			const data = dataDirectory(directory);
			expect(statSync(data).mode & 0o777).to.equal(0o700);
			expect(statSync(join(data, "server.key")).mode & 0o777).to.equal(0o600);
			expect(existsSync(`${data}.new.password`)).to.equal(false);
		});
	});

	describe("is", () => {
		it("of RDS's major version, in UTF-8 and UTC, with the given settings", async () => {
			const project = parse(readFileSync(resolve(__dirname, "../../../Pulumi.yaml"), "utf8"));
			const major = project.config.databaseVersion.default;
			expect(String(await ask("show server_version"))).to.match(new RegExp(`^${major}\\.`));
			expect(await ask("show server_encoding")).to.equal("UTF8");
			expect(await ask("select upper('ñ')")).to.equal("Ñ");
			expect(await ask("show timezone")).to.equal("UTC");
			expect(await ask("show shared_buffers")).to.equal("16MB");
			expect(await ask("show max_wal_size"), "one that was not asked for").to.equal("2GB");
		});

		it("created again after a killed run left it half-made", () => {
			const data = dataDirectory(directory);
			expect(data).to.equal(join(directory, "data"));
			expect(existsSync(join(data, "half"))).to.equal(false);
			expect(existsSync(`${data}.new`)).to.equal(false);
		});
	});

	describe("creates an owner", () => {
		const owner = { user: 'ev "admin"', password: 'it\'s \\ "secret"' };
		const asOwner = <T>(work: (client: Client) => Promise<T>, password = owner.password) =>
			connected(clientConfig(postgres, "ev", { ...owner, password }), work);

		before(async () => {
			await createDatabase(postgres, "ev", owner);
		});

		it("that may create roles and is no superuser", async () => {
			await asOwner(async (client) => {
				const { rows } = await client.query(
					"select rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls from pg_roles where rolname = current_user",
				);
				expect(rows[0]).to.deep.equal({
					rolsuper: false,
					rolcreaterole: true,
					rolcreatedb: false,
					rolreplication: false,
					rolbypassrls: false,
				});
				await client.query("create role ev_made_by_owner");
				await client.query("create schema made_by_owner create table made_by_owner.t (n int)");
				expect(await failed(client.query("copy (select 1) to program 'true'"))).to.have.property("code", "42501");
			});
			const sql = "select pg_get_userbyid(datdba) from pg_database where datname = 'ev'";
			expect(await ask(sql)).to.equal(owner.user);
		});

		it("with a new password the second time, and keeps the data", async () => {
			await createDatabase(postgres, "ev", { ...owner, password: "another" });
			await asOwner((client) => client.query("select from made_by_owner.t"), "another");
			expect(await failed(asOwner(async () => {}))).to.have.property("code", "28P01");
		});
	});

	describe("keeps what was committed", () => {
		const note = (text: string, server = postgres) =>
			asSuperuser(server, (client) => client.query("insert into kept values ($1)", [text]));
		const notes = () => ask("select array_agg(note) from kept");
		/** A session that takes its end calmly. */
		const openSession = async () => {
			const session = { client: new Client(clientConfig(postgres, "postgres")), ended: false };
			session.client.on("error", () => {
				session.ended = true;
			});
			await session.client.connect();
			return session;
		};

		it("when it is stopped and started again", async () => {
			await note("before the stop");
			const before = postgres;
			const session = await openSession();
			await postgres.stop();
			expect(session.ended).to.equal(true);
			expect(await isGone(before.pid)).to.equal(true);
			await postgres.stop(); // once more does no harm
			await start();
			expect(await notes()).to.deep.equal(["before the stop"]);
			expect(postgres).to.deep.include({ ca: before.ca, superuser: before.superuser });
		});

		it("when it is killed and a session lives on", async () => {
			await note("before the kill");
			const session = await openSession();
			// Busy, so that it does not look up and find its server gone.
			const loop = "do $$ begin loop exit when clock_timestamp() > now() + '700 ms'; end loop; end $$";
			const busy = session.client.query(loop).catch(() => {});
			await sleep(50);
			process.kill(postgres.pid, "SIGKILL");
			await start();
			expect(session.ended, "the session ended before the server started").to.equal(true);
			expect(await notes()).to.include("before the kill");
			await busy;
		});

		it("when it is killed and its process id is reused", async () => {
			await note("before the other kill");
			const { pid } = postgres;
			process.kill(pid, "SIGKILL");
			expect(await isGone(pid)).to.equal(true);
			const stranger = spawn("sleep", ["30"], { stdio: "ignore" });
			try {
				const file = join(dataDirectory(directory), "postmaster.pid");
				writeFileSync(file, readFileSync(file, "utf8").replace(/^\d+/, String(stranger.pid)));
				await start();
				expect(await notes()).to.include("before the other kill");
				expect([stranger.exitCode, stranger.signalCode]).to.deep.equal([null, null]);
			} finally {
				stranger.kill("SIGKILL");
			}
		});

		it("when its run is killed and the next one stops it", async () => {
			await postgres.stop();
			const runner = spawnRunner(directory);
			const said = await Promise.race([once(runner.stdout!, "data"), once(runner, "exit")]);
			const orphan = JSON.parse(String(said[0])) as Postgres;
			runner.kill("SIGKILL");
			await once(runner, "exit");
			await note("by the orphan", orphan);
			await start();
			expect(postgres.pid).to.not.equal(orphan.pid);
			expect(await isGone(orphan.pid)).to.equal(true);
			expect(await notes()).to.include("by the orphan");
		});
	});

	it("reports the server's own message when it does not start", async () => {
		await postgres.stop();
		const error = await failed(startPostgres(directory, { ...SETTINGS, max_wal_size: "plenty" }));
		expect(error.message).to.match(/^PostgreSQL did not start: .*max_wal_size.*plenty/s);
		await start();
		expect(await ask("select 1")).to.equal(1);
	});

	it("works for root in a private folder, and is removed completely", async function () {
		if (!isRoot) this.skip();
		const hidden = join(root, "hidden");
		mkdirSync(hidden, { mode: 0o700 });
		const secluded = join(hidden, "postgres");
		const data = dataDirectory(secluded);
		expect(dataDirectory(secluded), "found again").to.equal(data);
		expect(data).to.match(/^\/var\/tmp\/ev-registrations-[\w-]{32}\/data$/);
		const server = await startPostgres(secluded, SETTINGS);
		try {
			expect(existsSync(join(data, "PG_VERSION"))).to.equal(true);
			expect(readFileSync(`/proc/${server.pid}/status`, "utf8")).to.not.match(/^Uid:\s+0\s/m);
			await asSuperuser(server, (client) => client.query("select"));
		} finally {
			await server.stop();
			removePostgres(secluded);
		}
		expect(existsSync(dirname(data))).to.equal(false);
		expect(existsSync(secluded)).to.equal(false);
	});
});

/** A process that starts the server and says so; it ends by itself when this one is gone. */
function spawnRunner(directory: string): ChildProcess {
	const script = `
		const { startPostgres } = require(${JSON.stringify(MODULE)});
		startPostgres(${JSON.stringify(directory)}, ${JSON.stringify(SETTINGS)}).then(async (postgres) => {
			process.stdin.on("end", () => postgres.stop()).resume();
			process.stdout.write(JSON.stringify(postgres));
		});`;
	const flags = ["--no-warnings", "-r", LOADER, "-e", script];
	return spawn(process.execPath, flags, { cwd: dirname(dirname(MODULE)), stdio: ["pipe", "pipe", "inherit"] });
}
