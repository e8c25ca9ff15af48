/** Values that AWS accepts, by its documentation: where a program sets each of them, and which are allowed. */

import { DATABASE_FAMILIES, isDatabaseClass } from "../../infra/database-classes";
import { isScheduleExpression } from "../../infra/schedule-expression";
import { LOG_DAYS } from "../../infra/settings";
import type { ProgramRecord, RecordedResource } from "../../local/program/record";

export interface Published {
	what: string;
	source: string;
	/** Finds such values in a record. */
	found(record: ProgramRecord): unknown[];
	isAllowed(value: never): boolean;
	/** Similar values that AWS refuses. */
	refused: unknown[];
}

const DAY = 24 * 3600;

/** Reads an input of each resource of a type; leaves out resources without it. */
const inputs = (type: string, read: (inputs: RecordedResource["inputs"]) => unknown) => (record: ProgramRecord) =>
	record.resources
		.filter((resource) => resource.type === type)
		.map((resource) => read(resource.inputs))
		.filter((value) => value !== undefined);
const oneOf =
	(...values: unknown[]) =>
	(value: unknown) =>
		values.includes(value);
const between = (least: number, most: number) => (value: number) =>
	Number.isInteger(value) && value >= least && value <= most;

const INSTANCE = "aws:rds/instance:Instance";
const FUNCTION = "aws:lambda/function:Function";
const SCHEDULE = "aws:scheduler/schedule:Schedule";
const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
const RDS = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide";
const LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg";
const SCHEDULER = "https://docs.aws.amazon.com/scheduler/latest/APIReference";

