/** Network access: VPC endpoints and the rules of the security groups. No other traffic is allowed. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { masterSecretArn } from "./database";
import type { Network } from "./network";
import type { Statement } from "./role";
import type { Settings } from "./settings";
import type { Storage } from "./storage";

export const HTTPS = 443;
export const POSTGRESQL = 5432;

/**
 * Allows the functions to reach the database, S3, Secrets Manager and, with NAT, the internet.
 * @returns the resources that must exist before a function can connect
 */
export function createNetworkAccess(
	settings: Settings,
	network: Network,
	storage: Storage,
	instance: aws.rds.Instance,
): pulumi.Resource[] {
	const { outward, inward, database, endpoint } = network.groups;
	const s3 = createS3Endpoint(network, storage);
	const secrets = createSecretsEndpoint(settings, network, storage, instance);
	return [
		s3,
		secrets,
		...(outward
			? [
					allowOut("outward-https", outward, HTTPS, "to the public API and AWS", { cidrIpv4: "0.0.0.0/0" }),
					// Private DNS resolves the service to the endpoint in the whole network.
					allowIn("outward-secrets", endpoint, HTTPS, "extract to Secrets Manager", outward),
				]
			: []),
		allowOut("inward-s3", inward, HTTPS, "to S3", { prefixListId: s3.prefixListId }),
		...allow("inward-secrets", inward, endpoint, HTTPS, "the isolated functions to Secrets Manager"),
		...allow("inward-database", inward, database, POSTGRESQL, "the isolated functions to the database"),
	];
}

/** Creates the Secrets Manager endpoint, which serves only the pipeline's secrets. */
function createSecretsEndpoint(
	settings: Settings,
	network: Network,
	{ secrets }: Storage,
	database: aws.rds.Instance,
): aws.ec2.VpcEndpoint {
	// Only extract reads the secret `source`; without NAT it runs outside the network and uses the public endpoint.
	const readable = [
		secrets.pipeline,
		secrets.database,
		secrets.reader,
		...(network.internetPlacement ? [secrets.source] : []),
	];
	return createInterfaceEndpoint("secrets", network, {
		service: "secretsmanager",
		zones: settings.endpointZones,
		group: network.groups.endpoint,
		actions: [
			"secretsmanager:DescribeSecret",
			"secretsmanager:GetSecretValue",
			"secretsmanager:PutSecretValue",
			"secretsmanager:UpdateSecretVersionStage",
		],
		resources: [...readable.map((secret) => secret.arn), masterSecretArn(database)],
	});
}

/** Creates the S3 gateway endpoint, which is free, for all subnets. It serves only the raw data and the site. */
function createS3Endpoint({ vpc, internetPlacement }: Network, { bucket, site }: Storage): aws.ec2.VpcEndpoint {
	return new aws.ec2.VpcEndpoint("s3", {
		vpcId: vpc.vpcId,
		serviceName: serviceName("s3"),
		vpcEndpointType: "Gateway",
		routeTableIds: vpc.routeTables.apply((tables) => pulumi.all((tables ?? []).map((table) => table.id))),
		policy: endpointPolicy(
			{
				// Only extract writes raw data; without NAT it runs outside the network and uses the public endpoint.
				actions: ["s3:GetObject", "s3:ListBucket", ...(internetPlacement ? ["s3:PutObject"] : [])],
				resources: [bucket.arn, pulumi.interpolate`${bucket.arn}/*`],
			},
			{
				actions: ["s3:GetObject", "s3:ListBucket", "s3:PutObject"],
				resources: [site.bucket.arn, pulumi.interpolate`${site.bucket.arn}/site/*`],
			},
		),
	});
}

export interface InterfaceEndpoint {
	service: string;
	/** Number of zones with a network interface; each is billed by the hour. */
	zones: number;
	group: aws.ec2.SecurityGroup;
	/** What its policy allows, for all callers. */
	actions: string[];
	resources: pulumi.Input<string>[];
}

/** Creates an interface endpoint in the isolated subnets, under the service's usual DNS name. */
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

/** A policy for all callers: roles limit who may call, the endpoint limits what they reach. */
function endpointPolicy(...statements: Statement[]): pulumi.Output<string> {
	return aws.iam.getPolicyDocumentOutput({
		statements: statements.map((statement) => ({ ...statement, principals: [{ type: "*", identifiers: ["*"] }] })),
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

/**
 * Allows connections from one group to another on a TCP port, in the rules of both.
 * @param name of both rules
 */
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
