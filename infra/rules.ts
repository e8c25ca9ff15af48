/** The ways through the network, and no others: endpoints, and the rules of security groups. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./config";
import type { Network } from "./network";
import type { Statement } from "./role";

export const HTTPS = 443;
export const POSTGRESQL = 5432;

/**
 * Opens what the functions need.
 * @param bucketArn the only bucket that the S3 endpoint lets through
 * @param secretArns the only secrets that the Secrets Manager endpoint lets through
 * @returns what must exist before a function can reach anything
 */
export function createWays(
	settings: Settings,
	network: Network,
	bucketArn: pulumi.Output<string>,
	secretArns: pulumi.Output<string>[],
): pulumi.Resource[] {
	const { outward, inward, database, endpoint } = network.groups;
	const s3 = createS3Endpoint(network, bucketArn);
	const secrets = createInterfaceEndpoint("secrets", network, {
		service: "secretsmanager",
		zones: settings.endpointZones,
		group: endpoint,
		actions: [
			"secretsmanager:DescribeSecret",
			"secretsmanager:GetSecretValue",
			"secretsmanager:PutSecretValue",
			"secretsmanager:UpdateSecretVersionStage",
		],
		resources: secretArns,
	});
	return [
		s3,
		secrets,
		...(outward
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
function createS3Endpoint({ vpc, outward }: Network, bucketArn: pulumi.Output<string>): aws.ec2.VpcEndpoint {
	return new aws.ec2.VpcEndpoint("s3", {
		vpcId: vpc.vpcId,
		serviceName: serviceName("s3"),
		vpcEndpointType: "Gateway",
		routeTableIds: vpc.routeTables.apply((tables) => pulumi.all((tables ?? []).map((table) => table.id))),
		policy: endpointPolicy({
			// Only extract writes, and not through here where it runs outside of the network.
			actions: ["s3:GetObject", "s3:ListBucket", ...(outward ? ["s3:PutObject"] : [])],
			resources: [bucketArn, pulumi.interpolate`${bucketArn}/*`],
		}),
	});
}

export interface InterfaceEndpoint {
	service: string;
	/** In how many zones it can be reached without leaving them; each costs by the hour. */
	zones: number;
	group: aws.ec2.SecurityGroup;
	/** What may be asked of the service through it, whoever asks. */
	actions: string[];
	resources: pulumi.Input<string>[];
}

/** The way to a service from subnets that have no other, under the service's usual name. */
export function createInterfaceEndpoint(
	name: string,
	{ vpc }: Network,
	{ service, zones, group, actions, resources }: InterfaceEndpoint,
): aws.ec2.VpcEndpoint {
	return new aws.ec2.VpcEndpoint(name, {
		vpcId: vpc.vpcId,
		serviceName: serviceName(service),
		vpcEndpointType: "Interface",
		subnetIds: vpc.isolatedSubnetIds.apply((ids) => ids.slice(0, zones)),
		securityGroupIds: [group.id],
		privateDnsEnabled: true,
		policy: endpointPolicy({ actions, resources }),
	});
}

function serviceName(service: string): pulumi.Output<string> {
	return pulumi.interpolate`com.amazonaws.${aws.getRegionOutput().region}.${service}`;
}

/** Who may come through is for each function's role to say; what may be reached, for the endpoint. */
function endpointPolicy(statement: Statement): pulumi.Output<string> {
	return aws.iam.getPolicyDocumentOutput({
		statements: [{ ...statement, principals: [{ type: "*", identifiers: ["*"] }] }],
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
export function allow(
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
