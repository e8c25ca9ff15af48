/** The policies that the program declares, by what they are attached to. */

import {
	createValidatedPolicy,
	type ValidatedPolicy,
	type ValidationError,
	validateEndpointPolicy,
	validateIdentityPolicy,
	validateResourcePolicy,
	validateTrustPolicy,
} from "@cloud-copilot/iam-policy";
import type { ProgramRecord, RecordedResource } from "../program/record";

export interface Policy {
	/** Type and name of the resource that declares it. */
	name: string;
	kind: "identity" | "trust" | "resource" | "endpoint";
	/** The role's, resource's or endpoint's that it is the policy of: an ARN, or an endpoint's service. */
	of: string;
	document: ValidatedPolicy;
}

export interface PolicyStatement {
	Sid?: string;
	Effect: "Allow" | "Deny";
	Principal?: unknown;
	Action: string | string[];
	Resource?: string | string[];
	Condition?: Record<string, Record<string, string | string[]>>;
}

/** A role, and where what takes it is. */
export interface Role {
	name: string;
	arn: string;
	/** Whether its function's requests leave through the network's endpoints. */
	inNetwork: boolean;
}

export const ROLE = "aws:iam/role:Role";
export const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
const ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint";

const VALIDATE: Record<Policy["kind"], (document: unknown) => ValidationError[]> = {
	identity: validateIdentityPolicy,
	trust: validateTrustPolicy,
	resource: validateResourcePolicy,
	endpoint: validateEndpointPolicy,
};

/** Every policy of the program. */
export function policiesOf(record: ProgramRecord): Policy[] {
	const permissions = Map.groupBy(
		record.resources.filter(({ type }) => type === "aws:lambda/permission:Permission"),
		({ inputs }) => inputs.function as string,
	);
	return [
		...record.resources.flatMap((resource) => policiesIn(record, resource)),
		...[...permissions].map(([name, granted]) => permissionPolicy(record, name, granted)),
	];
}

export function statementsOf({ document }: Policy): PolicyStatement[] {
	return listed(document.policyDocument.Statement as PolicyStatement | PolicyStatement[]);
}

/** A value, or several, as several. */
export function listed<T>(value: T | T[] | undefined): T[] {
	return value === undefined ? [] : ([value].flat() as T[]);
}

export function rolesOf(record: ProgramRecord): Role[] {
	return record.resources
		.filter(({ type }) => type === ROLE)
		.map(({ state }) => ({
			name: state.name,
			arn: state.arn,
			inNetwork: record.resources.some(({ inputs }) => inputs.role === state.arn && inputs.vpcConfig),
		}));
}

/** The network's endpoint for a service, if it has one. */
export function endpointOf(record: ProgramRecord, service: string): RecordedResource | undefined {
	return record.resources.find(
		({ type, inputs }) => type === ENDPOINT && (inputs.serviceName as string).split(".").at(-1) === service,
	);
}

/** The key that a resource's content is encrypted with, by the resource's ARN. */
export function keysOf(record: ProgramRecord): Map<string, string> {
	const keys = record.resources.filter(({ type }) => type === "aws:kms/key:Key");
	const used = record.resources.flatMap(({ type, inputs, state }): [string, string | undefined][] => {
		switch (type) {
			case "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration":
				return [[bucketArn(inputs.bucket), inputs.rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyId]];
			case "aws:sns/topic:Topic":
				return [[state.arn, inputs.kmsMasterKeyId]];
			case "aws:secretsmanager/secret:Secret":
				return [[state.arn, inputs.kmsKeyId]];
			case "aws:rds/instance:Instance":
				return [[state.masterUserSecrets[0].secretArn, inputs.masterUserSecretKmsKeyId]];
			default:
				return [];
		}
	});
	// A key is named by its id or by its ARN. Without one, AWS takes a key that is its own and asks nobody's leave.
	const arnOf = (name: string) => keys.find(({ id, state }) => id === name || state.arn === name)?.state.arn ?? name;
	return new Map(used.flatMap(([arn, key]) => (key === undefined ? [] : [[arn, arnOf(key)]])));
}

export function bucketArn(name: string): string {
	return `arn:aws:s3:::${name}`;
}

function policiesIn(record: ProgramRecord, { type, name, inputs, state }: RecordedResource): Policy[] {
	const policy = (kind: Policy["kind"], of: string, document: string): Policy[] => [
		{ name: `${type} ${name}`, kind, of, document: createValidatedPolicy(JSON.parse(document), VALIDATE[kind]) },
	];
	switch (type) {
		case ROLE:
			return policy("trust", state.arn, inputs.assumeRolePolicy);
		case ROLE_POLICY:
			return policy("identity", roleArn(record, inputs.role), inputs.policy);
		case "aws:s3/bucketPolicy:BucketPolicy":
			return policy("resource", bucketArn(inputs.bucket), inputs.policy);
		case "aws:sns/topicPolicy:TopicPolicy":
			return policy("resource", inputs.arn, inputs.policy);
		case "aws:sqs/queuePolicy:QueuePolicy":
			return policy("resource", queueArn(record, inputs.queueUrl), inputs.policy);
		case "aws:kms/key:Key":
			return policy("resource", state.arn, inputs.policy);
		case ENDPOINT:
			return inputs.policy === undefined ? [] : policy("endpoint", inputs.serviceName.split(".").at(-1), inputs.policy);
		default:
			return [];
	}
}

/** A queue's URL is its id. */
function queueArn(record: ProgramRecord, url: string): string {
	const queue = record.resources.find(({ type, id }) => type === "aws:sqs/queue:Queue" && id === url);
	if (!queue) throw new Error(`A policy is attached to the queue ${url}, which the program does not declare.`);
	return queue.state.arn;
}

function roleArn(record: ProgramRecord, id: string): string {
	const role = record.resources.find((resource) => resource.type === ROLE && resource.id === id);
	if (!role) throw new Error(`A policy is attached to the role ${id}, which the program does not declare.`);
	return role.state.arn;
}

/** A function's policy, which AWS makes of the permissions that are given on it. */
function permissionPolicy(record: ProgramRecord, functionName: string, permissions: RecordedResource[]): Policy {
	const { state } = record.resources.find(
		({ type, state }) => type === "aws:lambda/function:Function" && state.name === functionName,
	)!;
	const statements = permissions.map(({ inputs: { principal, action, sourceArn, sourceAccount } }) => ({
		Effect: "Allow",
		Principal: { Service: principal },
		Action: action,
		Resource: state.arn,
		Condition: {
			...(sourceArn && { ArnLike: { "aws:SourceArn": sourceArn } }),
			...(sourceAccount && { StringEquals: { "aws:SourceAccount": sourceAccount } }),
		},
	}));
	const document = { Version: "2012-10-17", Statement: statements };
	return {
		name: `permissions on ${functionName}`,
		kind: "resource",
		of: state.arn,
		document: createValidatedPolicy(document, validateResourcePolicy),
	};
}
