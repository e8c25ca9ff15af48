/** Secrets are resolved by the function that needs them, when it needs them. */

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
 * Labels of a secret's versions. The first three are AWS's own. UNFINISHED is on the version that a rotation is making,
 * from its first step to its last: the role may have that password already, whatever became of the rotation.
 */
export type Label = "AWSCURRENT" | "AWSPENDING" | "AWSPREVIOUS" | "UNFINISHED";

export interface Secrets {
	/**
	 * A secret's value.
	 * @param version its current one if not given
	 * @returns what the JSON in it says, or undefined where there is no such version, or it has no value yet
	 * @throws SecretUnavailable naming the secret, never its value
	 */
	read<T>(arn: string, version?: { id: string } | { label: Label }): Promise<T | undefined>;
	/**
	 * Adds a version.
	 * @param version its own id and its labels; a new id, and current, if not given
	 * @throws SecretUnavailable naming the secret, never its value
	 */
	write(arn: string, value: object, version?: { id: string; labels: Label[] }): Promise<void>;
	/** The labels of each version that has any, by the versions' ids. @throws SecretUnavailable */
	labels(arn: string): Promise<Record<string, Label[]>>;
	/** Takes a label from one version, gives it to another, or both at once. @throws SecretUnavailable */
	move(arn: string, label: Label, versions: { from?: string; to?: string }): Promise<void>;
}

/** Access to Secrets Manager with a client of its own; made once per cold start. */
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
				// A secret that was created empty answers as one that does not exist.
				if (error instanceof ResourceNotFoundException) return undefined;
				throw unavailable(arn, "read", error);
			}
			if (text === undefined) return undefined;
			try {
				return JSON.parse(text) as T;
			} catch {
				// The parser's own message would quote the value.
				throw failure("SecretUnavailable", `The secret ${arn} does not hold JSON; write it again.`);
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
		async labels(arn) {
			try {
				const { VersionIdsToStages } = await client.send(new DescribeSecretCommand({ SecretId: arn }));
				return (VersionIdsToStages ?? {}) as Record<string, Label[]>;
			} catch (error) {
				throw unavailable(arn, "described", error);
			}
		},
		async move(arn, label, { from, to }) {
			const versions = { RemoveFromVersionId: from, MoveToVersionId: to };
			try {
				await client.send(new UpdateSecretVersionStageCommand({ SecretId: arn, VersionStage: label, ...versions }));
			} catch (error) {
				throw unavailable(arn, "labelled", error);
			}
		},
	};
}

/** As `read`, for a secret that must have a value. */
export async function readSecret<T>(secrets: Secrets, arn: string, writtenBy: string): Promise<T> {
	const value = await secrets.read<T>(arn);
	if (value === undefined)
		throw failure("SecretUnavailable", `The secret ${arn} has no value yet; it is written by ${writtenBy}.`);
	return value;
}
