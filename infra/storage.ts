/** Storage of everything but the database: the key, the buckets and the secrets. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { createKey } from "./key";
import { createPrivateBucket, type PrivateBucket } from "./private-bucket";
import { createSecrets, type PipelineSecrets, writeBucketName } from "./secrets";
import type { Settings } from "./settings";
import { createSite, protectSite, type Site } from "./site";

export interface Storage {
	key: aws.kms.Key;
	/** Raw data. */
	bucket: aws.s3.Bucket;
	/** The page and its data files. */
	site: Site;
	secrets: PipelineSecrets;
	/** The value of the secret `pipeline`. Extract and load cannot run before it exists. */
	bucketName: pulumi.Resource;
	/** What makes the site's bucket private. Export and report must not run before it exists. */
	siteProtections: pulumi.Resource[];
}

/** Creates the key, the buckets and the secrets. */
export function createStorage(settings: Settings): Storage {
	const site = createSite(settings);
	const key = createKey(settings, site.publicPage);
	const buckets = { raw: createRawBucket(settings, key), site: protectSite(settings, site, key) };
	const logging = logAccess(settings, buckets);
	const secrets = createSecrets(settings, key);
	const { bucket, protections } = buckets.raw;
	const bucketName = writeBucketName(secrets.pipeline, { bucket, protections: [...protections, logging.raw] });
	const siteProtections = [...buckets.site.protections, logging.site];
	return { key, bucket, site, secrets, bucketName, siteProtections };
}

/** Creates the bucket of the raw data, which never expires: the source serves only the latest snapshot. */
function createRawBucket(settings: Settings, key: aws.kms.Key): PrivateBucket {
	return createPrivateBucket("raw", settings, {
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
}

/**
 * Logs the requests to buckets in another one, each below its name, kept as long as other logs.
 * S3 cannot deliver access logs to a bucket with a customer managed key.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
 */
function logAccess<N extends string>(
	settings: Settings,
	buckets: Record<N, PrivateBucket>,
): Record<N, aws.s3.BucketLogging> {
	const logged = Object.entries<PrivateBucket>(buckets);
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
		allow: (arn) =>
			logged.map(([name, { bucket }]) => ({
				sid: `Delivery${name}`,
				actions: ["s3:PutObject"],
				resources: [pulumi.interpolate`${arn}/${name}/*`],
				principals: [{ type: "Service", identifiers: ["logging.s3.amazonaws.com"] }],
				conditions: [
					{ test: "ArnEquals", variable: "aws:SourceArn", values: [bucket.arn] },
					{ test: "StringEquals", variable: "aws:SourceAccount", values: [accountId] },
				],
			})),
	});
	const logging = logged.map(([name, { bucket }]) => [
		name,
		new aws.s3.BucketLogging(
			name,
			{ bucket: bucket.id, targetBucket: log.bucket.id, targetPrefix: `${name}/` },
			{ dependsOn: log.protections, retainOnDelete: settings.keepData },
		),
	]);
	return Object.fromEntries(logging);
}
