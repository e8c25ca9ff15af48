/** The pipeline's secrets in Secrets Manager. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { PrivateBucket } from "./private-bucket";
import type { Settings } from "./settings";

export interface PipelineSecrets {
	/** `{ bucket }`, written by this program. */
	pipeline: aws.secretsmanager.Secret;
	/** `{ appToken }`, written by an operator; it may stay empty. */
	source: aws.secretsmanager.Secret;
	/** The loader's login to the database, written by migrate. */
	database: aws.secretsmanager.Secret;
	/** The analysts' login to the database, written by migrate. */
	reader: aws.secretsmanager.Secret;
}

/** Creates the four secrets without values. */
export function createSecrets(settings: Settings, key: aws.kms.Key): PipelineSecrets {
	const create = (name: string, description: string) =>
		new aws.secretsmanager.Secret(name, {
			description,
			kmsKeyId: key.arn,
			recoveryWindowInDays: settings.keepData ? 30 : 0,
		});
	return {
		pipeline: create("pipeline", "Name of the raw data bucket"),
		source: create("source", "Optional app token of the open-data API"),
		database: create("database", "Database login of load; written by migrate, rotated by rotate"),
		reader: create("reader", "Database login of analysts; written by migrate, rotated by rotate"),
	};
}

/** Writes the bucket's name, which is not confidential, once the bucket's protections are in place. */
export function writeBucketName(
	pipeline: aws.secretsmanager.Secret,
	{ bucket, protections }: PrivateBucket,
): pulumi.Resource {
	return new aws.secretsmanager.SecretVersion(
		"pipeline",
		{ secretId: pipeline.id, secretString: pulumi.jsonStringify({ bucket: bucket.id }) },
		{ dependsOn: protections },
	);
}
