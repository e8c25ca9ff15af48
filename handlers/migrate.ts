/** migrate: brings the schema, the roles and their secrets up to date; invoked at deploy, before anything can load. */

import { drizzle } from "drizzle-orm/node-postgres";
import { migrate as applyMigrations } from "drizzle-orm/node-postgres/migrator";
import type { Client } from "pg";
import { createRole, grantAll, ROLES, type Role } from "../db/roles";
import type { HandlerContext } from "./common/contract";
import { connect, connectIfLetIn, type DatabaseSecret, disconnect } from "./common/database";
import { environment } from "./common/environment";
import { failure, reasonOf } from "./common/failure";
import { createLog, type Log } from "./common/log";
import { newPassword, scramVerifier } from "./common/passwords";
import { createSecrets, readSecret, type Secrets } from "./common/secrets";

export interface MigrateResult {
	/** Migrations that this invocation applied. */
	applied: number;
	/** Roles that got a new password, because they had none that worked. */
	newPasswords: Role[];
}

/** What RDS writes into the secret it manages for the master user; `ca` where its authority is not Amazon's. */
interface MasterSecret {
	username: string;
	password: string;
	ca?: string;
}

/** Waits for another migration at most this long, and for a lock on a table no longer than a reader's query may take. */
const LOCK_TIMEOUT = "30s";

/** Makes the migrate function; its archive carries db/migrations, and it runs in the folder they are in. */
export function migrateHandler() {
	const secrets = createSecrets();
	return async (_event: unknown, context: HandlerContext): Promise<MigrateResult> => {
		const log = createLog({ runId: context.awsRequestId, function: "migrate" });
		const master = await readSecret<MasterSecret>(secrets, environment("MASTER_SECRET_ARN"), "RDS");
		const database: DatabaseSecret = {
			engine: "postgres",
			host: environment("DATABASE_HOST"),
			port: Number(environment("DATABASE_PORT")),
			dbname: environment("DATABASE_NAME"),
			...master,
		};
		const budget = context.getRemainingTimeInMillis() - 2_000;
		const client = await connect(database, budget);
		try {
			const applied = await migrateSchema(client);
			await client.query(grantAll(client.escapeIdentifier(database.dbname)));
			const arns = { ev_loader: environment("DATABASE_SECRET_ARN"), ev_reader: environment("READER_SECRET_ARN") };
			const newPasswords: Role[] = [];
			for (const role of ROLES) {
				const wanted = { ...database, username: role, password: "" };
				if (await ensurePassword(client, secrets, arns[role], wanted, budget)) newPasswords.push(role);
			}
			log.info("migrated", { applied, newPasswords });
			return { applied, newPasswords };
		} catch (error) {
			throw migrationFailure(error, log);
		} finally {
			await client.end();
		}
	};
}

/** Applies what is new in db/migrations and creates the roles, one deployment at a time. @returns how many were new */
async function migrateSchema(client: Client): Promise<number> {
	await client.query(`set lock_timeout = '${LOCK_TIMEOUT}'`);
	// "ev", "migr"; released with the session.
	await client.query("select pg_advisory_lock(25974, 1835624306)");
	const count = async () => {
		const journal = await client.query("select to_regclass('drizzle.__drizzle_migrations') is not null as there");
		if (!journal.rows[0].there) return 0;
		return (await client.query("select count(*)::int as n from drizzle.__drizzle_migrations")).rows[0].n as number;
	};
	const before = await count();
	await applyMigrations(drizzle(client), { migrationsFolder: "db/migrations" });
	for (const role of ROLES) await client.query(createRole(role));
	return (await count()) - before;
}

/**
 * Sees to it that a role's secret lets it in. A password that works stays, be it that of a rotation which has not finished
 * yet; one that does not, because there is none or a crash came between setting and storing it, is replaced.
 * @param wanted the secret as it should be, but for the password
 * @returns whether the password is new
 */
async function ensurePassword(
	client: Client,
	secrets: Secrets,
	arn: string,
	wanted: DatabaseSecret,
	budget: number,
): Promise<boolean> {
	const stored = await secrets.read<DatabaseSecret>(arn);
	const unfinished = await secrets.read<DatabaseSecret>(arn, { label: "UNFINISHED" });
	for (const known of [stored, unfinished]) {
		const kept = { ...wanted, password: known?.password ?? "" };
		if (!known || !(await letsIn(kept, budget))) continue;
		if (JSON.stringify(kept) !== JSON.stringify(stored)) await secrets.write(arn, kept);
		return false;
	}
	const password = newPassword();
	const { username } = wanted;
	await client.query(
		`alter role ${client.escapeIdentifier(username)} password ${client.escapeLiteral(scramVerifier(password))}`,
	);
	await secrets.write(arn, { ...wanted, password });
	return true;
}

async function letsIn(secret: DatabaseSecret, budget: number): Promise<boolean> {
	const client = await connectIfLetIn(secret, budget);
	if (client) await disconnect(client);
	return client !== undefined;
}

/** PostgreSQL's own words, which Drizzle keeps below the statement that it failed at. */
function migrationFailure(error: unknown, log: Log): Error {
	const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
	const named = failure("MigrationFailed", `The migration failed and changed nothing: ${reasonOf(cause)}.`, error);
	log.warn("migration failed", { message: named.message });
	return named;
}
