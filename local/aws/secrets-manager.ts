/** AWS Secrets Manager on loopback: the calls that the pipeline makes, stored in a file that only its owner may read. */

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { close, listen } from "../common/http-server";
import { readJson, writeJson } from "../common/state";
import { type Authorize, accessKeyOf, isAccessDenied, secretsManagerCall, secretsManagerRefusal } from "./api";

export interface SecretsManager {
	url: string;
	/** Writes a secret's value, as its owner would. A secret without a value answers as AWS's empty secrets do. */
	put(arn: string, value: object): void;
	/** Leaves a secret without a value, as AWS creates it. */
	remove(arn: string): void;
	/** Reads a secret's current value, or the value of the version with another label. */
	get<T>(arn: string, label?: string): T | undefined;
	/** Adds an empty version that is AWSPENDING, as AWS does before it has a secret rotated. @returns the version's id */
	beginRotation(arn: string): string;
	stop(): Promise<void>;
}

/** A version without labels is deleted at once; AWS deletes it later, at a time that it does not promise. */
interface Version {
	/** Undefined until the rotation writes it. */
	text?: string;
	labels: string[];
}

/** Versions by their ids. */
type Versions = Record<string, Version>;

interface SecretRequest {
	SecretId: string;
	SecretString?: string;
	ClientRequestToken?: string;
	VersionStages?: string[];
	VersionId?: string;
	VersionStage?: string;
	RemoveFromVersionId?: string;
	MoveToVersionId?: string;
}

const CURRENT = "AWSCURRENT";
const PREVIOUS = "AWSPREVIOUS";
const PENDING = "AWSPENDING";

/**
 * Starts the server.
 * @param file stores the secrets between runs
 * @param authorize called before each request
 */
export async function startSecretsManager(file: string, authorize: Authorize): Promise<SecretsManager> {
	const secrets = readJson<Record<string, Versions>>(file) ?? {};
	/** Changes a secret's versions, on disk too, or not at all. */
	const change = <T>(arn: string, work: (versions: Versions) => T): T => {
		const versions = structuredClone(secrets[arn] ?? {});
		const result = work(versions);
		for (const [id, { labels }] of Object.entries(versions)) if (labels.length === 0) delete versions[id];
		secrets[arn] = versions;
		writeJson(file, secrets);
		return result;
	};
	const answer = (call: string, request: SecretRequest): object => {
		const { SecretId: ARN } = request;
		const versions = secrets[ARN] ?? {};
		switch (call) {
			case "GetSecretValue":
				return { ARN, ...getValue(versions, request) };
			case "PutSecretValue":
				return { ARN, ...change(ARN, (changing) => putValue(changing, request)) };
			case "DescribeSecret": {
				const stages = Object.entries(versions).map(([id, { labels }]) => [id, labels]);
				return { ARN, ...(stages.length > 0 && { VersionIdsToStages: Object.fromEntries(stages) }) };
			}
			case "UpdateSecretVersionStage":
				change(ARN, (changing) => updateStage(changing, request));
				return { ARN };
			default:
				throw awsError("InvalidRequestException", `The local Secrets Manager does not know ${call}.`);
		}
	};
	const server = createServer(async (request, response) => {
		const call = String(request.headers["x-amz-target"]).replace("secretsmanager.", "");
		response.setHeader("content-type", "application/x-amz-json-1.1");
		try {
			const asked = (await json(request)) as SecretRequest;
			await authorize(accessKeyOf(request.headers), () => secretsManagerCall(call, asked));
			response.end(JSON.stringify(answer(call, asked)));
		} catch (error) {
			response.statusCode = 400;
			if (isAccessDenied(error)) return void response.end(secretsManagerRefusal(error).body);
			const { name, message } = error as Error;
			response.end(JSON.stringify({ __type: name, message }));
		}
	});
	return {
		url: await listen(server),
		put: (arn, value) =>
			change(arn, (versions) => {
				const id = randomUUID();
				versions[id] = { text: JSON.stringify(value), labels: [] };
				moveLabel(versions, CURRENT, id);
			}),
		remove: (arn) => {
			if (secrets[arn])
				change(arn, (versions) => {
					for (const id of Object.keys(versions)) delete versions[id];
				});
		},
		get: (arn, label = CURRENT) => {
			const text = findByLabel(secrets[arn] ?? {}, label)?.[1].text;
			return text === undefined ? undefined : JSON.parse(text);
		},
		beginRotation: (arn) =>
			change(arn, (versions) => {
				const id = randomUUID();
				versions[id] = { labels: [] };
				moveLabel(versions, PENDING, id);
				return id;
			}),
		stop: () => close(server),
	};
}

