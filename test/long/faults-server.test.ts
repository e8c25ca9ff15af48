/** Loads while the database server stops, crashes, is in recovery or full: each leaves the new snapshot or the old one. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { Client } from "pg";
import { asSuperuser, clientConfig, dataDirectory } from "../../local/machine/postgres";
import { failed } from "../support/assertions";
import type { TestDatabase } from "../support/bed";
import { beforeStatements, duringCopy, expectOld, prepareScene, SCENES, type Scene } from "../support/faults";
import { childrenOf } from "../support/local";
import { type OwnServer, startOwnServer } from "../support/server";

describe("load: database server faults", () => {
	let server: OwnServer;
	let scene: Scene;
	let database: TestDatabase;

	before(async () => {
		server = await startOwnServer(await prepareScene(SCENES["large load"]));
		scene = server.scene;
	});
	beforeEach(async () => {
		database = await server.open();
	});
	after(() => server?.remove());

	/** Loads, and calls `act` in the middle of its COPY. @returns the load's error */
	const loadWhile = async (act: (client: Client) => unknown, runId?: string) => {
		let happened = false;
		const onStatement = (text: string, client: Client, _: number, copy?: Parameters<typeof duringCopy>[0]) => {
			if (!/^copy staging/.test(text)) return;
			duringCopy(copy!, async () => {
				happened = true;
				await act(client);
			});
		};
		const error = await failed(beforeStatements(onStatement, () => scene.load(database, runId ? { runId } : {})));
		expect(happened).to.equal(true);
		return error;
	};
	/** Waits until the server accepts connections. */
	const untilUp = async () => {
		for (;;)
			try {
				return await asSuperuser(server.postgres, async () => {});
			} catch {
				await sleep(50);
			}
	};

	it("leaves the old snapshot when the server is stopped", async () => {
		await server.postgres.stop();
		const error = await failed(scene.load(database));
		await server.start(database);
		await expectOld(scene, database, error, "DatabaseUnavailable", "none");
	});

	it("leaves the old snapshot when the server restarts in mid-COPY", async () => {
		const error = await loadWhile(() => server.postgres.stop());
		await server.start(database);
		await expectOld(scene, database, error, "DatabaseUnavailable", "running");
	});

	it("marks a run abandoned after the server is killed in mid-COPY", async () => {
		const error = await loadWhile(() => {
			// The postmaster first, so that it restarts no session; then the sessions.
			const sessions = childrenOf(server.postgres.pid);
			for (const { pid } of [server.postgres, ...sessions]) process.kill(pid, "SIGKILL");
		}, "orphan");
		await server.start(database);
		await expectOld(scene, database, error, "DatabaseUnavailable", "none");
		expect(await database.query("select status, added from ev.runs where run_id = 'orphan'")).to.deep.equal([
			{ status: "abandoned", added: null },
		]);
	});

	it("leaves the old snapshot when the server crashes in mid-COPY", async () => {
		// A session that dies of SIGKILL ends all others, and the server restarts in recovery.
		const error = await loadWhile((client) => {
			process.kill((client as unknown as { processID: number }).processID, "SIGKILL");
		}, "crashed");
		await untilUp();
		const [run] = await database.query<{ status: string }>(
			"select status, error from ev.runs where run_id = 'crashed'",
		);
		expect(run).to.deep.equal(
			run!.status === "running" ? { status: "running", error: null } : { status: "failed", error: error.name },
		);
		await expectOld(scene, database, error, "DatabaseUnavailable", "none");
		expect(await database.query("select from ev.runs where status = 'running'")).to.have.length(0);
	});

	for (const [what, hotStandby, said] of [
		["refuses connections", "off", "the database system is not accepting connections"],
		["refuses writes", "on", "read-only transaction"],
	] as const)
		it(`leaves the old snapshot when recovery ${what}`, async () => {
			await server.postgres.stop();
			// A standby without a primary stays in recovery.
			const signal = join(dataDirectory(server.directory), "standby.signal");
			writeFileSync(signal, "");
			await server.start(database, { hot_standby: hotStandby });
			const error = await failed(scene.load(database));
			expect(error.message).to.include(said);
			await server.postgres.stop();
			rmSync(signal);
			await server.start(database);
			await expectOld(scene, database, error, "DatabaseUnavailable", "none");
		});

	it("leaves the old snapshot when no connection is left", async () => {
		await server.postgres.stop();
		await server.start(database, { max_connections: "8" });
		const others: Client[] = [];
		for (let full = false; !full; ) {
			const other = new Client(clientConfig(server.postgres, database.name, scene.bed.owner));
			await other.connect().then(
				() => others.push(other),
				() => {
					full = true;
				},
			);
		}
		const error = await failed(scene.load(database));
		for (const other of others) await other.end();
		expect(error.message).to.match(/remaining connection slots are reserved|too many clients/);
		await server.postgres.stop();
		await server.start(database);
		await expectOld(scene, database, error, "DatabaseUnavailable", "none");
	});
});

describe("load: full database disk", () => {
	const directory = mkdtempSync(join(tmpdir(), "ev-registrations-disk-"));
	const ballast = join(directory, "ballast");
	let server: OwnServer;
	let database: TestDatabase;

	before(async function () {
		// Mounting a file system needs root on Linux.
		const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=192m,mode=755", "tmpfs", directory]);
		if (mounted.status !== 0) {
			console.log("      (skipped: mounting a file system of its own is not allowed here)");
			this.skip();
		}
		server = await startOwnServer(await prepareScene(SCENES["load of 10,000 rows"]), directory);
		database = await server.open();
	});
	after(async () => {
		await server?.postgres.stop();
		spawnSync("umount", [directory]);
		rmSync(directory, { recursive: true, force: true });
	});

	it("leaves the old snapshot and loads once there is room", async () => {
		const { scene } = server;
		spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=64k"]);
		// Enough room for the run's record, too little for the rows.
		truncateSync(ballast, statSync(ballast).size - 1024 * 1024);
		const error = await failed(scene.load(database));
		rmSync(ballast);
		expect(error.message).to.include("No space left on device");
		await expectOld(scene, database, error, "DatabaseUnavailable");
	});
});
