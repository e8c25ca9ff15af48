/** A load whose whole server is away, crashes, is in recovery, or has no room left: the new snapshot or the old one. */

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
import { beforeStatements, expectOld, inMidCopy, SCENES, type Scene, setScene } from "../support/faults";
import { childrenOf } from "../support/local";
import { type OwnServer, startOwnServer } from "../support/server";

describe("a load, when its server", () => {
	let server: OwnServer;
	let scene: Scene;
	let database: TestDatabase;

	before(async () => {
		server = await startOwnServer(await setScene(SCENES["a large load"]));
		scene = server.scene;
	});
	beforeEach(async () => {
		database = await server.open();
	});
	after(() => server?.remove());

	/** Loads while something happens in the middle of its COPY. */
	const loadWhile = async (happens: (client: Client) => unknown, runId?: string) => {
		let happened = false;
		const act = (text: string, client: Client, _: number, copy?: Parameters<typeof inMidCopy>[0]) => {
			if (!/^copy staging/.test(text)) return;
			inMidCopy(copy!, async () => {
				happened = true;
				await happens(client);
			});
		};
		const error = await failed(beforeStatements(act, () => scene.load(database, runId ? { runId } : {})));
		expect(happened).to.equal(true);
		return error;
	};
	/** Waits until the server lets somebody in. */
	const untilUp = async () => {
		for (;;)
			try {
				return await asSuperuser(server.postgres, async () => {});
			} catch {
				await sleep(50);
			}
	};

	it("is away, leaves the old snapshot", async () => {
		await server.postgres.stop();
		const error = await failed(scene.load(database));
		await server.start(database);
		await expectOld(scene, database, error, "DatabaseUnavailable", "none");
	});

	it("is restarted in the middle of a COPY, leaves the old snapshot", async () => {
		const error = await loadWhile(() => server.postgres.stop());
		await server.start(database);
		await expectOld(scene, database, error, "DatabaseUnavailable", "running");
	});

	it("is killed in the middle of a COPY, leaves the old snapshot, and the next load tells of the orphan", async () => {
		const error = await loadWhile(() => {
			// The postmaster first, so that it starts nobody anew; then its sessions.
			const sessions = childrenOf(server.postgres.pid);
			for (const { pid } of [server.postgres, ...sessions]) process.kill(pid, "SIGKILL");
		}, "orphan");
		await server.start(database);
		await expectOld(scene, database, error, "DatabaseUnavailable", "none");
		expect(await database.query("select status, added from ev.runs where run_id = 'orphan'")).to.deep.equal([
			{ status: "abandoned", added: null },
		]);
	});

	it("crashes in the middle of a COPY and recovers by itself, leaves the old snapshot", async () => {
		// One session that dies so takes all others with it, and the server starts anew in recovery.
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
		["lets nobody in", "off", "the database system is not accepting connections"],
		["lets nobody write", "on", "read-only transaction"],
	] as const)
		it(`is in recovery and ${what}, leaves the old snapshot`, async () => {
			await server.postgres.stop();
			// A standby that nobody sends anything is in recovery for good.
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

	it("has no connection left, leaves the old snapshot", async () => {
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

describe("a load, when its server's disk", () => {
	const directory = mkdtempSync(join(tmpdir(), "ev-registrations-disk-"));
	const ballast = join(directory, "ballast");
	let server: OwnServer;
	let database: TestDatabase;

	before(async function () {
		// A disk of its own takes an administrator on Linux.
		const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=192m,mode=755", "tmpfs", directory]);
		if (mounted.status !== 0) {
			console.log("      (no disk of its own for the server: mounting one is not allowed here)");
			this.skip();
		}
		server = await startOwnServer(await setScene(SCENES["a load of some megabytes"]), directory);
		database = await server.open();
	});
	after(async () => {
		await server?.postgres.stop();
		spawnSync("umount", [directory]);
		rmSync(directory, { recursive: true, force: true });
	});

	it("is full in the middle of a COPY, leaves the old snapshot, says so, and loads once there is room", async () => {
		const { scene } = server;
		spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=64k"]);
		// Room for a record, and not for the rows.
		truncateSync(ballast, statSync(ballast).size - 1024 * 1024);
		const error = await failed(scene.load(database));
		rmSync(ballast);
		expect(error.message).to.include("No space left on device");
		await expectOld(scene, database, error, "DatabaseUnavailable");
	});
});
