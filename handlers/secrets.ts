/** Secrets are resolved by the function that needs them, when it needs them. */

import {
	GetSecretValueCommand,
	PutSecretValueCommand,
	ResourceNotFoundException,
	SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { failure, reasonOf } from "./failure";

export interface Secrets {
	/**
	 * A secret's current value.
	 * @returns what the JSON in it says, or undefined where it has no value yet
	 * @throws SecretUnavailable naming the secret, never its value
	 */
	read<T>(arn: string): Promise<T | undefined>;
	/** Makes `value` the secret's current one. @throws SecretUnavailable naming the secret, never its value */
	write(arn: string, value: object): Promise<void>;
}

/** Access to Secrets Manager with a client of its own; made once per cold start. */
export function createSecrets(): Secrets {
	const client = new SecretsManagerClient({ maxAttempts: 5 });
	return {
		async read<T>(arn: string): Promise<T | undefined> {
			let text: string | undefined;
			try {
				text = (await client.send(new GetSecretValueCommand({ SecretId: arn }))).SecretString;
			} catch (error) {
				// A secret that was created empty answers as one that does not exist.
				if (error instanceof ResourceNotFoundException) return undefined;
				throw failure("SecretUnavailable", `The secret ${arn} could not be read: ${reasonOf(error)}.`, error);
			}
			if (text === undefined) return undefined;
			try {
				return JSON.parse(text) as T;
			} catch {
				// The parser's own message would quote the value.
				throw failure("SecretUnavailable", `The secret ${arn} does not hold JSON; write it again.`);
			}
		},
		async write(arn, value) {
			try {
				await client.send(new PutSecretValueCommand({ SecretId: arn, SecretString: JSON.stringify(value) }));
			} catch (error) {
				throw failure("SecretUnavailable", `The secret ${arn} could not be written: ${reasonOf(error)}.`, error);
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
