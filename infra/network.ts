/** The network: where extract can reach the public API, and the database nothing but its own. */

import * as aws from "@pulumi/aws";
import * as awsx from "@pulumi/awsx";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./config";
import { createLogGroup } from "./log-group";
import { createRole } from "./role";

export interface Network {
	vpc: awsx.ec2.Vpc;
	groups: Record<"outward" | "inward" | "database" | "endpoint", aws.ec2.SecurityGroup>;
	/** For functions that reach the internet, extract and notify; undefined where that costs a NAT gateway nobody wants. */
	outward: Placement | undefined;
	/** For functions that reach the database, S3 and Secrets Manager, and nothing else. */
	inward: Placement;
}

export interface Placement {
	subnetIds: pulumi.Output<string[]>;
	securityGroupIds: pulumi.Output<string>[];
}

const HTTPS = 443;
const POSTGRESQL = 5432;

/** Public subnets for the NAT gateways, private ones behind these, isolated ones with no way out; without NAT, only the last. */
export function createNetwork(settings: Settings, key: aws.kms.Key): Network {
	const strategy = ({ none: "None", single: "Single", "one-per-zone": "OnePerAz" } as const)[settings.natGateways];
	const hasNat = strategy !== "None";
	const vpc = new awsx.ec2.Vpc("ev", {
		cidrBlock: settings.vpcCidr,
		numberOfAvailabilityZones: settings.zones,
		// Private DNS for the endpoints needs both, and awsx leaves the first off.
		enableDnsHostnames: true,
		enableDnsSupport: true,
		natGateways: { strategy },
		subnetStrategy: "Auto",
		subnetSpecs: hasNat ? [{ type: "Public" }, { type: "Private" }, { type: "Isolated" }] : [{ type: "Isolated" }],
	});
	// The group that everything without one would get: nothing in, nothing out.
	new aws.ec2.DefaultSecurityGroup("none", { vpcId: vpc.vpcId, ingress: [], egress: [] });
	createFlowLog(settings, vpc, key);
	const createGroup = (name: string, description: string) =>
		new aws.ec2.SecurityGroup(name, { vpcId: vpc.vpcId, description: `For ${description}` });
	const groups = {
		outward: createGroup("outward", "extract and notify"),
		inward: createGroup("inward", "load, migrate and rotate"),
		database: createGroup("database", "the database"),
		endpoint: createGroup("endpoint", "the Secrets Manager endpoint"),
	};
	return {
		vpc,
		groups,
		outward: hasNat ? { subnetIds: vpc.privateSubnetIds, securityGroupIds: [groups.outward.id] } : undefined,
		inward: { subnetIds: vpc.isolatedSubnetIds, securityGroupIds: [groups.inward.id] },
	};
}

/** Who spoke to whom, and who was refused. */
function createFlowLog(settings: Settings, vpc: awsx.ec2.Vpc, key: aws.kms.Key): void {
	const log = createLogGroup("network", settings, key);
	const role = createRole("network", "vpc-flow-logs.amazonaws.com", [
		{
			actions: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
			resources: [log.arn, pulumi.interpolate`${log.arn}:*`],
		},
	]);
	new aws.ec2.FlowLog(
		"network",
		{ vpcId: vpc.vpcId, trafficType: "ALL", logDestination: log.arn, iamRoleArn: role.arn },
		{ dependsOn: [role.policy] },
	);
}

/**
 * The ways through the network, and no others.
 * @param bucketArn the only bucket that the S3 endpoint lets through
 * @param secretArns the only secrets that the Secrets Manager endpoint lets through
 * @returns what must exist before a function can reach anything
 */
