/** The network: private subnets with access to the internet, and isolated ones for the database. */

import * as aws from "@pulumi/aws";
import * as awsx from "@pulumi/awsx";
import * as pulumi from "@pulumi/pulumi";
import { createLogGroup } from "./log-group";
import { createRole } from "./role";
import type { Settings } from "./settings";
import { SUBNET_KINDS, subnetRanges } from "./subnet-ranges";

export interface Network {
	vpc: awsx.ec2.Vpc;
	groups: SecurityGroups;
	/** For functions that need the internet: extract and notify. Undefined without NAT: they run outside the network. */
	internetPlacement: Placement | undefined;
	/** For functions that need only the database, S3 and Secrets Manager: load, migrate and rotate. */
	isolatedPlacement: Placement;
}

interface SecurityGroups {
	/** Extract and notify; undefined without NAT. */
	outward: aws.ec2.SecurityGroup | undefined;
	/** Load, migrate and rotate. */
	inward: aws.ec2.SecurityGroup;
	database: aws.ec2.SecurityGroup;
	/** The Secrets Manager endpoint. */
	endpoint: aws.ec2.SecurityGroup;
}

/** Where a function runs. */
export interface Placement {
	subnetIds: pulumi.Output<string[]>;
	securityGroupIds: pulumi.Output<string>[];
}

/**
 * Creates the VPC and its security groups, without rules (see rules.ts).
 * With NAT gateways it has public, private and isolated subnets, without them only isolated ones.
 */
export function createNetwork(settings: Settings, key: aws.kms.Key): Network {
	const strategy = ({ none: "None", single: "Single", "one-per-zone": "OnePerAz" } as const)[settings.natGateways];
	const hasNat = strategy !== "None";
	const vpc = new awsx.ec2.Vpc("ev", {
		cidrBlock: settings.vpcCidr,
		tags: refuseAnotherRange(settings.vpcCidr),
		numberOfAvailabilityZones: settings.zones,
		// Private DNS of the endpoints needs both; by default awsx enables only DNS support.
		enableDnsHostnames: true,
		enableDnsSupport: true,
		natGateways: { strategy },
		subnetStrategy: "Auto",
		// By default awsx lays all subnets out anew when one kind or zone is added, over those that are still there.
		// https://github.com/pulumi/pulumi-awsx/issues/910
		subnetSpecs: (hasNat ? SUBNET_KINDS : (["Isolated"] as const)).map((type) => ({
			type,
			cidrBlocks: subnetRanges(settings.vpcCidr, type, settings.zones),
		})),
	});
	// Closes the default group, which AWS gives to resources without a security group.
	new aws.ec2.DefaultSecurityGroup("none", { vpcId: vpc.vpcId, ingress: [], egress: [] });
	createFlowLog(settings, vpc, key);
	const outward = hasNat ? createGroup(vpc, "outward", "extract and notify") : undefined;
	const groups = {
		outward,
		inward: createGroup(vpc, "inward", "load, migrate and rotate"),
		database: createGroup(vpc, "database", "the database"),
		endpoint: createGroup(vpc, "endpoint", "the Secrets Manager endpoint"),
	};
	return {
		vpc,
		groups,
		internetPlacement: outward && { subnetIds: vpc.privateSubnetIds, securityGroupIds: [outward.id] },
		isolatedPlacement: { subnetIds: vpc.isolatedSubnetIds, securityGroupIds: [groups.inward.id] },
	};
}

/**
 * A VPC's range cannot be changed, and another VPC would take the database with it.
 * @returns no tags, once it is known that the stack's VPC has this range, or is not there yet
 * @throws RunError otherwise, before anything is changed
 */
function refuseAnotherRange(wanted: string): pulumi.Output<Record<string, string>> {
	// The provider's default tags.
	const tags = { project: pulumi.getProject(), stack: pulumi.getStack() };
	const none: Record<string, string> = {};
	return aws.ec2.getVpcsOutput({ tags }).ids.apply((ids) => {
		const [id] = ids ?? [];
		if (id === undefined) return pulumi.output(none);
		return aws.ec2.getVpcOutput({ id }).cidrBlock.apply((range) => {
			if (range === wanted) return none;
			throw new pulumi.RunError(
				`The setting vpcCidr is ${wanted}, but the stack's network is ${range} and cannot be changed; set it back with \`pulumi config set vpcCidr ${range}\`, or make another stack.`,
			);
		});
	});
}

/**
 * Creates a security group without rules, which allows no traffic. rules.ts adds rules as resources of their own.
 * @param members what is in the group, in characters that EC2 allows: no apostrophes
 */
export function createGroup(vpc: awsx.ec2.Vpc, name: string, members: string): aws.ec2.SecurityGroup {
	return new aws.ec2.SecurityGroup(name, { vpcId: vpc.vpcId, description: `For ${members}` });
}

/** Logs accepted and rejected connections. */
function createFlowLog(settings: Settings, vpc: awsx.ec2.Vpc, key: aws.kms.Key): void {
	const log = createLogGroup("network", settings, key);
	const role = createRole("network", settings, "vpc-flow-logs.amazonaws.com", [
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