function getValue(versions: Versions, { VersionId, VersionStage }: SecretRequest) {
	const label = VersionStage ?? (VersionId === undefined ? CURRENT : undefined);
	const [id, version] =
		VersionId === undefined ? (findByLabel(versions, label!) ?? []) : ([VersionId, versions[VersionId]] as const);
	if (version && label !== undefined && !version.labels.includes(label))
		throw awsError(
			"InvalidRequestException",
			"You provided a VersionStage that is not associated to the provided VersionId.",
		);
	if (version?.text === undefined)
		throw awsError(
			"ResourceNotFoundException",
			`Secrets Manager can't find the specified secret value for ${label === undefined ? `VersionId: ${VersionId}` : `staging label: ${label}`}`,
		);
	return { SecretString: version.text, VersionId: id, VersionStages: version.labels };
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html */
function putValue(versions: Versions, { SecretString: text, ...request }: SecretRequest) {
	if (text === undefined) throw awsError("InvalidParameterException", "You must provide SecretString.");
	const { ClientRequestToken: id = randomUUID(), VersionStages = [CURRENT] } = request;
	if (id.length < 32 || id.length > 64)
		throw awsError("InvalidParameterException", "ClientRequestToken must have 32 to 64 characters.");
	const known = versions[id];
	if (known?.text !== undefined && known.text !== text)
		throw awsError("ResourceExistsException", `A version ${id} exists already, with another value.`);
	if (known?.text === undefined) {
		const isFirst = Object.values(versions).every((other) => other.text === undefined);
		versions[id] = { text, labels: known?.labels ?? [] };
		for (const label of isFirst ? [...VersionStages, CURRENT] : VersionStages) moveLabel(versions, label, id);
	}
	return { VersionId: id, VersionStages: versions[id]!.labels };
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html */
function updateStage(versions: Versions, request: SecretRequest): void {
	const { VersionStage: label, MoveToVersionId: to, RemoveFromVersionId: from } = request;
	if (label === undefined) throw awsError("InvalidParameterException", "You must provide VersionStage.");
	for (const id of [to, from])
		if (id !== undefined && !versions[id])
			throw awsError("ResourceNotFoundException", `Secrets Manager can't find the specified secret version ${id}.`);
	const holder = findByLabel(versions, label)?.[0];
	if (holder !== from && holder !== to)
		throw awsError("InvalidParameterException", `RemoveFromVersionId must be the version that has ${label}.`);
	if (from !== undefined && holder !== from)
		throw awsError("InvalidParameterException", `The version ${from} does not have ${label}.`);
	if (to !== undefined) moveLabel(versions, label, to);
	else if (label === CURRENT) throw awsError("InvalidParameterException", `${CURRENT} can only be moved.`);
	else removeLabel(versions, label);
}

/** Moves a label to one version, from the one that has it; the version that was current becomes the previous one. */
function moveLabel(versions: Versions, label: string, id: string): void {
	const from = findByLabel(versions, label)?.[0];
	if (from === id) return;
	removeLabel(versions, label);
	versions[id]!.labels.push(label);
	if (label === CURRENT && from !== undefined) moveLabel(versions, PREVIOUS, from);
}

function removeLabel(versions: Versions, label: string): void {
	for (const version of Object.values(versions)) version.labels = version.labels.filter((other) => other !== label);
}

function findByLabel(versions: Versions, label: string): [string, Version] | undefined {
	return Object.entries(versions).find(([, { labels }]) => labels.includes(label));
}

function awsError(name: string, message: string): Error {
	const error = new Error(message);
	error.name = name;
	return error;
}
