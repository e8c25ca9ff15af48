/** The benchmarks' environment: the program, deployed on this machine, and a database for each measurement. */

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Client } from "pg";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import type { Started } from "../cli/command";
import type { ExtractEvent, ExtractResult, LoadEvent, LoadResult } from "../handlers/common/contract";
import type { DatabaseSecret } from "../handlers/common/database";
import { startAws } from "../local/aws/services";
import { type Deployment, deploy, scheduledInput } from "../local/deployment";
import {
	asSuperuser,
	clientConfig,
	dataDirectory,
	type Postgres,
	removePostgres,
	startPostgres,
} from "../local/machine/postgres";
import { loadRecord, type ProgramRecord, recordProgram } from "../local/program/record";
import { startSource } from "../local/source/soda-server";
import { type Input, type Inputs, keyLines } from "./inputs";
import { stopProcesses } from "./process";

/** The database of one measurement, with the secrets that its users connect with. */
export interface Database {
	name: string;
	loader: DatabaseSecret;
	reader: DatabaseSecret;
}

export interface Bed {
	/** For temporary files. */
	directory: string;
	program: ProgramRecord;
	postgres: Postgres;
	sourceUrl: string;
	deployment: Deployment;
	/** Makes the source serve an input. @returns the dataset's ID and number of rows */
	publish(input: Input): { dataset: string; rows: number };
	/** Invokes extract with a cold start; it fetches the input that was published last. */
	extract(dataset: string): Promise<ExtractResult>;
	/** Stores an input's raw pages, as extract writes them. @returns the manifest's key */
	store(input: Input): Promise<string>;
	/** Invokes load with a cold start; it writes into the database that was cloned last. */
	load(manifestKey: string, reload?: boolean): Promise<LoadResult>;
	/** The name of a template database with one input, loaded by the pipeline; empty without one. */
	stateOf(input: Input | undefined): Promise<string>;
	/** Writes an input's rows, converted and in the source's order, as CSV for COPY. @returns the file's path */
	typedCsv(input: Input): Promise<string>;
	/** Creates a database for one measurement, and a checkpoint before it starts. */
	clone(template: string): Promise<Database>;
	drop(database: Database): Promise<void>;
	countVehicles(database: Database): Promise<number>;
	/** Bytes of write-ahead log that the server has written so far. */
	walBytes(): Promise<number>;
	serverVersion: string;
}

/**
 * Starts PostgreSQL, the AWS emulators and the source, and deploys the program to them, in a temporary folder.
 * @param record folder of a saved record of the program; undefined: evaluates the program
 * @param started collects what must be stopped at the end
 */
