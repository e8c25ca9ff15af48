/** The logins in a secret: each role can log in with the password that the secret has for it. */

import { randomUUID } from "node:crypto";
import type { Client } from "pg";
import { nextRole, type Role } from "../../db/roles";
import { connectIfPasswordValid, type DatabaseSecret, disconnect } from "../common/database";
import { newPassword, scramVerifier } from "../common/passwords";
import type { Label, Secrets } from "../common/secrets";

interface Deployment {
	/** Session of the master user. */
	client: Client;
	secrets: Secrets;
	/** Where the database is; with the master user's name and password, which the logins replace. */
	database: DatabaseSecret;
	budgetMs: number;
}

/**
 * Makes sure that a secret has a login of each role: one role's in the current version, the other's in the previous one, or in that
 * of an unfinished rotation. A password that works is kept. It is replaced if there is none, or if a crash came between setting
 * and storing it. Which role is the current one stays, too.
 * @param roles of the secret; the first is current in a new one
 * @returns roles that got a new password
 */
export async function ensureLogins(deployment: Deployment, arn: string, roles: readonly Role[]): Promise<Role[]> {
	const { secrets } = deployment;
	const read = (label: Label) => secrets.read<DatabaseSecret>(arn, { label });
	const [current, previous] = [await secrets.read<DatabaseSecret>(arn), await read("AWSPREVIOUS")];
	const [pending, unfinished] = [await read("AWSPENDING"), await read("UNFINISHED")];
	const known = [current, previous, unfinished].filter((version) => version !== undefined);

	const newPasswords: Role[] = [];
	const logins: DatabaseSecret[] = [];
	for (const role of currentLast(roles, current?.username)) {
		const working = await findLogin(deployment, role, known);
		if (!working) newPasswords.push(role);
		logins.push(working ?? (await createLogin(deployment, role)));
	}
	const last = logins.at(-1)!;
	const isStored = (login: DatabaseSecret) => [previous, unfinished].some((version) => isSame(version, login));
	// Where a rotation has finished, the current version is still labelled as pending.
	const isRotating = pending !== undefined && !isSame(pending, current);
	const continues = isRotating && isNext(pending, last);
	if (!isSame(current, last) || !logins.slice(0, -1).every(isStored) || (isRotating && !continues))
		for (const login of logins) await makeCurrent(secrets, arn, login, continues);
	return newPasswords;
}

/**
 * Stores a login as the current version; Secrets Manager makes the one before the previous version. After a crash between two
 * logins, the secret names the other role, which can log in as well. AWSPENDING goes along, unless a rotation is to continue: on any
 * other version than the current one, it tells Secrets Manager that a rotation is in progress, and no other could start.
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
 */
async function makeCurrent(secrets: Secrets, arn: string, login: DatabaseSecret, continues: boolean): Promise<void> {
	const labels: Label[] = continues ? ["AWSCURRENT"] : ["AWSCURRENT", "AWSPENDING"];
	await secrets.write(arn, login, { id: randomUUID(), labels });
}

function currentLast(roles: readonly Role[], username: string | undefined): Role[] {
	const current = roles.find((role) => role === username) ?? roles[0]!;
	return [...roles.filter((role) => role !== current), current];
}

/** The role's login in this database, with one of the passwords that the secret has for it, if one works. */
async function findLogin({ database, budgetMs }: Deployment, role: Role, known: DatabaseSecret[]) {
	for (const { username, password } of known) {
		if (username !== role) continue;
		const login = { ...database, username, password };
		const client = await connectIfPasswordValid(login, budgetMs);
		if (!client) continue;
		await disconnect(client);
		return login;
	}
	return undefined;
}

/** Gives the role a new password. */
async function createLogin({ client, database }: Deployment, role: Role): Promise<DatabaseSecret> {
	const password = newPassword();
	await client.query(
		`alter role ${client.escapeIdentifier(role)} password ${client.escapeLiteral(scramVerifier(password))}`,
	);
	return { ...database, username: role, password };
}

/** Whether a rotation may make a pending login the current one: the next role's, in the same database. */
function isNext(pending: DatabaseSecret, current: DatabaseSecret): boolean {
	return isSame({ ...pending, password: "" }, { ...current, username: nextRole(current.username), password: "" });
}

function isSame(stored: DatabaseSecret | undefined, wanted: DatabaseSecret | undefined): boolean {
	return JSON.stringify(stored) === JSON.stringify(wanted);
}
