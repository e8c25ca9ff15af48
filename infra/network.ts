/** The network: where extract can reach the public API, and the database nothing but its own. */

import * as aws from "@pulumi/aws";
import * as awsx from "@pulumi/awsx";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./config";
import { createLogGroup } from "./log-group";
import { createRole } from "./role";

export interface Network {
	vpc: awsx.ec2.Vpc;
	groups: Record<"inward" | "database" | "endpoint", aws.ec2.SecurityGroup> & { outward?: aws.ec2.SecurityGroup };
	/** For functions that reach the internet, extract and notify; undefined where that costs a NAT gateway nobody wants. */
	outward: Placement | undefined;
	/** For functions that reach the database, S3 and Secrets Manager, and nothing else. */
	inward: Placement;
}

export interface Placement {
	subnetIds: pulumi.Output<string[]>;
	securityGroupIds: pulumi.Output<string>[];
}

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
	const outward = hasNat ? createGroup(vpc, "outward", "extract and notify") : undefined;
	const groups = {
		...(outward && { outward }),
		inward: createGroup(vpc, "inward", "load, migrate and rotate"),
		database: createGroup(vpc, "database", "the database"),
		endpoint: createGroup(vpc, "endpoint", "the Secrets Manager endpoint"),
	};
	return {
		vpc,
		groups,
		outward: outward && { subnetIds: vpc.privateSubnetIds, securityGroupIds: [outward.id] },
		inward: { subnetIds: vpc.isolatedSubnetIds, securityGroupIds: [groups.inward.id] },
	};
}

/** A group that lets nobody in and nothing out; its rules are resources of their own, in ways.ts. */
export function createGroup(vpc: awsx.ec2.Vpc, name: string, whose: string): aws.ec2.SecurityGroup {
	return new aws.ec2.SecurityGroup(name, { vpcId: vpc.vpcId, description: `For ${whose}` });
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
