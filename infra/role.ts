/** Roles, each for one service and one purpose. */

import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

export type Statement = aws.types.input.iam.GetPolicyDocumentStatementArgs;

/**
 * Services that say on behalf of which account they take a role, so that they take it for no other. Lambda and EC2 do not.
 * https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
 * https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
 */
const SAY_FOR_WHOM = ["states.amazonaws.com", "scheduler.amazonaws.com", "vpc-flow-logs.amazonaws.com"];

/** A role for one service with one policy. @returns the role's ARN and name, and the policy for those who must wait for it */
export function createRole(
	name: string,
	service: string,
	statements: Statement[],
): { arn: pulumi.Output<string>; name: pulumi.Output<string>; policy: pulumi.Resource } {
	const role = new aws.iam.Role(name, {
		assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
			statements: [
				{
					actions: ["sts:AssumeRole"],
					principals: [{ type: "Service", identifiers: [service] }],
					...(SAY_FOR_WHOM.includes(service) && {
						conditions: [
							{
								test: "StringEquals",
								variable: "aws:SourceAccount",
								values: [aws.getCallerIdentityOutput().accountId],
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
