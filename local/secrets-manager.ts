/** AWS Secrets Manager on loopback: the two calls the pipeline makes, over a file for its owner's eyes only. */

import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { close, listen } from "./server";
import { readJson, writeJson } from "./state";

export interface SecretsManager {
	url: string;
	/** Gives a secret a value, as its owner would. A secret that was never given one answers as AWS's empty ones do. */
	put(arn: string, value: object): void;
	get<T>(arn: string): T | undefined;
	stop(): Promise<void>;
}

interface SecretRequest {
	SecretId: string;
	SecretString?: string;
}

/**
 * Starts the stand-in.
 * @param file where values are kept between runs
 */
export async function startSecretsManager(file: string): Promise<SecretsManager> {
	const values = readJson<Record<string, string>>(file) ?? {};
	const put = (arn: string, text: string) => {
		values[arn] = text;
		writeJson(file, values);
	};
	const answer = (call: string, request: SecretRequest): object => {
		const { SecretId: ARN, SecretString } = request;
		switch (call) {
			case "GetSecretValue":
				if (values[ARN] === undefined)
					throw awsError(
						"ResourceNotFoundException",
						"Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
					);
				return { ARN, SecretString: values[ARN], VersionStages: ["AWSCURRENT"] };
			case "PutSecretValue":
				if (SecretString === undefined) throw awsError("InvalidParameterException", "You must provide SecretString.");
				put(ARN, SecretString);
				return { ARN, VersionStages: ["AWSCURRENT"] };
			default:
				throw awsError("InvalidRequestException", `The local Secrets Manager does not know ${call}.`);
		}
	};
	const server = createServer(async (request, response) => {
		const call = String(request.headers["x-amz-target"]).replace("secretsmanager.", "");
		response.setHeader("content-type", "application/x-amz-json-1.1");
		try {
			response.end(JSON.stringify(answer(call, (await json(request)) as SecretRequest)));
		} catch (error) {
			response.statusCode = 400;
			const { name, message } = error as Error;
			response.end(JSON.stringify({ __type: name, message }));
		}
	});
	return {
		url: await listen(server),
		put: (arn, value) => put(arn, JSON.stringify(value)),
		get: (arn) => (values[arn] === undefined ? undefined : JSON.parse(values[arn])),
		stop: () => close(server),
	};
}

function awsError(name: string, message: string): Error {
	const error = new Error(message);
	error.name = name;
	return error;
}
