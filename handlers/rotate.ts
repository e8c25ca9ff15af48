/**
 * rotate: changes the password of a database role, in the four steps of a Secrets Manager rotation, without the master user.
 * The loader's own password changes; of the two readers, the one that the secret does not name gets a new password and is named.
 */

import type { Client } from "pg";
import { nextRole } from "../db/roles";
import type { HandlerContext } from "./common/contract";
import { connect, connectIfPasswordValid, type DatabaseSecret, databaseFailure, disconnect } from "./common/database";
import { failure } from "./common/failure";
import { createLog } from "./common/log";
import { newPassword, scramVerifier } from "./common/passwords";
import { createSecrets, readSecret, type Secrets } from "./common/secrets";

/** The event that Secrets Manager sends. https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html */
export interface RotationEvent {
	Step: "createSecret" | "setSecret" | "testSecret" | "finishSecret";
	/** ARN of the secret. */
	SecretId: string;
	/** Id of the version to create and make current. */
	ClientRequestToken: string;
}

interface Rotation {
	secrets: Secrets;
	arn: string;
	/** Id of the version to create and make current. */
	id: string;
	budgetMs: number;
}

/** Time reserved for the result. */
const MARGIN_MS = 2_000;

/** Creates the rotate function. Each step can be repeated, and can fail anywhere: the next rotation continues from there. */
export function rotateHandler() {
	const secrets = createSecrets();
	return async (event: RotationEvent, context: HandlerContext): Promise<void> => {
		const { Step: step, SecretId: arn, ClientRequestToken: id } = event;
		const log = createLog({ runId: context.awsRequestId, function: "rotate", step, secret: arn });
		const rotation = { secrets, arn, id, budgetMs: context.getRemainingTimeInMillis() - MARGIN_MS };
		try {
			log.info("step done", { outcome: await runStep(step, rotation) });
		} catch (error) {
			const named = databaseFailure(error, `during ${step} of a rotation`);
			log.warn("step failed", { error: named.name, message: named.message });
			throw named;
		}
	};
}

function runStep(step: RotationEvent["Step"], rotation: Rotation): Promise<string> {
	switch (step) {
		case "createSecret":
			return createPassword(rotation);
		case "setSecret":
			return setPassword(rotation);
		case "testSecret":
			return testPassword(rotation);
		case "finishSecret":
			return finishRotation(rotation);
		default:
			throw failure(
				"RotationFailed",
				`A rotation has no step "${step}"; only Secrets Manager should invoke this function.`,
			);
	}
}

/**
 * Stores a new password as a pending version. If an earlier rotation failed, the role may already have that rotation's
 * password, which only its UNFINISHED version holds: then that password is used again, so that it is not lost.
 */
async function createPassword({ secrets, arn, id }: Rotation): Promise<string> {
	if (await secrets.read(arn, { id })) return "already created";
	const current = await readSecret<DatabaseSecret>(secrets, arn, "migrate");
	const unfinished = await secrets.read<DatabaseSecret>(arn, { label: "UNFINISHED" });
	const username = nextRole(current.username);
	const isUnfinished = unfinished?.username === username && unfinished.password !== current.password;
	const password = isUnfinished ? unfinished.password : newPassword();
	await secrets.write(arn, { ...current, username, password }, { id, labels: ["AWSPENDING", "UNFINISHED"] });
	return isUnfinished ? "reused from an unfinished rotation" : "created";
}

/** Logs in as the role with the password that the current or the previous version has for it, and changes it to the new one. */
async function setPassword({ secrets, arn, id, budgetMs }: Rotation): Promise<string> {
	const { pending, current } = await readVersions(secrets, arn, id);
	const changed = await connectIfPasswordValid(pending, budgetMs);
	if (changed) {
		await disconnect(changed);
		return "already set";
	}
	const previous = await secrets.read<DatabaseSecret>(arn, { label: "AWSPREVIOUS" });
	for (const old of [current, previous]) {
		if (old?.username !== pending.username) continue;
		const client = await connectIfPasswordValid({ ...pending, password: old.password }, budgetMs);
		if (!client) continue;
		try {
			await changePassword(client, pending);
		} finally {
			await disconnect(client);
		}
		return "set";
	}
	throw failure(
		"RotationFailed",
		`The role ${pending.username} cannot log in with any password of the secret ${arn}; invoke migrate, which sets a new one.`,
	);
}

/** Open sessions are not affected. PostgreSQL receives a verifier, because it may log the statement. */
async function changePassword(client: Client, { username, password }: DatabaseSecret): Promise<void> {
	// Transactions of readers are read-only by default.
	await client.query("set default_transaction_read_only = off");
	await client.query(
		`alter role ${client.escapeIdentifier(username)} password ${client.escapeLiteral(scramVerifier(password))}`,
	);
}

/**
 * Logs in with the new password. When a rotation is configured, Secrets Manager runs this step alone, for the current
 * version or one without a value; then the current password is tested.
 */
async function testPassword({ secrets, arn, id, budgetMs }: Rotation): Promise<string> {
	const pending = await secrets.read<DatabaseSecret>(arn, { id });
	const client = await connect(pending ?? (await readSecret<DatabaseSecret>(secrets, arn, "migrate")), budgetMs);
	try {
		await client.query("select current_user");
	} finally {
		await disconnect(client);
	}
	return pending ? "can log in" : "can log in with the current password";
}

/** Makes the new version the current one. */
async function finishRotation({ secrets, arn, id }: Rotation): Promise<string> {
	const { labels } = await readVersions(secrets, arn, id);
	const isCurrent = labels[id]!.includes("AWSCURRENT");
	if (!isCurrent) {
		const from = Object.keys(labels).find((other) => labels[other]!.includes("AWSCURRENT"));
		await secrets.moveLabel(arn, "AWSCURRENT", { from, to: id });
	}
	if (labels[id]!.includes("UNFINISHED")) await secrets.moveLabel(arn, "UNFINISHED", { from: id });
	return isCurrent ? "already current" : "made current";
}

/**
 * Reads the pending and the current version.
 * @throws RotationFailed if the pending one must not become current
 */
async function readVersions(secrets: Secrets, arn: string, id: string) {
	const labels = await secrets.listLabels(arn);
	const pending = await secrets.read<DatabaseSecret>(arn, { id });
	const current = await readSecret<DatabaseSecret>(secrets, arn, "migrate");
	const stale = (what: string) =>
		failure(
			"RotationFailed",
			`Version ${id} of the secret ${arn} ${what}; remove its label AWSPENDING and start a new rotation.`,
		);
	if (!pending) throw stale("has no value");
	if (!labels[id]?.some((label) => label === "AWSPENDING" || label === "AWSCURRENT")) throw stale("is not pending");
	// migrate rewrites the secret when the database was replaced.
	const placeOf = (secret: DatabaseSecret) => JSON.stringify({ ...secret, username: "", password: "" });
	if (placeOf(pending) !== placeOf(current)) throw stale("is for a different database than the current version");
	const isCurrent = labels[id].includes("AWSCURRENT");
	if (pending.username !== (isCurrent ? current.username : nextRole(current.username)))
		throw stale(`is for ${pending.username}, the role that the current version names`);
	return { labels, pending, current };
}
