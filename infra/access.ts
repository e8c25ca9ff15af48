/** A way into the private database for people: a small host that only Session Manager reaches. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { createGroup, type Network } from "./network";
import { createRole } from "./role";
import { allow, createInterfaceEndpoint, HTTPS, POSTGRESQL } from "./rules";

/**
 * The newest Amazon Linux 2023, whose image brings Session Manager's agent along.
 * https://docs.aws.amazon.com/linux/al2023/ug/ec2.html
 */
const IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64";

/**
 * What Session Manager asks of a host; only the first knows resources.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
 */
const REGISTER = "ssm:UpdateInstanceInformation";
const TALK = [
	"ssmmessages:CreateControlChannel",
	"ssmmessages:CreateDataChannel",
	"ssmmessages:OpenControlChannel",
	"ssmmessages:OpenDataChannel",
];

/**
 * Creates the host: it listens to nobody, and speaks to Session Manager and the database alone.
 * @returns the command that opens a port of one's own machine onto the database
 */
export function createAccess(
	network: Network,
	key: aws.kms.Key,
	database: aws.rds.Instance,
): { tunnelCommand: pulumi.Output<string> } {
	const group = createGroup(network.vpc, "access", "the access host");
	const endpoints = createGroup(network.vpc, "session", "Session Manager's endpoints");
	const createEndpoint = (service: string, actions: string[]) =>
		createInterfaceEndpoint(service, network, { service, zones: 1, group: endpoints, actions, resources: ["*"] });
	const ways = [
		createEndpoint("ssm", [REGISTER]),
		createEndpoint("ssmmessages", TALK),
		...allow("access-session", group, endpoints, HTTPS, "the access host to Session Manager"),
		...allow("access-database", group, network.groups.database, POSTGRESQL, "the access host to the database"),
	];
	const host = createHost(network, key, group, ways);
	const target = { host: [database.address], portNumber: [database.port.apply(String)], localPortNumber: ["5432"] };
	const tunnelCommand = pulumi.interpolate`aws ssm start-session --target ${host.id} --document-name AWS-StartPortForwardingSessionToRemoteHost --parameters '${pulumi.jsonStringify(target)}'`;
	return { tunnelCommand };
}

function createHost(
	{ vpc }: Network,
	key: aws.kms.Key,
	group: aws.ec2.SecurityGroup,
	ways: pulumi.Resource[],
): aws.ec2.Instance {
	const { accountId } = aws.getCallerIdentityOutput();
	const hosts = pulumi.interpolate`arn:aws:ec2:${aws.getRegionOutput().region}:${accountId}:instance/*`;
	const role = createRole("access", "ec2.amazonaws.com", [
		{ actions: [REGISTER], resources: [hosts] },
		{ actions: TALK, resources: ["*"] },
	]);
	const profile = new aws.iam.InstanceProfile("access", { role: role.name });
	return new aws.ec2.Instance(
		"access",
		{
			ami: aws.ssm.getParameterOutput({ name: IMAGE }).insecureValue,
			instanceType: "t4g.nano",
			// Where its endpoints are.
			subnetId: vpc.isolatedSubnetIds.apply((ids) => ids[0]!),
			associatePublicIpAddress: false,
			vpcSecurityGroupIds: [group.id],
			iamInstanceProfile: profile.name,
			metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
			rootBlockDevice: { volumeType: "gp3", encrypted: true, kmsKeyId: key.arn },
			ebsOptimized: true,
			tags: { Name: `ev-registrations-${pulumi.getStack()}-access` },
		},
		// A newer image is no reason to replace it.
		{ dependsOn: [role.policy, ...ways], ignoreChanges: ["ami"] },
	);
}
