/** A real PostgreSQL and the local AWS services, started once for all tests of a process; a database of its own for each. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import type { LoadEvent, LoadResult, MigrateEvent, ReplayPlan } from "../../handlers/common/contract";
import type { DatabaseSecret } from "../../handlers/common/database";
import { newPassword } from "../../handlers/common/passwords";
import { loadHandler } from "../../handlers/load";
import type { LoadSettings } from "../../handlers/loading/run";
import { type MigrateResult, migrateHandler } from "../../handlers/migrate";
import { type Bucket, openBucket } from "../../handlers/raw/bucket";
import { type Aws, startAws } from "../../local/aws/services";
import { asSuperuser, clientConfig, createDatabase, type Postgres, removePostgres } from "../../local/machine/postgres";
import { reachableFolder, startTestPostgres } from "./cluster";
import { silently } from "./output";
import { type StoredSnapshot, storeSnapshot } from "./snapshots";

export interface TestBed {
	postgres: Postgres;
	aws: Aws;
	storage: Bucket;
	/** The master user's name and password. */
	owner: { user: string; password: string };
	/** A database as migrate leaves it, or as another one is. */
	newDatabase(like?: TestDatabase): Promise<TestDatabase>;
	/** An empty one, which migrate is yet to see. */
	emptyDatabase(): Promise<string>;
}

export interface TestDatabase {
	name: string;
	/** ARN of the loader's secret. */
	secretArn: string;
	/** Asks as the owner. */
	query<R extends object>(sql: string, values?: unknown[]): Promise<R[]>;
	/** Stores a snapshot's raw files and loads it. */
	load(snapshot: StoredSnapshot, options?: LoadOptions): Promise<LoadResult>;
	/** Loads raw files that are stored already. */
	loadManifest(manifestKey: string, options?: LoadOptions): Promise<LoadResult>;
	/** Invokes migrate for this database. */
	migrate(event: MigrateEvent): Promise<unknown>;
	/** Replays as the workflow does. @param between is called when all is loaded and nothing published */
	replay(between?: () => Promise<unknown>, settings?: Partial<LoadSettings>): Promise<ReplayPlan>;
	/** All that a load decides, in a fixed order; without what belongs to a run alone. */
	contents(): Promise<Record<"vehicles" | "changes" | "snapshots" | "counts", unknown[]>>;
}

export interface LoadOptions extends Partial<Omit<LoadEvent, "manifestKey" | "secrets">> {
	settings?: Partial<LoadSettings>;
	/** What the function's context answers; a minute if not given. */
	timeLeftMs?: () => number;
}

export const BUCKET = "raw";
const PIPELINE_SECRET = "arn:pipeline";
const TEMPLATE = "ev_template";
const LOGINS = { loader: "arn:loader", reader: "arn:reader" };

let bed: Promise<TestBed> | undefined;
let stop: (() => Promise<void>) | undefined;
/** Run ids are never used twice, since a copied database knows those of the other. */
let runs = 0;

/** The process's test bed, started with the first call. */
export function testBed(): Promise<TestBed> {
	bed ??= start();
	return bed;
}

/** Stops what was started, which whoever comes next starts anew; for mocha's root hook, which runs after each file where files run side by side. */
export async function stopTestBed(): Promise<void> {
	await bed?.catch(() => {});
	await stop?.();
	bed = undefined;
	stop = undefined;
}

async function start(): Promise<TestBed> {
	const directory = reachableFolder("ev-registrations-test-");
	const [postgres, aws] = await Promise.all([
		startTestPostgres(join(directory, "postgres")),
		startAws(join(directory, "aws")),
	]);
	stop = async () => {
		await Promise.all([postgres.stop(), aws.stop()]);
		removePostgres(join(directory, "postgres"));
		rmSync(directory, { recursive: true, force: true });
	};
	Object.assign(process.env, aws.environment);
	aws.createBucket(BUCKET);
	aws.secrets.put(PIPELINE_SECRET, { bucket: BUCKET });
	const owner = { user: "ev_admin", password: newPassword() };
	await createDatabase(postgres, TEMPLATE, owner);
	await migrateInto({ postgres, aws, owner }, TEMPLATE);

	const storage = openBucket(BUCKET);
	let databases = 0;
	const create = async (template: string) => {
		const name = `ev_${++databases}`;
		await asSuperuser(postgres, async (client) => {
			await client.query(`create database ${name} template ${template} owner ${owner.user}`);
		});
		return name;
	};
	return {
		postgres,
		aws,
		storage,
		owner,
		emptyDatabase: () => create("template0"),
		newDatabase: async (like) => openDatabase({ postgres, aws, storage, owner }, await create(like?.name ?? TEMPLATE)),
	};
}

