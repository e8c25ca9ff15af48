/** AWS's answers for runs without AWS: ids and ARNs of the right shape, the same each time, so that records are reproducible. */

import { createHash } from "node:crypto";
import type { MockCallArgs, MockResourceArgs } from "@pulumi/pulumi/runtime";

export const REGION = "ap-northeast-1";
/** The account that the local S3 and SNS know. */
const ACCOUNT = "000000000000";

/** A resource's declaration. */
export interface Declared extends Pick<MockResourceArgs, "type" | "name" | "inputs"> {
	stack: string;
}

export interface Answer {
	id: string;
	state: Record<string, unknown>;
}

const FUNCTION = "aws:lambda/function:Function";

/** Prefixes of EC2 ids that differ from the resource's kind. */
const EC2_PREFIXES: Record<string, string> = {
	eip: "eipalloc",
	flowLog: "fl",
	internetGateway: "igw",
	natGateway: "nat",
	routeTable: "rtb",
	routeTableAssociation: "rtbassoc",
	securityGroup: "sg",
	securityGroupEgressRule: "sgr",
	securityGroupIngressRule: "sgr",
	vpcEndpoint: "vpce",
};

/**
 * A new resource's id and attributes: those that AWS decides, and the inputs as they are.
 * @param before how many of the same name there were before, since an automatic name is never given twice
 */
export function newResource({ type, name, inputs, stack }: Declared, before = 0): Answer {
	const hash = createHash("sha256")
		.update(`${type} ${name}${before ? ` ${before}` : ""}`)
		.digest("hex");
	// By pulumi:autonaming in Pulumi.yaml.
	const physical = `ev-registrations-${stack}-${name}-${hash.slice(0, 7)}`;
	const ec2Id = (prefix: string) => `${prefix}-${hash.slice(0, 17)}`;
	const arn = (resource: string) => `arn:aws:${arnService(type)}:${REGION}:${ACCOUNT}:${resource}`;
	const named = (attributes: object) => ({ name: physical, ...inputs, ...attributes });
	const answer = (id: string, attributes: object = {}) => ({ id, state: { ...inputs, ...attributes } });
	const [, service, kind = ""] = /^aws:(\w+)\/(\w+):/.exec(type) ?? [];

	switch (type) {
		case "aws:kms/key:Key":
			return answer(hash.slice(0, 32), { arn: arn(`key/${hash.slice(0, 32)}`), keyId: hash.slice(0, 32) });
		case "aws:s3/bucket:Bucket":
			return answer(physical, {
				arn: `arn:aws:s3:::${physical}`,
				bucket: physical,
				bucketRegionalDomainName: `${physical}.s3.${REGION}.amazonaws.com`,
			});
		case "aws:cloudfront/distribution:Distribution": {
			const distribution = `E${hash.slice(0, 13).toUpperCase()}`;
			return answer(distribution, {
				arn: `arn:aws:cloudfront::${ACCOUNT}:distribution/${distribution}`,
				domainName: `d${hash.slice(0, 13)}.cloudfront.net`,
			});
		}
		case "aws:secretsmanager/secret:Secret":
			return answer(arn(`secret:${physical}-AbCdEf`), named({ arn: arn(`secret:${physical}-AbCdEf`) }));
		case "aws:rds/instance:Instance":
			return answer(physical, {
				...databaseAddress(physical),
				arn: arn(`db:${physical}`),
				resourceId: `db-${hash.slice(0, 26).toUpperCase()}`,
				masterUserSecrets: [{ secretArn: masterSecretArn(physical), secretStatus: "active" }],
			});
		case FUNCTION: {
			const function_ = arn(`function:${physical}`);
			return answer(
				physical,
				named({ arn: function_, qualifiedArn: `${function_}:1`, sourceCodeHash: hash, version: "1" }),
			);
		}
		case "aws:lambda/invocation:Invocation":
			return answer(physical, { result: "{}" });
		case "aws:sfn/stateMachine:StateMachine":
			return answer(arn(`stateMachine:${physical}`), named({ arn: arn(`stateMachine:${physical}`) }));
		case "aws:sns/topic:Topic":
			return answer(arn(physical), named({ arn: arn(physical) }));
		case "aws:cloudwatch/metricAlarm:MetricAlarm":
			return answer(inputs.name, { arn: `arn:aws:cloudwatch:${REGION}:${ACCOUNT}:alarm:${inputs.name}` });
		case "aws:cloudwatch/logGroup:LogGroup":
			return answer(physical, named({ arn: arn(`log-group:${physical}`) }));
		case "aws:iam/role:Role":
			return answer(physical, named({ arn: `arn:aws:iam::${ACCOUNT}:role/${physical}` }));
		case "aws:ec2/vpcEndpoint:VpcEndpoint":
			return answer(ec2Id("vpce"), { prefixListId: ec2Id("pl") });
		case "aws:ec2/eip:Eip":
			return answer(ec2Id("eipalloc"), { allocationId: ec2Id("eipalloc") });
		case "awsx:ec2:Vpc":
			return answer("", vpcAttributes(inputs, ec2Id));
		default:
			return answer(
				service === "ec2" || service === "vpc" ? ec2Id(EC2_PREFIXES[kind] ?? kind) : physical,
				named({ arn: arn(physical) }),
			);
	}
}

