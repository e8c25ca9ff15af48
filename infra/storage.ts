/** Where raw data is kept, and the key that everything at rest is encrypted with. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./config";

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
			{
				sid: "Services",
				actions: ["kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
				resources: ["*"],
				principals: [
					{
						type: "Service",
						identifiers: [
							pulumi.interpolate`logs.${region}.amazonaws.com`,
							"events.amazonaws.com",
							"cloudwatch.amazonaws.com",
						],
					},
				],
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
		{ protect: settings.protect },
	);
}

/** The raw bucket: private, encrypted, versioned, reached over TLS only. Old snapshots can't be fetched again, so they stay. */
export function createBucket(settings: Settings, key: aws.kms.Key): aws.s3.Bucket {
	const bucket = new aws.s3.Bucket("raw", { forceDestroy: !settings.protect }, { protect: settings.protect });
	const name = { bucket: bucket.id };
	new aws.s3.BucketPublicAccessBlock("raw", {
		...name,
		blockPublicAcls: true,
		blockPublicPolicy: true,
		ignorePublicAcls: true,
		restrictPublicBuckets: true,
	});
	new aws.s3.BucketOwnershipControls("raw", { ...name, rule: { objectOwnership: "BucketOwnerEnforced" } });
	new aws.s3.BucketVersioning("raw", { ...name, versioningConfiguration: { status: "Enabled" } });
	new aws.s3.BucketServerSideEncryptionConfiguration("raw", {
		...name,
		rules: [
			{
				bucketKeyEnabled: true,
				applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: key.arn },
			},
		],
	});
	new aws.s3.BucketLifecycleConfiguration("raw", {
		...name,
		rules: [
			{
				id: "keep-cheaply",
				status: "Enabled",
				filter: { prefix: "raw/" },
				// Read at once when a past snapshot is replayed; anything colder would have to be restored first.
				transitions: [{ days: 90, storageClass: "GLACIER_IR" }],
				abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
			},
		],
	});
	new aws.s3.BucketPolicy("raw", {
		...name,
		policy: aws.iam.getPolicyDocumentOutput({
			statements: [
				{
					sid: "TlsOnly",
					effect: "Deny",
					actions: ["s3:*"],
					resources: [bucket.arn, pulumi.interpolate`${bucket.arn}/*`],
					principals: [{ type: "*", identifiers: ["*"] }],
					conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
				},
			],
		}).json,
	});
	return bucket;
}
