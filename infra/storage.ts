/** Where raw data is kept, and the key that everything at rest is encrypted with. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./config";
import { createPrivateBucket, type GuardedBucket } from "./private-bucket";
import type { Statement } from "./role";

/** What SNS asks of the key for whoever publishes. https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html */
export const MESSAGE_ACTIONS = ["kms:Decrypt", "kms:GenerateDataKey*"];

/**
 * The stack's key. Services that act on their own behalf are named in its policy; functions get their part by role.
 */
export function createKey(settings: Settings): aws.kms.Key {
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
				actions: MESSAGE_ACTIONS,
				resources: ["*"],
				principals: [{ type: "Service", identifiers: ["events.amazonaws.com", "cloudwatch.amazonaws.com"] }],
			},
		],
	});
	return new aws.kms.Key(
		"ev",
		{
			description: "Raw data, database, secrets, messages and logs of the EV registrations pipeline",
			enableKeyRotation: true,
			deletionWindowInDays: settings.protect ? 30 : 7,
			policy: policy.json,
		},
		// What it encrypted is worthless without it.
		{ protect: settings.protect, retainOnDelete: settings.keepData },
	);
}

/**
 * Lets a role have a service use the key for it: the service asks KMS in the role's name. Nothing else may.
 * https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
 */
export function mayUseKey(key: aws.kms.Key, service: "s3" | "secretsmanager" | "sns", actions: string[]): Statement {
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

/** The raw bucket, which keeps every snapshot for good: old ones can't be fetched again. */
export function createBucket(settings: Settings, key: aws.kms.Key): GuardedBucket {
	const { bucket, guards } = createPrivateBucket("raw", settings, {
		encryption: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key.arn },
		rules: [
			{
				id: "keep-cheaply",
				status: "Enabled",
				filter: {},
				// Read at once when a past snapshot is replayed; anything colder would have to be restored first.
				transitions: [{ days: 90, storageClass: "GLACIER_IR" }],
				abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
			},
		],
	});
	return { bucket, guards: [...guards, logAccess(settings, bucket)] };
}

/**
 * Keeps who asked for what of a bucket, as long as other logs. S3 delivers to no bucket with a key of one's own.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
 */
function logAccess(settings: Settings, bucket: aws.s3.Bucket): pulumi.Resource {
	const { accountId } = aws.getCallerIdentityOutput();
	const log = createPrivateBucket("access-log", settings, {
		encryption: { sseAlgorithm: "AES256" },
		rules: [
			{
				id: "forget",
				status: "Enabled",
				filter: {},
				expiration: { days: settings.logDays },
				noncurrentVersionExpiration: { noncurrentDays: 1 },
				abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
			},
		],
		allow: (arn) => [
			{
				sid: "Delivery",
				actions: ["s3:PutObject"],
				resources: [pulumi.interpolate`${arn}/raw/*`],
				principals: [{ type: "Service", identifiers: ["logging.s3.amazonaws.com"] }],
				conditions: [
					{ test: "ArnEquals", variable: "aws:SourceArn", values: [bucket.arn] },
					{ test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
				],
			},
		],
	});
	return new aws.s3.BucketLogging(
		"raw",
		{ bucket: bucket.id, targetBucket: log.bucket.id, targetPrefix: "raw/" },
		{ dependsOn: log.guards, retainOnDelete: settings.keepData },
	);
}