/** An existing resource after a change: a function gets another version, all others their new inputs. */
export function changedResource(declared: Declared, old: Record<string, unknown>): Answer {
	const { id, state } = newResource(declared);
	if (declared.type !== FUNCTION) return { id, state };
	const version = String(Number(old.version) + 1);
	return { id, state: { ...state, version, qualifiedArn: `${state.arn}:${version}` } };
}

/** Answers of AWS's data sources. */
export function call({ token, inputs }: Pick<MockCallArgs, "token" | "inputs">): Record<string, unknown> {
	switch (token) {
		case "aws:iam/getPolicyDocument:getPolicyDocument":
			return { ...inputs, json: policyDocument(inputs.statements) };
		case "aws:index/getRegion:getRegion":
			return { region: REGION, name: REGION };
		case "aws:index/getAvailabilityZones:getAvailabilityZones":
			// As most accounts see them: without b. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html
			return { names: ["a", "c", "d"].map((zone) => `${REGION}${zone}`) };
		case "aws:index/getCallerIdentity:getCallerIdentity":
			return { accountId: ACCOUNT };
		case "aws:ec2/getVpcs:getVpcs":
			return { ...inputs, ids: [] };
		case "aws:rds/getInstances:getInstances":
			// As in an account that has none yet.
			return { ...inputs, instanceIdentifiers: [] };
		case "aws:ssm/getParameter:getParameter":
			return { ...inputs, insecureValue: "ami-0123456789abcdef0" };
		default:
			throw new Error(`The mocks do not know what ${token} answers; add it to local/program/mocks.ts.`);
	}
}

/** `aws:sns/topic:Topic` → `sns` */
function arnService(type: string): string {
	const service = type.split(":")[1]?.split("/")[0] ?? "";
	const renamed: Record<string, string> = { sfn: "states", cloudwatch: "logs" };
	return renamed[service] ?? service;
}

function databaseAddress(physical: string) {
	const address = `${physical}.abcdefghijkl.${REGION}.rds.amazonaws.com`;
	return { address, port: 5432, endpoint: `${address}:5432` };
}

function masterSecretArn(physical: string): string {
	return `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:rds!db-${physical}-GhIjKl`;
}

/** The component's own outputs; its children are not made under mocks. */
function vpcAttributes(inputs: Record<string, unknown>, id: (prefix: string) => string) {
	const zones = Array.from({ length: Number(inputs.numberOfAvailabilityZones ?? 3) }, (_, index) => index + 1);
	const perZone = (prefix: string) => zones.map((zone) => `${id(prefix)}${zone}`);
	const specs = inputs.subnetSpecs as { type: string }[] | undefined;
	const has = (kind: string) => specs?.some(({ type }) => type.toLowerCase() === kind) ?? true;
	const routeTables = ["public", "private", "isolated"].filter(has).flatMap((kind) => perZone(`rtb-${kind}`));
	const subnetIds = (kind: string) => (has(kind) ? perZone(`subnet-${kind}`) : []);
	return {
		vpcId: id("vpc"),
		publicSubnetIds: subnetIds("public"),
		privateSubnetIds: subnetIds("private"),
		isolatedSubnetIds: subnetIds("isolated"),
		routeTables: routeTables.map((routeTable) => ({ id: routeTable })),
	};
}

interface PolicyStatement {
	sid?: string;
	effect?: string;
	actions?: string[];
	resources?: string[];
	principals?: { type: string; identifiers: string[] }[];
	conditions?: { test: string; variable: string; values: string[] }[];
}

/** As the provider writes it. https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document */
function policyDocument(statements: PolicyStatement[]): string {
	const oneOrAll = <T>(values: T[]) => (values.length === 1 ? values[0] : values);
	const principals = (list: NonNullable<PolicyStatement["principals"]>) =>
		list.every(({ type }) => type === "*")
			? "*"
			: Object.fromEntries(list.map(({ type, identifiers }) => [type, oneOrAll(identifiers)]));
	return JSON.stringify({
		Version: "2012-10-17",
		Statement: statements.map(({ sid, effect = "Allow", actions, resources, principals: who, conditions }) => ({
			...(sid && { Sid: sid }),
			Effect: effect,
			...(who && { Principal: principals(who) }),
			...(actions && { Action: oneOrAll(actions) }),
			...(resources && { Resource: oneOrAll(resources) }),
			...(conditions && {
				Condition: Object.fromEntries(
					conditions.map(({ test, variable, values }) => [test, { [variable]: oneOrAll(values) }]),
				),
			}),
		})),
	});
}