export function createWays(
	network: Network,
	bucketArn: pulumi.Output<string>,
	secretArns: pulumi.Output<string>[],
): pulumi.Resource[] {
	const { outward, inward, database, endpoint } = network.groups;
	const { vpc } = network;
	const s3 = createS3Endpoint(vpc, bucketArn);
	return [
		s3,
		createSecretsEndpoint(vpc, endpoint, secretArns),
		...(network.outward
			? [
					allowOut("outward-https", outward, HTTPS, "to the public API and AWS", { cidrIpv4: "0.0.0.0/0" }),
					// Private DNS gives the endpoint's address to the whole network.
					allowIn("outward-secrets", endpoint, HTTPS, "extract to Secrets Manager", outward),
				]
			: []),
		allowOut("inward-s3", inward, HTTPS, "to S3", { prefixListId: s3.prefixListId }),
		...allow("inward-secrets", inward, endpoint, HTTPS, "load, migrate and rotate to Secrets Manager"),
		...allow("inward-database", inward, database, POSTGRESQL, "load, migrate and rotate to the database"),
	];
}

/** The way to S3 that costs nothing, for every subnet. */
function createS3Endpoint(vpc: awsx.ec2.Vpc, bucketArn: pulumi.Output<string>): aws.ec2.VpcEndpoint {
	return new aws.ec2.VpcEndpoint("s3", {
		vpcId: vpc.vpcId,
		serviceName: serviceName("s3"),
		vpcEndpointType: "Gateway",
		routeTableIds: vpc.routeTables.apply((tables) => pulumi.all((tables ?? []).map((table) => table.id))),
		policy: endpointPolicy(
			["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
			[bucketArn, pulumi.interpolate`${bucketArn}/*`],
		),
	});
}

/** The way to Secrets Manager from subnets that have no other. One zone is enough for a nightly run. */
function createSecretsEndpoint(
	vpc: awsx.ec2.Vpc,
	group: aws.ec2.SecurityGroup,
	secretArns: pulumi.Output<string>[],
): aws.ec2.VpcEndpoint {
	return new aws.ec2.VpcEndpoint("secrets", {
		vpcId: vpc.vpcId,
		serviceName: serviceName("secretsmanager"),
		vpcEndpointType: "Interface",
		subnetIds: vpc.isolatedSubnetIds.apply((ids) => ids.slice(0, 1)),
		securityGroupIds: [group.id],
		privateDnsEnabled: true,
		policy: endpointPolicy(
			[
				"secretsmanager:DescribeSecret",
				"secretsmanager:GetSecretValue",
				"secretsmanager:PutSecretValue",
				"secretsmanager:UpdateSecretVersionStage",
			],
			secretArns,
		),
	});
}

function serviceName(service: string): pulumi.Output<string> {
	return pulumi.interpolate`com.amazonaws.${aws.getRegionOutput().region}.${service}`;
}

/** Who may come through is for each function's role to say; what may be reached, for the endpoint. */
function endpointPolicy(actions: string[], resources: pulumi.Output<string>[]): pulumi.Output<string> {
	return aws.iam.getPolicyDocumentOutput({
		statements: [{ actions, resources, principals: [{ type: "*", identifiers: ["*"] }] }],
	}).json;
}

type Target = Pick<aws.vpc.SecurityGroupEgressRuleArgs, "cidrIpv4" | "prefixListId" | "referencedSecurityGroupId">;

function allowOut(name: string, group: aws.ec2.SecurityGroup, port: number, description: string, target: Target) {
	const range = { ipProtocol: "tcp", fromPort: port, toPort: port };
	return new aws.vpc.SecurityGroupEgressRule(name, { securityGroupId: group.id, description, ...range, ...target });
}

function allowIn(
	name: string,
	group: aws.ec2.SecurityGroup,
	port: number,
	description: string,
	from: aws.ec2.SecurityGroup,
) {
	return new aws.vpc.SecurityGroupIngressRule(name, {
		securityGroupId: group.id,
		description,
		ipProtocol: "tcp",
		fromPort: port,
		toPort: port,
		referencedSecurityGroupId: from.id,
	});
}

/** Both ends of one way. */
function allow(
	name: string,
	from: aws.ec2.SecurityGroup,
	to: aws.ec2.SecurityGroup,
	port: number,
	description: string,
): pulumi.Resource[] {
	return [
		allowOut(name, from, port, description, { referencedSecurityGroupId: to.id }),
		allowIn(name, to, port, description, from),
	];
}
