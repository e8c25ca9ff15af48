/** Rotation of the database passwords. */

import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

/**
 * Days between rotations. A reader's password works for two of these periods. If a rotation fails, the current password stays
 * valid until a later one succeeds.
 */
const ROTATION_DAYS = 30;

/**
 * Schedules the rotation of secrets by the function rotate.
 * Secrets Manager runs its step testSecret when a rotation is created, so the secrets need values before that.
 * @param secrets by the names of their rotations
 * @param dependsOn what writes the secrets' first values
 */
export function scheduleRotation(
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
