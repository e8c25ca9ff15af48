/** Buckets: private, encrypted, versioned, reached over TLS only. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./config";
import type { Statement } from "./role";
import { tlsOnly } from "./tls-only";

export interface BucketOptions {
	encryption: aws.types.input.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefault;
	/** What becomes of objects as they grow old. */
	rules: aws.types.input.s3.BucketLifecycleConfigurationRule[];
	/** Who may do what, beside those who may by their role; nobody if not given. */
	allow?: (bucketArn: pulumi.Output<string>) => Statement[];
}

export interface GuardedBucket {
	bucket: aws.s3.Bucket;
	guards: pulumi.Resource[];
}

/** Creates a bucket with all that guards it. @returns both, for those who must not use the one before the others are there */
export function createPrivateBucket(name: string, settings: Settings, options: BucketOptions): GuardedBucket {
	const { protect, keepData } = settings;
	const bucket = new aws.s3.Bucket(name, { forceDestroy: !keepData }, { protect, retainOnDelete: keepData });
	const of = { bucket: bucket.id };
	// A bucket that stays behind stays as private as it was.
	const kept = { retainOnDelete: keepData };
	const guards = [
		new aws.s3.BucketPublicAccessBlock(
			name,
			{
				...of,
				blockPublicAcls: true,
				blockPublicPolicy: true,
				ignorePublicAcls: true,
				restrictPublicBuckets: true,
			},
			kept,
		),
		new aws.s3.BucketOwnershipControls(name, { ...of, rule: { objectOwnership: "BucketOwnerEnforced" } }, kept),
		new aws.s3.BucketVersioning(name, { ...of, versioningConfiguration: { status: "Enabled" } }, kept),
		new aws.s3.BucketServerSideEncryptionConfiguration(
			name,
			{
				...of,
				rules: [{ bucketKeyEnabled: true, applyServerSideEncryptionByDefault: options.encryption }],
			},
			kept,
		),
		new aws.s3.BucketLifecycleConfiguration(name, { ...of, rules: options.rules }, kept),
		new aws.s3.BucketPolicy(
			name,
			{
				...of,
				policy: aws.iam.getPolicyDocumentOutput({
					statements: [
						tlsOnly(["s3:*"], [bucket.arn, pulumi.interpolate`${bucket.arn}/*`]),
						...(options.allow?.(bucket.arn) ?? []),
					],
				}).json,
			},
			kept,
		),
	];
	return { bucket, guards };
}
