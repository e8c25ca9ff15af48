/** The function extract: fetches a snapshot from the public API and stores its pages in S3. */

import * as pulumi from "@pulumi/pulumi";
import { extractHandler } from "../../handlers/extract";
import { allowKeyUse } from "../key";
import { TASK_SECONDS } from "../workflow-definition";
import { createFunction, type FunctionDependencies } from "./create";
import { allowDecryptSecrets, allowListBucket, allowRawObjects, allowReadSecrets } from "./iam-statements";

export function createExtract({ settings, storage: { key, bucket, secrets }, network }: FunctionDependencies) {
	const extractSettings = {
		stack: pulumi.getStack(),
		sourceFormat: settings.format,
		sodaVersion: settings.sodaVersion,
		pageRows: settings.pageRows,
		concurrency: settings.fetchConcurrency,
	};
	return createFunction("extract", settings, key, {
		factory: () => extractHandler(extractSettings),
		memoryMb: 512,
		timeoutSeconds: TASK_SECONDS,
		environment: { SOURCE_URL: settings.sourceUrl },
		packages: ["@aws-sdk/client-s3", "@aws-sdk/client-secrets-manager"],
		placement: network.internetPlacement,
		statements: [
			allowReadSecrets(secrets.pipeline.arn, secrets.source.arn),
			allowRawObjects(bucket, "s3:GetObject", "s3:PutObject"),
			allowListBucket(bucket),
			allowDecryptSecrets(key),
			// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
			allowKeyUse(key, "s3", ["kms:Decrypt", "kms:GenerateDataKey"]),
		],
	});
}
