/**
 * migrate: updates the schema, the roles and their secrets. Each deployment invokes it before anything can load. A replay's
 * workflow invokes it to prepare the schema that the replay fills, and to publish it.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate as applyMigrations } from "drizzle-orm/node-postgres/migrator";
import type { Client } from "pg";
import { commentOn } from "../db/comments";
import { createRole, grantAll, READERS, ROLES, type Role } from "../db/roles";
import type { HandlerContext, MigrateEvent, ReplayEvent, ReplayPlan, ReplayPublished } from "./common/contract";
import { connect, connectIfPasswordValid, type DatabaseSecret, databaseFailure } from "./common/database";
import { requireEnvironment } from "./common/environment";
import { FAILURES, failure, isFailure, reasonOf } from "./common/failure";
import { createLog, type Log } from "./common/log";
import { createSecrets, readSecret, type Secrets } from "./common/secrets";
import { ensureLogins } from "./migrating/logins";
import { dropOld, prepareReplay, publishReplay } from "./migrating/replay";

export interface MigrateResult {
	/** Migrations that this invocation applied. */
	applied: number;
	/** Roles that got a new password, because they could not log in with the old one. */
	newPasswords: Role[];
}

/** The secret that RDS manages for the master user; `ca` if the server's certificate authority is not Amazon's. */
interface MasterSecret {
	username: string;
	password: string;
	ca?: string;
}

/** The longest wait for another deployment's migration, and for the table locks of running queries. */
const LOCK_TIMEOUT = "30s";

/** In the archive, as in the project. */
const MIGRATIONS = "db/migrations";

/** Time reserved for the result. */
const MARGIN_MS = 2_000;

/** Creates the migrate function. Its archive contains db/migrations, and Lambda runs it in the archive's folder. */
export function migrateHandler() {
	const secrets = createSecrets();
	return async (
		event: MigrateEvent,
		context: HandlerContext,
	): Promise<MigrateResult | ReplayPlan | ReplayPublished> => {
		const log = createLog({ runId: event.action ? event.runId : context.awsRequestId, function: "migrate" });
		const budgetMs = context.getRemainingTimeInMillis() - MARGIN_MS;
		const { client, database } = await connectAsMaster(secrets, budgetMs);
		try {
			if (event.action) return await replay(client, event, log);
			return await migrate(client, secrets, database, budgetMs, log);
		} finally {
			await client.end();
		}
	};
}

/** Opens a session of the master user. RDS may replace the password after it was read, so it is read once more. */
async function connectAsMaster(
	secrets: Secrets,
	budgetMs: number,
): Promise<{ client: Client; database: DatabaseSecret }> {
	const database = await locateDatabase(secrets);
	const client = await connectIfPasswordValid(database, budgetMs);
	if (client) return { client, database };
	const replaced = await locateDatabase(secrets);
	return { client: await connect(replaced, budgetMs), database: replaced };
}

/** Where the database is, and the master user's credentials. */
async function locateDatabase(secrets: Secrets): Promise<DatabaseSecret> {
	const master = await readSecret<MasterSecret>(secrets, requireEnvironment("MASTER_SECRET_ARN"), "RDS");
	return {
		engine: "postgres",
		host: requireEnvironment("DATABASE_HOST"),
		port: Number(requireEnvironment("DATABASE_PORT")),
		dbname: requireEnvironment("DATABASE_NAME"),
		...master,
	};
}

/** What a deployment asks for. @throws MigrationFailed */
async function migrate(
	client: Client,
	secrets: Secrets,
	database: DatabaseSecret,
	budgetMs: number,
	log: Log,
): Promise<MigrateResult> {
	try {
		await lockMigrations(client);
		const applied = await migrateSchema(client);
		await client.query(grantAll(client.escapeIdentifier(database.dbname)));
		await client.query(commentOn("ev"));
		const ensure = (arn: string, roles: readonly Role[]) =>
			ensureLogins({ client, secrets, database, budgetMs }, requireEnvironment(arn), roles);
		const newPasswords = [
			...(await ensure("DATABASE_SECRET_ARN", ["ev_loader"])),
			...(await ensure("READER_SECRET_ARN", READERS)),
		];
		await dropOld(client, log);
		log.info("migrated", { applied, newPasswords });
		return { applied, newPasswords };
	} catch (error) {
		throw migrationFailure(error, log);
	}
}