export async function startBed(inputs: Inputs, record: string | undefined, started: Started): Promise<Bed> {
	const directory = mkdtempSync(join(tmpdir(), "ev-registrations-bench-"));
	started.defer(() => {
		removePostgres(join(directory, "postgres"));
		rmSync(directory, { recursive: true, force: true });
	});
	// PostgreSQL keeps its data here if it can, and may run as another user.
	chmodSync(directory, 0o755);
	const [program, postgres, aws, source] = await Promise.all([
		record ? loadRecord(record) : recordProgram(join(directory, "program"), { stack: "dev" }),
		started.keep(startPostgres(join(directory, "postgres")).then((postgres) => stopOnExit(postgres, directory))),
		started.keep(startAws(join(directory, "aws"))),
		started.keep(startSource(inputs.open({ moment: "october", times: 1 }))),
	]);
	const deployment = await started.keep(deploy(program, { postgres, aws, sourceUrl: source.url, onLine: () => {} }));
	started.defer(stopProcesses);
	await deployment.migrate();

	const { databaseSecretArn, readerSecretArn } = program.outputs;
	const { secrets } = scheduledInput(program);
	const cold = async <T>(name: "extract" | "load", event: ExtractEvent | LoadEvent) => {
		deployment.stopFunctions();
		return (await deployment.invoke(name, event)) as T;
	};
	const ask = (sql: string) => asSuperuser(postgres, async (client) => (await client.query(sql)).rows[0]);
	const inDatabase = async <T>(name: string, work: (client: Client) => Promise<T>): Promise<T> => {
		const client = new Client(clientConfig(postgres, name));
		// The server may stop at any time. Pending queries reject by themselves.
		client.on("error", () => {});
		await client.connect();
		return await work(client).finally(() => client.end());
	};
	let clones = 0;
	const once = cache();

	const bed: Bed = {
		directory,
		program,
		postgres,
		sourceUrl: source.url,
		deployment,
		publish(input) {
			const snapshot = inputs.open(input);
			source.publish(snapshot);
			return { dataset: snapshot.dataset, rows: snapshot.offsets.length - 1 };
		},
		extract: (dataset) => cold("extract", { runId: randomUUID(), dataset, secrets, refetch: true }),
		store: (input) =>
			once(`pages of ${nameOf(input)}`, async () => {
				const { dataset } = bed.publish(input);
				return (await bed.extract(dataset)).manifestKey;
			}),
		load: (manifestKey, reload = false) => cold("load", { runId: randomUUID(), manifestKey, secrets, reload }),
		stateOf: (input) =>
			once(`state of ${nameOf(input)}`, async () => {
				if (!input) return aws.secrets.get<DatabaseSecret>(databaseSecretArn)!.dbname;
				const manifestKey = await bed.store(input);
				const { name } = await bed.clone(await bed.stateOf(undefined));
				await bed.load(manifestKey);
				deployment.stopFunctions();
				// As autovacuum leaves the table between two runs.
				await inDatabase(name, (client) => client.query("vacuum (analyze) ev.vehicles"));
				return name;
			}),
		typedCsv: (input) =>
			once(`CSV of ${nameOf(input)}`, async () => {
				const file = join(directory, `${nameOf(input)}.csv`);
				await inDatabase(await bed.stateOf(input), async (client) => {
					await client.query("create temporary table source (place bigint generated always as identity, key bigint)");
					const keys = client.query(copyFrom("copy source (key) from stdin"));
					await pipeline(Readable.from(keyLines(inputs.open(input))), keys);
					const inOrder = "select v.* from source join ev.vehicles v on v.dol_vehicle_id = key order by place";
					const rows = client.query(copyTo(`copy (${inOrder}) to stdout (format csv)`));
					await pipeline(rows, createWriteStream(file));
				});
				return file;
			}),
		async clone(template) {
			const name = `bench_${++clones}`;
			await ask(`create database ${name} template ${template} strategy file_copy`);
			await ask("checkpoint");
			const [loader, reader] = [databaseSecretArn, readerSecretArn].map((arn) => {
				const secret = { ...aws.secrets.get<DatabaseSecret>(arn)!, dbname: name };
				aws.secrets.put(arn, secret);
				return secret;
			});
			return { name, loader: loader!, reader: reader! };
		},
		async drop({ name }) {
			await ask(`drop database ${name} with (force)`);
		},
		countVehicles: ({ name }) =>
			inDatabase(name, async (client) => {
				const { rows } = await client.query<{ n: number }>("select count(*)::int as n from ev.vehicles");
				return rows[0]!.n;
			}),
		walBytes: async () => Number((await ask("select pg_current_wal_lsn() - '0/0' as bytes")).bytes),
		serverVersion: (await ask("show server_version")).server_version,
	};
	// Read the empty template's name now: the secret names the last clone from here on.
	await bed.stateOf(undefined);
	return bed;
}

function nameOf(input: Input | undefined): string {
	return input ? `${input.moment}-${input.times}` : "nothing";
}

/** Runs each slow preparation once per name. */
function cache() {
	const known = new Map<string, Promise<string>>();
	return (name: string, make: () => Promise<string>) => {
		const made = known.get(name) ?? make();
		known.set(name, made);
		return made;
	};
}

/** Starts a watcher that stops the server and removes its folders when this process ends, even by SIGKILL. */
function stopOnExit(postgres: Postgres, directory: string): Postgres {
	// `cat` ends when this process does, which closes its input.
	const script = `cat; kill -INT "$0"; for wait in 1 2 3 4 5 6 7 8 9; do kill -0 "$0" && sleep 0.3; done
		kill -QUIT "$0"; rm -rf "$@"`;
	const data = dirname(dataDirectory(join(directory, "postgres")));
	const watcher = spawn("sh", ["-c", script, String(postgres.pid), data, directory], {
		stdio: ["pipe", "ignore", "ignore"],
		detached: true,
	});
	return {
		...postgres,
		async stop() {
			await postgres.stop();
			watcher.kill("SIGKILL");
		},
	};
}