export const PUBLISHED: Published[] = [
	{
		what: "the PostgreSQL version, major only",
		source: "https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-versions.html",
		found: inputs(INSTANCE, ({ engine, engineVersion }) => `${engine} ${engineVersion}`),
		isAllowed: oneOf("postgres 14", "postgres 15", "postgres 16", "postgres 17", "postgres 18"),
		refused: ["postgres 20", "postgresql 18", "postgres 18.99"],
	},
	{
		what: "the parameter family of that version",
		source: `${RDS}/parameter-groups-overview.html`,
		found: (record) => {
			const [version] = inputs(INSTANCE, ({ engineVersion }) => engineVersion)(record);
			return inputs("aws:rds/parameterGroup:ParameterGroup", ({ family }) => [family, version])(record);
		},
		isAllowed: ([family, version]: [string, string]) => family === `postgres${version}`,
		refused: [
			["postgres17", "18"],
			["postgresql18", "18"],
		],
	},
	{
		what: `an instance class of ${DATABASE_FAMILIES.length} families`,
		source: `${RDS}/Concepts.DBInstanceClass.Support.html`,
		found: inputs(INSTANCE, ({ instanceClass }) => instanceClass),
		isAllowed: isDatabaseClass,
		refused: ["db.t4g.nano", "t4g.micro", "db.t2.micro"],
	},
	{
		what: "gigabytes of gp3 storage",
		source: `${RDS}/CHAP_Storage.html`,
		found: inputs(INSTANCE, ({ storageType, allocatedStorage }) => [storageType, allocatedStorage]),
		isAllowed: ([type, size]: [string, number]) => type === "gp3" && between(20, 65_536)(size),
		refused: [
			["gp3", 19],
			["gp4", 20],
		],
	},
	{
		what: "days of backups",
		source: `${RDS}/USER_WorkingWithAutomatedBackups.BackupRetention.html`,
		found: inputs(INSTANCE, ({ backupRetentionPeriod }) => backupRetentionPeriod),
		isAllowed: between(0, 35),
		refused: [36, 1.5],
	},
	{
		what: "days of Performance Insights",
		source: `${RDS}/USER_PerfInsights.Overview.cost.html`,
		found: inputs(INSTANCE, (database) => database.performanceInsightsRetentionPeriod),
		isAllowed: (days: number) => days === 7 || days === 731 || (days % 31 === 0 && between(31, 713)(days)),
		refused: [14, 730],
	},
	{
		what: "seconds between monitoring samples",
		source: `${RDS}/USER_Monitoring.OS.Enabling.html`,
		found: inputs(INSTANCE, ({ monitoringInterval }) => monitoringInterval),
		isAllowed: oneOf(0, 1, 5, 10, 15, 30, 60),
		refused: [20, 120],
	},
	{
		what: "a function's runtime",
		source: `${LAMBDA}/lambda-runtimes.html`,
		found: inputs(FUNCTION, ({ runtime }) => runtime),
		isAllowed: oneOf("nodejs22.x", "nodejs24.x"),
		refused: ["nodejs18.x", "nodejs24", "node24.x"],
	},
	{
		what: "a function's architecture",
		source: `${LAMBDA}/foundation-arch.html`,
		found: inputs(FUNCTION, ({ architectures }) => architectures.join()),
		isAllowed: oneOf("arm64", "x86_64"),
		refused: ["aarch64", "arm64,x86_64"],
	},
	{
		what: "a function's memory in MB",
		source: `${LAMBDA}/gettingstarted-limits.html`,
		found: inputs(FUNCTION, ({ memorySize }) => memorySize),
		isAllowed: between(128, 10_240),
		refused: [64, 10_241],
	},
	{
		what: "a function's timeout in seconds",
		source: `${LAMBDA}/gettingstarted-limits.html`,
		found: inputs(FUNCTION, ({ timeout }) => timeout),
		isAllowed: between(1, 900),
		refused: [0, 901],
	},
	{
		what: "a schedule",
		source: "https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html",
		found: inputs(SCHEDULE, ({ scheduleExpression }) => scheduleExpression),
		isAllowed: (text) => isScheduleExpression(text) || /^at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)$/.test(text),
		refused: ["cron(30 3 * * * *)", "rate(1 days)", "at(2024-01-01T00:00:00Z)"],
	},
	{
		what: "a schedule's IANA time zone",
		source: "https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#time-zones",
		found: inputs(SCHEDULE, ({ scheduleExpressionTimezone }) => scheduleExpressionTimezone),
		isAllowed: oneOf("UTC", ...Intl.supportedValuesOf("timeZone")),
		refused: ["Asia/Edo", "JST", "+09:00"],
	},
	{
		what: "a schedule's window in minutes",
		source: `${SCHEDULER}/API_FlexibleTimeWindow.html`,
		found: inputs(SCHEDULE, ({ flexibleTimeWindow }) => flexibleTimeWindow.maximumWindowInMinutes),
		isAllowed: between(1, 1440),
		refused: [0, 1441],
	},
	{
		what: "a schedule's retries and maximum event age",
		source: `${SCHEDULER}/API_RetryPolicy.html`,
		found: inputs(SCHEDULE, ({ target }) => [
			target.retryPolicy.maximumRetryAttempts,
			target.retryPolicy.maximumEventAgeInSeconds,
		]),
		isAllowed: ([attempts, age]: [number, number]) => between(0, 185)(attempts) && between(60, DAY)(age),
		refused: [
			[186, 60],
			[5, 59],
			[5, DAY + 1],
		],
	},
	{
		what: "days of log retention",
		source: "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
		found: inputs("aws:cloudwatch/logGroup:LogGroup", ({ retentionInDays }) => retentionInDays),
		isAllowed: oneOf(...LOG_DAYS),
		refused: [2, 15, 364, 3654],
	},
	{
		what: "days until a key is deleted",
		source: "https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html",
		found: inputs("aws:kms/key:Key", ({ deletionWindowInDays }) => deletionWindowInDays),
		isAllowed: between(7, 30),
		refused: [6, 31],
	},
	{
		what: "days until a secret is deleted",
		source: "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html",
		found: inputs("aws:secretsmanager/secret:Secret", ({ recoveryWindowInDays }) => recoveryWindowInDays),
		isAllowed: (days: number) => days === 0 || between(7, 30)(days),
		refused: [1, 31],
	},
	{
		what: "days between rotations",
		source: "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotationRulesType.html",
		found: inputs(
			"aws:secretsmanager/secretRotation:SecretRotation",
			({ rotationRules }) => rotationRules.automaticallyAfterDays,
		),
		isAllowed: between(1, 1000),
		refused: [0, 1001],
	},
	{
		what: "seconds of message retention",
		source: "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html",
		found: inputs("aws:sqs/queue:Queue", ({ messageRetentionSeconds }) => messageRetentionSeconds),
		isAllowed: between(60, 14 * DAY),
		refused: [59, 15 * DAY],
	},
	{
		what: "a storage class that is read at once",
		source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html",
		found: (record) =>
			inputs(
				"aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
				({ rules }) => rules,
			)(record)
				.flat()
				.flatMap((rule) => (rule as { transitions?: { storageClass: string }[] }).transitions ?? [])
				.map(({ storageClass }) => storageClass),
		isAllowed: oneOf("STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"),
		refused: ["GLACIER", "DEEP_ARCHIVE"],
	},
	{
		what: "an alarm's evaluation period",
		source: "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
		found: inputs(ALARM, ({ period, metricQueries, evaluationPeriods }) => [
			period ?? metricQueries.find((query: { metric?: object }) => query.metric).metric.period,
			evaluationPeriods,
		]),
		// At most a day; a week for periods of an hour or more.
		isAllowed: ([period, count]: [number, number]) =>
			(oneOf(10, 20, 30)(period) || period % 60 === 0) && period * count <= (period >= 3600 ? 7 * DAY : DAY),
		refused: [
			[45, 1],
			[300, 300],
			[3600, 169],
		],
	},
	{
		what: "an alarm's comparison operator",
		source: "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
		found: inputs(ALARM, ({ comparisonOperator }) => comparisonOperator),
		isAllowed: oneOf(
			"GreaterThanThreshold",
			"GreaterThanOrEqualToThreshold",
			"LessThanThreshold",
			"LessThanOrEqualToThreshold",
		),
		refused: ["GreaterThan", ">"],
	},
	{
		what: "an alarm's treatment of missing data",
		source: "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
		found: inputs(ALARM, ({ treatMissingData }) => treatMissingData),
		isAllowed: oneOf("breaching", "notBreaching", "ignore", "missing"),
		refused: ["ok"],
	},
];
