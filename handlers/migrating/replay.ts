/** A replay: a second schema, which load fills from raw data with what was published, and which then takes the first one's place. */

import { readFileSync } from "node:fs";
import type { Client } from "pg";
import { commentOn } from "../../db/comments";
import {
	ANALYZE_NEXT,
	CARRY_GRANTS,
	CARRY_RUNS,
	CARRY_TIMES,
	COUNT_MIGRATIONS,
	DESCRIBE_PUBLISHED,
	DROP_NEXT,
	DROP_OLD,
	FIND_DIFFERENCES,
	FIND_FOREIGN_OBJECTS,
	LOADED_RUNS,
	PUT_ASIDE,
	PUT_BACK,
	READ_TOKEN,
	SWAP,
} from "../../db/replay";
import { grantToLoader } from "../../db/roles";
import { LOCK_RUN } from "../../db/runs";
import type { ReplayedRun, ReplayPlan, ReplayPublished } from "../common/contract";
import { isLockTimeout } from "../common/database";
import { failure, reasonOf } from "../common/failure";
import type { Log } from "../common/log";
import { versionName } from "../raw/manifest";

/**
 * The most that a plan may take in JSON, in bytes: 800 runs of 250 bytes. A workflow's state is limited to 256 KiB, and holds the
 * input and the last result beside it. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
 */
const MAX_PLAN_BYTES = 200_000;

/** The longest wait for a load, and for readers of the replaced tables, who are not blocked meanwhile. */
const LOCK_TIMEOUT = "5s";

const refused = (sentence: string) => failure("ReplayRefused", sentence);

/**
 * Creates the schema that a replay fills, as the migrations make it; everything or nothing.
 * @param runId the replay's own run
 * @returns what is to be loaded into it
 * @throws ReplayRefused where there is nothing to replay, or a replay would lose something
 */
export async function prepareReplay(client: Client, runId: string): Promise<ReplayPlan> {
	return await inTransaction(client, async () => {
		const plan = await planReplay(client, runId);
		await client.query(DROP_OLD);
		await client.query(DROP_NEXT);
		await client.query(PUT_ASIDE);
		for (const migration of await readMigrations(client)) await client.query(migration);
		await client.query(PUT_BACK);
		await checkForeignObjects(client);
		await client.query(grantToLoader("ev_next"));
		await client.query(commentOn("ev_next"));
		await client.query(`comment on schema ev_next is ${client.escapeLiteral(plan.token)}`);
		return plan;
	});
}

/**
 * Lets what a replay built take the place of what is published; everything or nothing. Publishing twice does no harm.
 * @param token from the plan
 * @throws ReplayRefused where something was published meanwhile, or the replay built something else; RunInProgress
 */
export async function publishReplay(client: Client, runId: string, token: string, log: Log): Promise<ReplayPublished> {
	await inTransaction(client, async () => {
		await lockRuns(client);
		if ((await readToken(client, "ev")) === token) return;
		if ((await readToken(client, "ev_next")) !== token)
			throw refused("What this replay built is not there any more, since another replay was started; start one again.");
		if ((await describePublished(client, runId)) !== token)
			throw refused(
				"A run published a snapshot, or a migration was applied, while the replay was running; start the replay again.",
			);
		await checkDifferences(client);
		await checkForeignObjects(client);
		for (const statement of [CARRY_TIMES, CARRY_RUNS, CARRY_GRANTS, ANALYZE_NEXT, SWAP]) await client.query(statement);
	});
	await dropOld(client, log);
	return { token };
}

/** Drops what a replay replaced, unless somebody still reads it; then the next deployment or replay does. */
export async function dropOld(client: Client, log: Log): Promise<void> {
	try {
		await client.query(`set lock_timeout = '${LOCK_TIMEOUT}'`);
		await client.query(DROP_OLD);
	} catch (error) {
		log.warn("ev_old remains", { reason: reasonOf(error) });
	}
}

async function inTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
	await client.query("begin");
	try {
		const result = await work();
		await client.query("commit");
		return result;
	} catch (error) {
		// The session may be gone, and with it the transaction.
		await client.query("rollback").catch(() => {});
		throw error;
	}
}

async function planReplay(client: Client, runId: string): Promise<ReplayPlan> {
	// Runs that end between the two questions make the token wrong, and publishing is refused.
	const token = await describePublished(client, runId);
	const { rows: runs } = await client.query<ReplayedRun>(LOADED_RUNS);
	if (runs.length === 0) throw refused("There is nothing to replay, since no run has loaded a snapshot.");
	const plan = { runs, token };
	const bytes = Buffer.byteLength(JSON.stringify(plan));
	if (bytes > MAX_PLAN_BYTES)
		throw refused(
			`The ${runs.length} runs to replay take ${bytes} bytes to list, and a workflow can pass on ${MAX_PLAN_BYTES} at most.`,
		);
	return plan;
}

async function describePublished(client: Client, runId: string): Promise<string> {
	return (await client.query<{ token: string }>(DESCRIBE_PUBLISHED, [runId])).rows[0]!.token;
}

async function readToken(client: Client, schema: string): Promise<string | null> {
	return (await client.query<{ token: string | null }>(READ_TOKEN, [schema])).rows[0]!.token;
}

/** The migrations' statements, in order. @throws ReplayRefused where the database has others */
async function readMigrations(client: Client): Promise<string[]> {
	const folder = "db/migrations";
	const journal = JSON.parse(readFileSync(`${folder}/meta/_journal.json`, "utf8"));
	const tags = journal.entries.map(({ tag }: { tag: string }) => tag);
	const { applied } = (await client.query<{ applied: number }>(COUNT_MIGRATIONS)).rows[0]!;
	if (applied !== tags.length)
		throw refused(
			`The database has ${applied} migrations and this version of the program ${tags.length}; finish the deployment first.`,
		);
	return tags.map((tag: string) => readFileSync(`${folder}/${tag}.sql`, "utf8"));
}

async function checkForeignObjects(client: Client): Promise<void> {
	const { rows } = await client.query<{ name: string }>(FIND_FOREIGN_OBJECTS);
	if (rows.length > 0)
		throw refused(
			`A replay would lose what no migration makes: ${rows.map(({ name }) => name).join(", ")}; drop it, and create it again afterwards.`,
		);
}

/** @throws ReplayRefused where the replay's snapshots are not those that are published */
async function checkDifferences(client: Client): Promise<void> {
	type Difference = { snapshotAt: Date; published: number | null; replayed: number | null };
	const [first] = (await client.query<Difference>(FIND_DIFFERENCES)).rows;
	if (!first) return;
	const { snapshotAt, published, replayed } = first;
	const version = versionName(snapshotAt.getTime() / 1000);
	throw refused(
		`The replay built something else than what is published: the snapshot of ${version} has ${replayed ?? "no"} rows instead of ${published ?? "none"}, so its raw files are not those that were loaded.`,
	);
}

/** Waits until no load is under way, and keeps others from beginning until the transaction ends. @throws RunInProgress */
async function lockRuns(client: Client): Promise<void> {
	try {
		await client.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
		await client.query(LOCK_RUN);
	} catch (error) {
		if (!isLockTimeout(error)) throw error;
		throw failure(
			"RunInProgress",
			"Another run is loading into this database; the workflow tries again when it is over.",
			error,
		);
	}
}
