/** Rotation of the passwords that lead to the database. */

import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

/** A month: a rotation that failed for days is still in time. */
const ROTATION_DAYS = 30;

/**
 * Has Secrets Manager call a function whenever a secret's password is due. As soon as a rotation is declared, it calls the
 * function's testSecret, so all that makes this succeed must be there before.
 * @param secrets by the names that their rotations get
 * @param dependsOn what writes their first values
 */
export function createRotation(
	rotate: aws.lambda.Function,
	secrets: Record<string, aws.secretsmanager.Secret>,
	dependsOn: pulumi.Resource[],
): void {
	const { accountId } = aws.getCallerIdentityOutput();
	for (const [name, secret] of Object.entries(secrets)) {
		const permission = new aws.lambda.Permission(`rotate-${name}`, {
			action: "lambda:InvokeFunction",
			function: rotate.name,
			principal: "secretsmanager.amazonaws.com",
			sourceArn: secret.arn,
			sourceAccount: accountId,
		});
		new aws.secretsmanager.SecretRotation(
			name,
			{
				secretId: secret.id,
				rotationLambdaArn: rotate.arn,
				rotateImmediately: false,
				rotationRules: { automaticallyAfterDays: ROTATION_DAYS },
			},
			{ dependsOn: [permission, ...dependsOn] },
		);
	}
}
