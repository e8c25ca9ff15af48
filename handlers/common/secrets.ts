/** Reads and writes secrets. A function resolves a secret when it needs it, so no value is in its environment. */

import {
	DescribeSecretCommand,
	GetSecretValueCommand,
	PutSecretValueCommand,
	ResourceNotFoundException,
	SecretsManagerClient,
	UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { AWS_CLIENT } from "./aws-client";
import { failure, reasonOf } from "./failure";

/**
 * Labels of a secret's versions. The first three are AWS's own. UNFINISHED marks the version that a rotation has created
 * and not finished: the database role may already have its password, even if the rotation failed.
 */
export type Label = "AWSCURRENT" | "AWSPENDING" | "AWSPREVIOUS" | "UNFINISHED";

export interface Secrets {
	/**
	 * Reads a secret.
	 * @param version the current one if not given
	 * @returns the parsed JSON, or undefined if there is no such version or it has no value yet
	 * @throws SecretUnavailable; its message has the secret's ARN, never its value
	 */
	read<T>(arn: string, version?: { id: string } | { label: Label }): Promise<T | undefined>;
	/**
	 * Adds a version.
	 * @param version its id and labels; a new id and AWSCURRENT if not given
	 * @throws SecretUnavailable; its message has the secret's ARN, never its value
	 */
	write(arn: string, value: object, version?: { id: string; labels: Label[] }): Promise<void>;
	/** The labels of each version that has any, by version id. @throws SecretUnavailable */
	listLabels(arn: string): Promise<Record<string, Label[]>>;
	/** Removes a label from one version, adds it to another, or both in one step. @throws SecretUnavailable */
	moveLabel(arn: string, label: Label, versions: { from?: string; to?: string }): Promise<void>;
}

/** Creates access to Secrets Manager, with its own client; called once per cold start. */
export function createSecrets(): Secrets {
	const client = new SecretsManagerClient(AWS_CLIENT);
	const unavailable = (arn: string, what: string, error: unknown) =>
		failure("SecretUnavailable", `The secret ${arn} could not be ${what}: ${reasonOf(error)}.`, error);
	return {
		async read<T>(arn: string, version?: { id: string } | { label: Label }): Promise<T | undefined> {
			const which = version && ("id" in version ? { VersionId: version.id } : { VersionStage: version.label });
			let text: string | undefined;
			try {
				text = (await client.send(new GetSecretValueCommand({ SecretId: arn, ...which }))).SecretString;
			} catch (error) {
				// Secrets Manager answers the same for a secret without a value.
				if (error instanceof ResourceNotFoundException) return undefined;
				throw unavailable(arn, "read", error);
			}
			if (text === undefined) return undefined;
			try {
				return JSON.parse(text) as T;
			} catch {
				// No cause: the parser's message quotes the value.
				throw failure("SecretUnavailable", `The secret ${arn} is not JSON; write it again.`);
			}
		},
		async write(arn, value, version) {
			const which = version && { ClientRequestToken: version.id, VersionStages: version.labels };
			try {
				await client.send(new PutSecretValueCommand({ SecretId: arn, SecretString: JSON.stringify(value), ...which }));
			} catch (error) {
				throw unavailable(arn, "written", error);
			}
		},
		async listLabels(arn) {
			try {
				const { VersionIdsToStages } = await client.send(new DescribeSecretCommand({ SecretId: arn }));
				return (VersionIdsToStages ?? {}) as Record<string, Label[]>;
			} catch (error) {
				throw unavailable(arn, "described", error);
			}
		},
		async moveLabel(arn, label, { from, to }) {
			const versions = { RemoveFromVersionId: from, MoveToVersionId: to };
			try {
				await client.send(new UpdateSecretVersionStageCommand({ SecretId: arn, VersionStage: label, ...versions }));
			} catch (error) {
				throw unavailable(arn, "labelled", error);
			}
		},
	};
}

/** Reads a secret that must have a value. @param writtenBy what writes it, for the error @throws SecretUnavailable */
export async function readSecret<T>(secrets: Secrets, arn: string, writtenBy: string): Promise<T> {
	const value = await secrets.read<T>(arn);
	if (value === undefined)
		throw failure("SecretUnavailable", `The secret ${arn} has no value yet; it is written by ${writtenBy}.`);
	return value;
}
