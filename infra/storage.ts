/** Storage of everything but the database: the key, the raw data bucket and the secrets. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { createKey } from "./key";
import { createPrivateBucket, type PrivateBucket } from "./private-bucket";
import { createSecrets, type PipelineSecrets, writeBucketName } from "./secrets";
import type { Settings } from "./settings";

export interface Storage {
	key: aws.kms.Key;
	/** Raw data. */
	bucket: aws.s3.Bucket;
	secrets: PipelineSecrets;
	/** The value of the secret `pipeline`. Extract and load cannot run before it exists. */
	bucketName: pulumi.Resource;
}

/** Creates the key, the raw data bucket and the secrets. */
export function createStorage(settings: Settings): Storage {
	const key = createKey(settings);
	const raw = createRawBucket(settings, key);
	const secrets = createSecrets(settings, key);
	const bucketName = writeBucketName(secrets.pipeline, raw);
	return { key, bucket: raw.bucket, secrets, bucketName };
}

/** Creates the bucket of the raw data, which never expires: the source serves only the latest snapshot. */
function createRawBucket(settings: Settings, key: aws.kms.Key): PrivateBucket {
	const { bucket, protections } = createPrivateBucket("raw", settings, {
		encryption: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key.arn },
		rules: [
			{
				id: "keep-cheaply",
				status: "Enabled",
				filter: {},
				// Replays read past snapshots directly; colder storage classes would need a restore first.
				transitions: [{ days: 90, storageClass: "GLACIER_IR" }],
				abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
			},
		],
	});
	return { bucket, protections: [...protections, logAccess(settings, bucket)] };
}

/**
 * Logs the requests to a bucket in a second one, kept as long as other logs.
 * S3 cannot deliver access logs to a bucket with a customer managed key.
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
		{ dependsOn: log.protections, retainOnDelete: settings.keepData },
	);
}
