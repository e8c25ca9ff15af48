/** Roles, each for one service and one purpose. */

import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

export type Statement = aws.types.input.iam.GetPolicyDocumentStatementArgs;

/** A role for one service with one policy. @returns the role's ARN and name, and the policy for those who must wait for it */
export function createRole(
	name: string,
	service: string,
	statements: Statement[],
): { arn: pulumi.Output<string>; name: pulumi.Output<string>; policy: pulumi.Resource } {
	const role = new aws.iam.Role(name, {
		assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
			statements: [{ actions: ["sts:AssumeRole"], principals: [{ type: "Service", identifiers: [service] }] }],
		}).json,
	});
	const policy = new aws.iam.RolePolicy(name, {
		role: role.id,
		policy: aws.iam.getPolicyDocumentOutput({ statements }).json,
	});
	return { arn: role.arn, name: role.name, policy };
}