/** What the workflow of a replay asks for. @throws ReplayRefused, RunInProgress, DatabaseUnavailable, MigrationFailed */
async function replay(client: Client, event: ReplayEvent, log: Log): Promise<ReplayPlan | ReplayPublished> {
	try {
		await lockMigrations(client);
		if (event.action === "prepareReplay") {
			const plan = await prepareReplay(client, event.runId);
			log.info("replay prepared", { runs: plan.runs.length, token: plan.token });
			return plan;
		}
		const published = await publishReplay(client, event.runId, event.token, log);
		log.info("replay published", { ...published });
		return published;
	} catch (error) {
		const named = databaseFailure(error, "during a replay");
		log.warn("replay failed", { error: named.name, message: named.message });
		if (isFailure(named, ...FAILURES)) throw named;
		throw failure("MigrationFailed", `The replay failed: ${reasonOf(error)}.`, error);
	}
}

/**
 * One deployment or step of a replay at a time. The provider invokes again when an answer takes longer than 30 s: that invocation
 * waits for the first one, as long as its own time allows, and only then for locks of tables.
 * https://github.com/hashicorp/terraform-provider-aws/issues/45773
 */
async function lockMigrations(client: Client): Promise<void> {
	// The ASCII codes of "ev" and "migr"; the lock is released with the session.
	await client.query("select pg_advisory_lock(25974, 1835624306)");
	await client.query(`set lock_timeout = '${LOCK_TIMEOUT}'`);
}

/** Applies new migrations and creates the roles. @returns the number of new migrations */
async function migrateSchema(client: Client): Promise<number> {
	const count = async () => {
		const journal = await client.query("select to_regclass('drizzle.__drizzle_migrations') is not null as there");
		if (!journal.rows[0].there) return 0;
		return (await client.query("select count(*)::int as n from drizzle.__drizzle_migrations")).rows[0].n as number;
	};
	const before = await count();
	await applyMigrations(drizzle(client), { migrationsFolder: MIGRATIONS });
	await checkJournal(client);
	for (const role of ROLES) await client.query(createRole(role));
	return (await count()) - before;
}

/**
 * Drizzle applies what is younger than the last migration that was applied, and skips an older one without a word: one from a
 * branch that was merged late. https://github.com/drizzle-team/drizzle-orm/issues/5316
 * @throws where a migration is not recorded as applied
 */
async function checkJournal(client: Client): Promise<void> {
	const journal: { entries: { tag: string; when: number }[] } = JSON.parse(
		readFileSync(join(MIGRATIONS, "meta/_journal.json"), "utf8"),
	);
	const { rows } = await client.query<{ at: string }>("select created_at as at from drizzle.__drizzle_migrations");
	const applied = new Set(rows.map(({ at }) => Number(at)));
	const skipped = journal.entries.filter(({ when }) => !applied.has(when)).map(({ tag }) => tag);
	if (skipped.length > 0)
		throw new Error(
			`${skipped.join(", ")} is older than a migration that was applied before it, so it was skipped; delete it and generate it again with \`npm run db:generate\``,
		);
}

/** Takes PostgreSQL's message from the cause: Drizzle's own message is the statement that failed. */
function migrationFailure(error: unknown, log: Log): Error {
	const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
	const named = failure("MigrationFailed", `The migration failed: ${reasonOf(cause)}.`, error);
	log.warn("migration failed", { message: named.message });
	return named;
}