/** Invokes migrate as a deployment would. */
export async function migrateInto(parts: Pick<TestBed, "postgres" | "aws" | "owner">, name: string) {
	pointMigrate(parts, name);
	return (await invokeMigrate({})) as MigrateResult;
}

/** Lets migrate find one database. */
function pointMigrate({ postgres, aws, owner }: Pick<TestBed, "postgres" | "aws" | "owner">, name: string): void {
	aws.secrets.put("arn:master", { username: owner.user, password: owner.password, ca: postgres.ca });
	Object.assign(process.env, {
		DATABASE_HOST: postgres.host,
		DATABASE_PORT: String(postgres.port),
		DATABASE_NAME: name,
		MASTER_SECRET_ARN: "arn:master",
		DATABASE_SECRET_ARN: LOGINS.loader,
		READER_SECRET_ARN: LOGINS.reader,
	});
}

/** Remembers the logins that migrate has stored. @returns what stores them again, the previous ones too */
export function keepLogins({ secrets }: Aws): () => void {
	const kept = Object.values(LOGINS).flatMap((arn) =>
		["AWSPREVIOUS", "AWSCURRENT"].map((label) => [arn, secrets.get<object>(arn, label)] as const),
	);
	return () => {
		for (const [arn, secret] of kept) if (secret) secrets.put(arn, secret);
	};
}

/** Invokes migrate for the database that it was invoked for last. */
export async function invokeMigrate(event: MigrateEvent) {
	return await silently(() =>
		migrateHandler()(
			event,
			context(() => 60_000),
		),
	);
}

function context(getRemainingTimeInMillis: () => number) {
	return { awsRequestId: "test", getRemainingTimeInMillis };
}

/** Gives tests their way into a database that is there. */
export function openDatabase(
	parts: Pick<TestBed, "postgres" | "aws" | "storage" | "owner">,
	name: string,
): TestDatabase {
	const { postgres, aws, storage, owner } = parts;
	const secretArn = `arn:database:${name}`;
	aws.secrets.put(secretArn, { ...aws.secrets.get<DatabaseSecret>(LOGINS.loader), dbname: name });
	const query = async <R extends object>(sql: string, values?: unknown[]) => {
		const client = new Client(clientConfig(postgres, name, owner));
		await client.connect();
		try {
			return (await client.query<R>(sql, values)).rows;
		} finally {
			await client.end();
		}
	};
	const loadManifest = (manifestKey: string, options: LoadOptions = {}) => {
		const { settings, timeLeftMs = () => 60_000, ...event } = options;
		const load = loadHandler({
			stack: "test",
			maxRejectedShare: 1,
			maxRemovedShare: 1,
			maxChangedShare: 1,
			...settings,
		});
		const secrets = { pipeline: PIPELINE_SECRET, database: secretArn };
		return silently(() => load({ runId: `run-${++runs}`, manifestKey, secrets, ...event }, context(timeLeftMs)));
	};
	const migrate = async (event: MigrateEvent) => {
		pointMigrate(parts, name);
		return await invokeMigrate(event);
	};
	return {
		name,
		secretArn,
		query,
		loadManifest,
		migrate,
		async replay(between, settings) {
			const runId = `replay-${++runs}`;
			const plan = (await migrate({ action: "prepareReplay", runId })) as ReplayPlan;
			for (const { manifestKey, ...run } of plan.runs)
				await loadManifest(manifestKey, { ...run, schema: "ev_next", reload: true, ...(settings && { settings }) });
			await between?.();
			await migrate({ action: "publishReplay", runId, token: plan.token });
			return plan;
		},
		load: async (snapshot, options) => loadManifest(await storeSnapshot(storage, snapshot), options),
		contents: async () => ({
			vehicles: await query("select * from ev.vehicles order by dol_vehicle_id"),
			changes: await query("select * from ev.vehicle_changes order by dol_vehicle_id, changed_at"),
			counts: await query("select to_jsonb(c) as cell from ev.snapshot_counts c order by to_jsonb(c)::text"),
			snapshots: await query(
				"select to_jsonb(s) - '{run_id,manifest_key,manifest_sha256,transform_version}'::text[] as snapshot from ev.snapshots s order by snapshot_at",
			),
		}),
	};
}
