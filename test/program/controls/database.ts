/** Controls on the database. https://docs.aws.amazon.com/securityhub/latest/userguide/rds-controls.html */

import type { ProgramRecord, RecordedResource } from "../../../local/program/record";
import { asking, control, of, set, within, without } from "./control";

const databases = of("aws:rds/instance:Instance");
const ask = asking(databases);

const DEFAULT_PORT = 5432;
const AUTHORITIES = ["rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"];
const DEFAULT_NAMES = /^(admin|postgres|root|master|rdsadmin)$/;

/** What the instance names by its name. */
const named =
	(type: string, input: string) =>
	({ inputs }: RecordedResource, { resources }: ProgramRecord) =>
		resources.find((other) => other.type === type && other.state.name === inputs[input]);
const parameters = named("aws:rds/parameterGroup:ParameterGroup", "parameterGroupName");
const subnets = named("aws:rds/subnetGroup:SubnetGroup", "dbSubnetGroupName");

interface Parameter {
	name: string;
	value: string;
}
const parameter = (database: RecordedResource, record: ProgramRecord, name: string): string | undefined =>
	parameters(database, record)?.inputs.parameters.find((one: Parameter) => one.name === name)?.value;
const dropping = (name: string) =>
	within(parameters, ({ inputs }) => {
		inputs.parameters = inputs.parameters.filter((one: Parameter) => one.name !== name);
	});

export const DATABASE = [
	ask(
		"RDS.2 CKV_AWS_17",
		"has no public address",
		(database) => database.publiclyAccessible === false,
		set("publiclyAccessible", true),
		set("publiclyAccessible", undefined),
	),
	ask(
		"RDS.3 CKV_AWS_16",
		"is encrypted",
		(database) => database.storageEncrypted === true,
		set("storageEncrypted", false),
		set("storageEncrypted", undefined),
	),
	{
		...control(
			"RDS.4",
			"is encrypted",
			of("aws:rds/snapshot:Snapshot", "aws:rds/clusterSnapshot:ClusterSnapshot"),
			({ inputs }) => inputs.encrypted === true,
			set("encrypted", false),
		),
		specimen: { type: "aws:rds/snapshot:Snapshot", inputs: { encrypted: true } },
	},
	ask(
		"RDS.5 CKV_AWS_157",
		"has a standby in another zone",
		(database) => database.multiAz === true,
		set("multiAz", false),
	),
	control(
		"RDS.6 CKV_AWS_118",
		"has its operating system watched",
		databases,
		({ inputs }, record) =>
			inputs.monitoringInterval > 0 &&
			of("aws:iam/role:Role")(record).some(({ state }) => state.arn === inputs.monitoringRoleArn),
		set("monitoringInterval", 0),
		set("monitoringRoleArn", undefined),
	),
	ask(
		"RDS.8 CKV_AWS_293",
		"cannot be deleted by mistake",
		(database) => database.deletionProtection === true,
		set("deletionProtection", false),
	),
	ask(
		"RDS.9 RDS.36 CKV_AWS_129",
		"hands its logs to CloudWatch",
		({ enabledCloudwatchLogsExports: logs = [] }) => ["postgresql", "upgrade"].every((log) => logs.includes(log)),
		set("enabledCloudwatchLogsExports", []),
		set("enabledCloudwatchLogsExports", ["postgresql"]),
		set("enabledCloudwatchLogsExports", ["upgrade"]),
		set("enabledCloudwatchLogsExports", undefined),
	),
	{
		...ask(
			"RDS.10 CKV_AWS_161",
			"takes people who identify by IAM",
			(database) => database.iamDatabaseAuthenticationEnabled === true,
			set("iamDatabaseAuthenticationEnabled", false),
		),
		mend: set("iamDatabaseAuthenticationEnabled", true),
	},
	ask(
		"RDS.11 CKV_AWS_133",
		"has backups of a week at least",
		(database) => database.backupRetentionPeriod >= 7,
		set("backupRetentionPeriod", 6),
		set("backupRetentionPeriod", undefined),
	),
	ask(
		"RDS.13 CKV_AWS_226",
		"takes minor versions by itself",
		(database) => database.autoMinorVersionUpgrade === true,
		set("autoMinorVersionUpgrade", false),
	),
	ask(
		"RDS.17 CKV2_AWS_60",
		"hands its tags to its snapshots",
		(database) => database.copyTagsToSnapshot === true,
		set("copyTagsToSnapshot", false),
		set("copyTagsToSnapshot", undefined),
	),
	control(
		"RDS.18",
		"is inside a network",
		databases,
		(database, record) => subnets(database, record)?.inputs.subnetIds.length >= 2,
		set("dbSubnetGroupName", undefined),
		without(subnets),
	),
	{
		...ask(
			"RDS.23",
			"listens where nobody expects it",
			({ port = DEFAULT_PORT }) => port !== DEFAULT_PORT,
			set("port", DEFAULT_PORT),
			set("port", undefined),
		),
		mend: set("port", 5433),
	},
	ask(
		"RDS.25",
		"has an administrator whose name is not guessed",
		({ username }) => !DEFAULT_NAMES.test(username),
		set("username", "postgres"),
		set("username", "admin"),
	),
	control(
		"RDS.38 CKV2_AWS_69",
		"refuses connections without TLS",
		databases,
		(database, record) => parameter(database, record, "rds.force_ssl") === "1",
		dropping("rds.force_ssl"),
		set("parameterGroupName", "default.postgres18"),
	),
	ask(
		"CKV_AWS_211",
		"has a certificate of a present authority",
		({ caCertIdentifier }) => AUTHORITIES.includes(caCertIdentifier),
		set("caCertIdentifier", "rds-ca-2019"),
		set("caCertIdentifier", undefined),
	),
	ask(
		"CKV_AWS_353",
		"has its queries watched",
		(database) => database.performanceInsightsEnabled === true,
		set("performanceInsightsEnabled", false),
	),
	control(
		"CKV2_AWS_30",
		"logs changes of its schema, and slow queries",
		databases,
		(database, record) =>
			/^(ddl|mod|all)$/.test(parameter(database, record, "log_statement") ?? "") &&
			Number(parameter(database, record, "log_min_duration_statement") ?? -1) >= 0,
		dropping("log_statement"),
		dropping("log_min_duration_statement"),
	),
];
