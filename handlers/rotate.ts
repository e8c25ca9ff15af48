/** rotate: gives a database role a new password, in the four steps in which Secrets Manager asks for it; no master needed. */

import type { Client } from "pg";
import type { HandlerContext } from "./common/contract";
import { connect, connectIfLetIn, type DatabaseSecret, databaseFailure, disconnect } from "./common/database";
import { failure } from "./common/failure";
import { createLog } from "./common/log";
import { newPassword, scramVerifier } from "./common/passwords";
import { createSecrets, readSecret, type Secrets } from "./common/secrets";

/** What Secrets Manager calls with. https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html */
export interface RotationEvent {
	Step: "createSecret" | "setSecret" | "testSecret" | "finishSecret";
	/** ARN of the secret. */
	SecretId: string;
	/** Id of the version that is to become the current one. */
	ClientRequestToken: string;
}

interface Rotation {
	secrets: Secrets;
	arn: string;
	/** Id of the version that is to become the current one. */
	id: string;
	budgetMs: number;
}

/** Kept back from the function's time for its answer. */
const MARGIN_MS = 2_000;

/** Makes the rotate function. Each step may be called again, or die; the next rotation takes up what this one left. */
export function rotateHandler() {
	const secrets = createSecrets();
	return async (event: RotationEvent, context: HandlerContext): Promise<void> => {
		const { Step: step, SecretId: arn, ClientRequestToken: id } = event;
		const log = createLog({ runId: context.awsRequestId, function: "rotate", step, secret: arn });
		const rotation = { secrets, arn, id, budgetMs: context.getRemainingTimeInMillis() - MARGIN_MS };
		try {
			log.info("step done", { outcome: await take(step, rotation) });
		} catch (error) {
			const named = databaseFailure(error, `while ${step} of a rotation ran`);
			log.warn("step failed", { error: named.name, message: named.message });
			throw named;
		}
	};
}

function take(step: RotationEvent["Step"], rotation: Rotation): Promise<string> {
	switch (step) {
		case "createSecret":
			return createPassword(rotation);
		case "setSecret":
			return setPassword(rotation);
		case "testSecret":
			return testPassword(rotation);
		case "finishSecret":
			return finish(rotation);
		default:
			throw failure(
				"RotationFailed",
				`A rotation has no step "${step}"; only Secrets Manager is to call this function.`,
			);
	}
}

/**
 * Stores the new password beside the current one. Where an earlier rotation died, the role may have that one's password
 * already, which nobody else knows: it is taken up, so that it is never lost.
 */
async function createPassword({ secrets, arn, id }: Rotation): Promise<string> {
	if (await secrets.read(arn, { id })) return "was there";
	const current = await readSecret<DatabaseSecret>(secrets, arn, "migrate");
	const unfinished = await secrets.read<DatabaseSecret>(arn, { label: "UNFINISHED" });
	const isLeft = unfinished !== undefined && unfinished.password !== current.password;
	const password = isLeft ? unfinished.password : newPassword();
	await secrets.write(arn, { ...current, password }, { id, labels: ["AWSPENDING", "UNFINISHED"] });
	return isLeft ? "taken up from a rotation that did not finish" : "created";
}

/** Lets the role change its own password, with whichever of the old ones is its. */
async function setPassword({ secrets, arn, id, budgetMs }: Rotation): Promise<string> {
	const { pending, current } = await versionsOf(secrets, arn, id);
	const changed = await connectIfLetIn(pending, budgetMs);
	if (changed) {
		await disconnect(changed);
		return "was set";
	}
	const previous = await secrets.read<DatabaseSecret>(arn, { label: "AWSPREVIOUS" });
	for (const old of [current, previous]) {
		const client = old && (await connectIfLetIn({ ...pending, password: old.password }, budgetMs));
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
		`No password of the secret ${arn} is that of ${pending.username}; invoke migrate, which gives it a new one.`,
	);
}

/** Sessions that are open live on. PostgreSQL sees a verifier, since it may write the statement to its log. */
async function changePassword(client: Client, { username, password }: DatabaseSecret): Promise<void> {
	// The reader's transactions are read-only unless it says otherwise.
	await client.query("set default_transaction_read_only = off");
	await client.query(
		`alter role ${client.escapeIdentifier(username)} password ${client.escapeLiteral(scramVerifier(password))}`,
	);
}

/**
 * Logs in with the new password. When a rotation is declared, Secrets Manager runs this step alone, with a version that is
 * the current one or has no value: then it is the current password that is tested.
 */
async function testPassword({ secrets, arn, id, budgetMs }: Rotation): Promise<string> {
	const pending = await secrets.read<DatabaseSecret>(arn, { id });
	const client = await connect(pending ?? (await readSecret<DatabaseSecret>(secrets, arn, "migrate")), budgetMs);
	try {
		await client.query("select current_user");
	} finally {
		await disconnect(client);
	}
	return pending ? "lets in" : "the current one lets in";
}

/** Makes the new password the secret's current one. */
async function finish({ secrets, arn, id }: Rotation): Promise<string> {
	const { labels } = await versionsOf(secrets, arn, id);
	const isCurrent = labels[id]!.includes("AWSCURRENT");
	if (!isCurrent) {
		const from = Object.keys(labels).find((other) => labels[other]!.includes("AWSCURRENT"));
		await secrets.move(arn, "AWSCURRENT", { from, to: id });
	}
	if (labels[id]!.includes("UNFINISHED")) await secrets.move(arn, "UNFINISHED", { from: id });
	return isCurrent ? "was current" : "current";
}

/**
 * The version that is to become the current one, and the one that is.
 * @throws RotationFailed where that version must not become it
 */
async function versionsOf(secrets: Secrets, arn: string, id: string) {
	const labels = await secrets.labels(arn);
	const pending = await secrets.read<DatabaseSecret>(arn, { id });
	const current = await readSecret<DatabaseSecret>(secrets, arn, "migrate");
	const stale = (what: string) =>
		failure(
			"RotationFailed",
			`The version ${id} of the secret ${arn} ${what}; take AWSPENDING from it, and rotate the secret anew.`,
		);
	if (!pending) throw stale("has no value");
	if (!labels[id]?.some((label) => label === "AWSPENDING" || label === "AWSCURRENT")) throw stale("is not pending");
	// Migrate writes the secret anew where the database is another.
	if (JSON.stringify({ ...pending, password: "" }) !== JSON.stringify({ ...current, password: "" }))
		throw stale("leads to another database than the current one");
	return { labels, pending, current };
}
