/** The KMS key that encrypts everything at rest, and the permission to use it. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { allowDistribution, type PublicPage } from "./public-page";
import type { Statement } from "./role";
import type { Settings } from "./settings";

/** What a publisher to an encrypted SNS topic needs. https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html */
export const SNS_KEY_ACTIONS = ["kms:Decrypt", "kms:GenerateDataKey*"];

/**
 * Creates the stack's key. Its policy admits services that use it on their own behalf; roles are admitted by their own policies.
 * @param publicPage reads the site's objects, if there is one
 */
export function createKey(settings: Settings, publicPage: PublicPage | undefined): aws.kms.Key {
	const account = aws.getCallerIdentityOutput().accountId;
	const region = aws.getRegionOutput().region;
	const policy = aws.iam.getPolicyDocumentOutput({
		statements: [
			{
				sid: "Account",
				actions: ["kms:*"],
				resources: ["*"],
				principals: [{ type: "AWS", identifiers: [pulumi.interpolate`arn:aws:iam::${account}:root`] }],
			},
			// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
			{
				sid: "Logs",
				actions: ["kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
				resources: ["*"],
				principals: [{ type: "Service", identifiers: [pulumi.interpolate`logs.${region}.amazonaws.com`] }],
				conditions: [
					{
						test: "ArnLike",
						variable: "kms:EncryptionContext:aws:logs:arn",
						values: [pulumi.interpolate`arn:aws:logs:${region}:${account}:log-group:*`],
					},
				],
			},
			{
				sid: "Messages",
				actions: SNS_KEY_ACTIONS,
				resources: ["*"],
				// EventBridge names no account when it uses the key, so a condition would keep its messages back.
				principals: [{ type: "Service", identifiers: ["events.amazonaws.com"] }],
			},
			{
				sid: "Alarms",
				actions: SNS_KEY_ACTIONS,
				resources: ["*"],
				principals: [{ type: "Service", identifiers: ["cloudwatch.amazonaws.com"] }],
				conditions: [{ test: "StringEquals", variable: "aws:SourceAccount", values: [account] }],
			},
			...(publicPage ? [allowDistribution(publicPage, "kms:Decrypt", "*")] : []),
		],
	});
	return new aws.kms.Key(
		"ev",
		{
			description: "Raw data, page, database, secrets, messages and logs of the EV registrations pipeline",
			enableKeyRotation: true,
			deletionWindowInDays: settings.protect ? 30 : 7,
			policy: policy.json,
		},
		// Data that is kept cannot be read without the key.
		{ protect: settings.protect, retainOnDelete: settings.keepData },
	);
}

/**
 * Allows a role to use the key through one service only, which calls KMS with the role's permissions.
 * https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
 */
export function allowKeyUse(key: aws.kms.Key, service: "s3" | "secretsmanager" | "sns", actions: string[]): Statement {
	const { region } = aws.getRegionOutput();
	return {
		actions,
		resources: [key.arn],
		conditions: [
			{
				test: "StringEquals",
				variable: "kms:ViaService",
				values: [pulumi.interpolate`${service}.${region}.amazonaws.com`],
			},
		],
	};
}
