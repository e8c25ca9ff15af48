/** A PostgreSQL server for one scene, which tests can stop, crash or fill without affecting other tests. */

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	asSuperuser,
	createDatabase,
	type Postgres,
	removePostgres,
	startPostgres,
} from "../../local/machine/postgres";
import { keepLogins, migrateInto, openDatabase, type TestDatabase } from "./bed";
import type { Scene } from "./faults";

export interface OwnServer {
	/** The scene, on this server. */
	scene: Scene;
	postgres: Postgres;
	/** The server's folder. */
	directory: string;
	/** Creates a database with the earlier snapshots loaded. */
	open(): Promise<TestDatabase>;
	/** Starts the server again on another port, as a failover gives it another address. */
	start(database: TestDatabase, settings?: Record<string, string>): Promise<void>;
	remove(): Promise<void>;
}

const SETTINGS = { shared_buffers: "64MB" };
const TEMPLATE = "own";

/** Starts a server and loads the scene's earlier snapshots. @param directory empty; a new one if not given */
export async function startOwnServer(
	scene: Scene,
	directory = mkdtempSync(join(tmpdir(), "ev-registrations-faults-")),
): Promise<OwnServer> {
	const { aws, storage, owner } = scene.bed;
	const postgres = await startPostgres(directory, SETTINGS);
	await createDatabase(postgres, TEMPLATE, owner);
	// Migrating stores new passwords in the roles' secrets, which must keep those of the shared server.
	const restore = keepLogins(aws);
	await migrateInto({ postgres, aws, owner }, TEMPLATE);
	const template = openDatabase({ postgres, aws, storage, owner }, TEMPLATE);
	const secret = aws.secrets.get<object>(template.secretArn)!;
	restore();
	for (const key of scene.earlier) await template.loadManifest(key);
	let databases = 0;
	return {
		scene: { ...scene, bed: { ...scene.bed, postgres } },
		postgres,
		directory,
		async open() {
			const name = `${TEMPLATE}_${++databases}`;
			await asSuperuser(postgres, (client) =>
				client.query(`create database ${name} template ${TEMPLATE} owner ${owner.user}`),
			);
			const database = openDatabase({ postgres, aws, storage, owner }, name);
			aws.secrets.put(database.secretArn, { ...secret, port: postgres.port, dbname: name });
			return database;
		},
		async start(database, settings = {}) {
			Object.assign(postgres, await startPostgres(directory, { ...SETTINGS, ...settings }));
			aws.secrets.put(database.secretArn, { ...aws.secrets.get<object>(database.secretArn)!, port: postgres.port });
		},
		async remove() {
			await postgres.stop();
			removePostgres(directory);
		},
	};
}
