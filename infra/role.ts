/** IAM roles, each for one service and one purpose. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./settings";

export type Statement = aws.types.input.iam.GetPolicyDocumentStatementArgs;

/**
 * Services that send aws:SourceAccount when they assume a role, so that no other account can make them do it.
 * Lambda and EC2 do not send it.
 * https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
 * https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html
 */
const SENDS_SOURCE_ACCOUNT = [
	"states.amazonaws.com",
	"scheduler.amazonaws.com",
	"vpc-flow-logs.amazonaws.com",
	"monitoring.rds.amazonaws.com",
];

/** Creates a role for one service with one policy. @returns the policy too, for resources that must wait for it */
export function createRole(
	name: string,
	{ permissionsBoundary }: Settings,
	service: string,
	statements: Statement[],
): { arn: pulumi.Output<string>; name: pulumi.Output<string>; policy: pulumi.Resource } {
	const { accountId } = aws.getCallerIdentityOutput();
	const role = new aws.iam.Role(name, {
		...(permissionsBoundary && {
			permissionsBoundary: pulumi.interpolate`arn:aws:iam::${accountId}:policy/${permissionsBoundary}`,
		}),
		assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
			statements: [
				{
					actions: ["sts:AssumeRole"],
					principals: [{ type: "Service", identifiers: [service] }],
					...(SENDS_SOURCE_ACCOUNT.includes(service) && {
						conditions: [
							{
								test: "StringEquals",
								variable: "aws:SourceAccount",
								values: [accountId],
							},
						],
					}),
				},
			],
		}).json,
	});
	const policy = new aws.iam.RolePolicy(name, {
		role: role.id,
		policy: aws.iam.getPolicyDocumentOutput({ statements }).json,
	});
	return { arn: role.arn, name: role.name, policy };
}
