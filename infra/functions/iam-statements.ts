/** IAM statements that several functions share. */

import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { allowKeyUse } from "../key";
import type { Statement } from "../role";

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
