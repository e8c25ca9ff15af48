/** A bastion host with no open ports, reached through AWS Systems Manager, for people who query the database. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { createGroup, type Network } from "./network";
import { allow, createInterfaceEndpoint, HTTPS, POSTGRESQL } from "./network-access";
import { createRole } from "./role";
import type { Settings } from "./settings";

/**
 * The latest Amazon Linux 2023, which includes the Systems Manager agent.
 * https://docs.aws.amazon.com/linux/al2023/ug/ec2.html
 */
const IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64";

/**
 * What the agent needs for Session Manager. Only the first action supports resources.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
 */
const REGISTER = "ssm:UpdateInstanceInformation";
const OPEN_CHANNELS = [
	"ssmmessages:CreateControlChannel",
	"ssmmessages:CreateDataChannel",
	"ssmmessages:OpenControlChannel",
	"ssmmessages:OpenDataChannel",
];

/**
 * Creates the host. It accepts no connections and can connect only to Session Manager and the database.
 * @returns a command that forwards local port 5432 to the database
 */
export function createBastionHost(
	settings: Settings,
	network: Network,
	key: aws.kms.Key,
	database: aws.rds.Instance,
): { tunnelCommand: pulumi.Output<string> } {
	const group = createGroup(network.vpc, "access", "the bastion host");
	const endpoints = createGroup(network.vpc, "session", "the Session Manager endpoints");
	const createEndpoint = (service: string, actions: string[]) =>
		createInterfaceEndpoint(service, network, { service, zones: 1, group: endpoints, actions, resources: ["*"] });
	const networkAccess = [
		createEndpoint("ssm", [REGISTER]),
		createEndpoint("ssmmessages", OPEN_CHANNELS),
		...allow("access-session", group, endpoints, HTTPS, "the bastion host to Session Manager"),
		...allow("access-database", group, network.groups.database, POSTGRESQL, "the bastion host to the database"),
	];
	const host = createHost(settings, network, key, group, networkAccess);
	const target = { host: [database.address], portNumber: [database.port.apply(String)], localPortNumber: ["5432"] };
	const tunnelCommand = pulumi.interpolate`aws ssm start-session --target ${host.id} --document-name AWS-StartPortForwardingSessionToRemoteHost --parameters '${pulumi.jsonStringify(target)}'`;
	return { tunnelCommand };
}

function createHost(
	settings: Settings,
	{ vpc }: Network,
	key: aws.kms.Key,
	group: aws.ec2.SecurityGroup,
	networkAccess: pulumi.Resource[],
): aws.ec2.Instance {
	const { accountId } = aws.getCallerIdentityOutput();
	const hosts = pulumi.interpolate`arn:aws:ec2:${aws.getRegionOutput().region}:${accountId}:instance/*`;
	const role = createRole("access", settings, "ec2.amazonaws.com", [
		{ actions: [REGISTER], resources: [hosts] },
		{ actions: OPEN_CHANNELS, resources: ["*"] },
	]);
	const profile = new aws.iam.InstanceProfile("access", { role: role.name });
	return new aws.ec2.Instance(
		"access",
		{
			ami: aws.ssm.getParameterOutput({ name: IMAGE }).insecureValue,
			instanceType: "t4g.nano",
			// The zone of its endpoints.
			subnetId: vpc.isolatedSubnetIds.apply((ids) => ids[0]!),
			associatePublicIpAddress: false,
			vpcSecurityGroupIds: [group.id],
			iamInstanceProfile: profile.name,
			metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
			rootBlockDevice: { volumeType: "gp3", encrypted: true, kmsKeyId: key.arn },
			ebsOptimized: true,
			tags: { Name: `ev-registrations-${pulumi.getStack()}-access` },
		},
		// Without this, each new image would replace the host.
		{ dependsOn: [role.policy, ...networkAccess], ignoreChanges: ["ami"] },
	);
}
