/** IAM statements that several functions share. */

import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { allowKeyUse } from "../key";
import type { Statement } from "../role";
import type { Storage } from "../storage";

/** Allows reading secrets, without decrypting them. */
export function allowReadSecrets(...arns: pulumi.Output<string>[]): Statement {
	return { actions: ["secretsmanager:GetSecretValue"], resources: arns };
}

/** Allows decrypting secrets. https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html */
export function allowDecryptSecrets(key: aws.kms.Key): Statement {
	return allowKeyUse(key, "secretsmanager", ["kms:Decrypt"]);
}

/** Allows decrypting and encrypting secrets. */
export function allowEncryptSecrets(key: aws.kms.Key): Statement {
	return allowKeyUse(key, "secretsmanager", ["kms:Decrypt", "kms:GenerateDataKey"]);
}

/** Allows actions on the objects of the raw data. */
export function allowRawObjects(bucket: aws.s3.Bucket, ...actions: string[]): Statement {
	return { actions, resources: [pulumi.interpolate`${bucket.arn}/raw/*`] };
}

/** Allows listing the bucket, without which S3 answers "access denied" instead of "not found" for a missing object. */
export function allowListBucket(bucket: aws.s3.Bucket): Statement {
	return { actions: ["s3:ListBucket"], resources: [bucket.arn] };
}

/** Allows reading the database as analysts do, and reading and writing the site's objects. */
export function allowPublishing({ key, site, secrets }: Storage): Statement[] {
	return [
		allowReadSecrets(secrets.reader.arn),
		allowDecryptSecrets(key),
		{ actions: ["s3:GetObject", "s3:PutObject"], resources: [pulumi.interpolate`${site.bucket.arn}/site/*`] },
		allowListBucket(site.bucket),
		allowKeyUse(key, "s3", ["kms:Decrypt", "kms:GenerateDataKey"]),
	];
}
