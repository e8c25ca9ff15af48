/** Buckets that are private, encrypted, versioned and accessible over TLS only. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Statement } from "./role";
import type { Settings } from "./settings";
import { tlsOnly } from "./tls-only";

export interface BucketOptions {
	encryption: aws.types.input.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefault;
	/** Lifecycle rules. */
	rules: aws.types.input.s3.BucketLifecycleConfigurationRule[];
	/** Further statements of the bucket policy; none by default. */
	allow?: (bucketArn: pulumi.Output<string>) => Statement[];
}

export interface PrivateBucket {
	bucket: aws.s3.Bucket;
	/** The resources that make the bucket private. Nothing may write to it before they exist. */
	protections: pulumi.Resource[];
}

/** Creates a bucket and its protections. */
export function createPrivateBucket(name: string, settings: Settings, options: BucketOptions): PrivateBucket {
	return protectBucket(name, createBucket(name, settings), settings, options);
}

/** Creates a bucket without its protections. */
export function createBucket(name: string, { protect, keepData }: Settings): aws.s3.Bucket {
	return new aws.s3.Bucket(name, { forceDestroy: !keepData }, { protect, retainOnDelete: keepData });
}

/** Creates a bucket's protections. @param name of all of them */
export function protectBucket(
	name: string,
	bucket: aws.s3.Bucket,
	{ keepData }: Settings,
	options: BucketOptions,
): PrivateBucket {
	const target = { bucket: bucket.id };
	// A bucket that outlives the stack stays private.
	const retention = { retainOnDelete: keepData };
	const protections = [
		new aws.s3.BucketPublicAccessBlock(
			name,
			{
				...target,
				blockPublicAcls: true,
				blockPublicPolicy: true,
				ignorePublicAcls: true,
				restrictPublicBuckets: true,
			},
			retention,
		),
		new aws.s3.BucketOwnershipControls(
			name,
			{ ...target, rule: { objectOwnership: "BucketOwnerEnforced" } },
			retention,
		),
		new aws.s3.BucketVersioning(name, { ...target, versioningConfiguration: { status: "Enabled" } }, retention),
		new aws.s3.BucketServerSideEncryptionConfiguration(
			name,
			{
				...target,
				rules: [{ bucketKeyEnabled: true, applyServerSideEncryptionByDefault: options.encryption }],
			},
			retention,
		),
		new aws.s3.BucketLifecycleConfiguration(name, { ...target, rules: options.rules }, retention),
		new aws.s3.BucketPolicy(
			name,
			{
				...target,
				policy: aws.iam.getPolicyDocumentOutput({
					statements: [
						tlsOnly(["s3:*"], [bucket.arn, pulumi.interpolate`${bucket.arn}/*`]),
						...(options.allow?.(bucket.arn) ?? []),
					],
				}).json,
			},
			retention,
		),
	];
	return { bucket, protections };
}
