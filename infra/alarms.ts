/** The CloudWatch alarms. Each has a description that says what happened and what to do. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { NAMESPACE } from "../handlers/common/metrics";
import { isBurstable } from "./database-classes";
import type { Functions } from "./functions";
import type { Settings } from "./settings";
import type { Site } from "./site";
import { TASK_SECONDS } from "./workflow-definition";

/** The resources that the alarms and the dashboard watch. */
export interface MonitoredResources {
	workflow: aws.sfn.StateMachine;
	/** The schedule's dead-letter queue. */
	undelivered: aws.sqs.Queue;
	database: aws.rds.Instance;
	bucket: aws.s3.Bucket;
	site: Site;
	functions: Functions;
}

/** What an alarm watches and when it fires: by default, when a metric exceeds 0. */
type AlarmArgs = Partial<aws.cloudwatch.MetricAlarmArgs>;

interface Alarm {
	name: string;
	/** What people read when it fires; printable ASCII, 1,024 characters at most. */
	description: string;
	args: AlarmArgs;
}

const HOUR = 3600;
const DAY = 24 * HOUR;

/** CloudWatch's limits, in hours: on what an alarm with periods of an hour evaluates, and on its warm-up. */
const MAX_EVALUATION_HOURS = 7 * 24;
const MAX_WARM_UP_HOURS = 2 * 24;

/** Events that happen at most once a night. The alarm ends after a day without one; no event means no data. */
const DAILY_EVENTS = { period: DAY, evaluationPeriods: 1, treatMissingData: "notBreaching" };

/** Creates the alarms, which notify the topic when they fire. */
export function createAlarms(
	settings: Settings,
	topic: aws.sns.Topic,
	resources: MonitoredResources,
): aws.cloudwatch.MetricAlarm[] {
	const alarms = [
		...defineRunAlarms(settings, resources),
		...defineFunctionAlarms(settings, resources),
		...defineDatabaseAlarms(settings, resources),
	];
	return alarms.map(
		({ name, description, args }) =>
			new aws.cloudwatch.MetricAlarm(name, {
				name: alarmName(name),
				alarmDescription: description,
				comparisonOperator: "GreaterThanThreshold",
				threshold: 0,
				...args,
				alarmActions: [topic.arn],
			}),
	);
}

/** An alarm's name in CloudWatch. */
export function alarmName(name: string): string {
	return `ev-registrations-${pulumi.getStack()}-${name}`;
}

/**
 * Alarms on runs that failed, took too long or did not start.
 * https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 */
function defineRunAlarms({ silentDays }: Settings, { workflow, undelivered }: MonitoredResources): Alarm[] {
	const runMetric = (metricName: string) => ({
		...DAILY_EVENTS,
		namespace: "AWS/States",
		metricName,
		dimensions: { StateMachineArn: workflow.arn },
		statistic: "Sum",
	});
	return [
		{
			name: "run-failed",
			description:
				"A run failed. Its own message says why and what to do. If there is no message, read the execution in Step Functions. Start another run with the output startCommand, or wait for the next night.",
			args: runMetric("ExecutionsFailed"),
		},
		{
			name: "run-timed-out",
			description:
				"A run was stopped because it took longer than the workflow allows. Look in Step Functions for the state in which the execution waited, then start another run with the output startCommand.",
			args: runMetric("ExecutionsTimedOut"),
		},
		{
			name: "run-aborted",
			description:
				"A run was stopped by somebody. The database holds either the previous snapshot or the new one. Start another run with the output startCommand, or wait for the next night.",
			args: runMetric("ExecutionsAborted"),
		},
		{
			name: "run-slow",
			description:
				"A run took longer than one extract and one load may take together, so a step was retried. Look at the dashboard for the step, and at the execution in Step Functions for the errors.",
			args: { ...runMetric("ExecutionTime"), statistic: "Maximum", threshold: 2 * TASK_SECONDS * 1000 },
		},
		...(silentDays > 0
			? [
					{
						name: "no-run-succeeded",
						description: `No run has succeeded for ${silentDays} days. Look in EventBridge Scheduler whether the schedule is enabled, and in Step Functions how the last executions ended. Start a run with the output startCommand.`,
						args: silence(silentDays, workflow.arn),
					},
				]
			: []),
		{
			name: "run-not-started",
			description:
				"The schedule could not start the workflow, or a lost run could not be reported. Read the reason in the message in the dead-letter queue, fix the cause, start a run with the output startCommand, and delete the message, which ends the alarm.",
			args: {
				namespace: "AWS/SQS",
				metricName: "ApproximateNumberOfMessagesVisible",
				dimensions: { QueueName: undelivered.name },
				statistic: "Maximum",
				period: 300,
				evaluationPeriods: 1,
				// SQS reports no metrics for a queue that has been empty for hours.
				treatMissingData: "notBreaching",
			},
		},
	];
}

/** Alarms on data that has grown old, on rows that load rejected, on pages and files that were not made, and on failed rotations. */
function defineFunctionAlarms({ staleDays }: Settings, { functions }: MonitoredResources): Alarm[] {
	const failuresOf = (lambda: aws.lambda.Function) => ({
		...DAILY_EVENTS,
		namespace: "AWS/Lambda",
		metricName: "Errors",
		dimensions: { FunctionName: lambda.name },
		statistic: "Sum",
	});
	const ofLoad = (metricName: string) => ({
		...DAILY_EVENTS,
		namespace: NAMESPACE,
		metricName,
		dimensions: { stack: pulumi.getStack(), function: "load" },
		statistic: "Sum",
	});
	return [
		{
			name: "rows-rejected",
			description:
				"Rows of a snapshot could not be loaded and were set aside. Their vehicles keep their last values. Look at ev.rejected_rows for the reasons: either the source is wrong, or handlers/rows/row-encoder.ts must support what is new.",
			args: ofLoad("rejected"),
		},
		...(staleDays > 0
			? [
					{
						name: "source-stale",
						description: `The published snapshot is older than ${staleDays} days, although runs succeed: the source gives nothing newer. Look at the dataset's page whether it has moved or is no longer kept, and change the setting dataset. Raise the setting staleDays if the source is slow.`,
						args: { ...ofLoad("ageDays"), statistic: "Maximum", threshold: staleDays },
					},
				]
			: []),
		{
			name: "export-failed",
			description:
				"The data files beside the page could not be written at an attempt. If the retries failed too, the files are the old ones, and the run's message says why. The next run writes them. Read the log of the function export.",
			args: failuresOf(functions.export),
		},
		{
			name: "report-failed",
			description:
				"The page could not be made at an attempt. If the retries failed too, the page is the old one, and the run's message says why. The next run makes it. Read the log of the function report.",
			args: failuresOf(functions.report),
		},
		{
			name: "rotation-failed",
			description:
				"A database password could not be replaced. The old one stays valid, and Secrets Manager retries by itself. Read the log of the function rotate for the reason, and start a rotation with aws secretsmanager rotate-secret.",
			args: failuresOf(functions.rotate),
		},
	];
}

/** Alarms on the database. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html */
function defineDatabaseAlarms(
	{ databaseClass, databaseStorageGb }: Settings,
	{ database }: MonitoredResources,
): Alarm[] {
	/** Averages of five minutes, for half an hour, so that a load does not set off the alarm. */
	const databaseMetric = (metricName: string) => ({
		namespace: "AWS/RDS",
		metricName,
		dimensions: { DBInstanceIdentifier: database.identifier },
		statistic: "Average",
		period: 300,
		evaluationPeriods: 6,
		treatMissingData: "missing",
	});
	return [
		{
			name: "database-storage",
			description:
				"The database's storage is nearly full and has stopped growing by itself. Raise the setting databaseMaxStorageGb and run pulumi up, which takes effect at once. Storage cannot be reduced later.",
			args: {
				...databaseMetric("FreeStorageSpace"),
				comparisonOperator: "LessThanThreshold",
				threshold: 0.05 * databaseStorageGb * 2 ** 30,
			},
		},
		{
			name: "database-cpu",
			description:
				"The database's CPU has been busy for half an hour, although a load takes minutes. Look in Database Insights of CloudWatch for the query. End it with pg_cancel_backend, or raise the setting databaseClass.",
			args: { ...databaseMetric("CPUUtilization"), threshold: 80 },
		},
		{
			name: "database-connections",
			description:
				"Far more sessions are open than one load and some analysts need, and the database will soon accept no more. Look in pg_stat_activity for their users. Use a connection pool, or raise the setting databaseClass.",
			// The smallest class, with 1 GB of memory, accepts about a hundred.
			// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections
			args: { ...databaseMetric("DatabaseConnections"), threshold: 60 },
		},
		...(isBurstable(databaseClass)
			? [
					{
						name: "database-credits",
						description:
							"The database has used more CPU than its class earns, and AWS charges for it. Look in Database Insights of CloudWatch for the query, or raise the setting databaseClass.",
						// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances-unlimited-mode-concepts.html
						args: databaseMetric("CPUSurplusCreditsCharged"),
					},
				]
			: []),
	];
}

/**
 * The alarm on runs that did not succeed for some days: no success in each of the hours that make up these days.
 *
 * It counts hours because a run may end later in the night than the one before it, which would leave a day without a success.
 * Seven hours are added for that, as far as CloudWatch's limit of seven days allows.
 * An hour without a success has no data. FILL makes it zero, otherwise CloudWatch would evaluate older data first.
 * A new stack has no success either, so the alarm waits for its first run, for the whole warm-up: FILL always has data.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-warm-up.html
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 */
export function silence(days: number, stateMachineArn: pulumi.Input<string>): AlarmArgs {
	// A run may start 15 minutes late, in the schedule's window, and take six hours of retries. A longer one is worth an alarm.
	const hours = days * 24 + 7;
	return {
		metricQueries: [
			{
				id: "succeeded",
				metric: {
					namespace: "AWS/States",
					metricName: "ExecutionsSucceeded",
					dimensions: { StateMachineArn: stateMachineArn },
					stat: "Sum",
					period: HOUR,
				},
			},
			{ id: "filled", expression: "FILL(succeeded, 0)", label: "Runs that succeeded", returnData: true },
		],
		comparisonOperator: "LessThanThreshold",
		threshold: 1,
		evaluationPeriods: Math.min(hours, MAX_EVALUATION_HOURS),
		treatMissingData: "breaching",
		warmUpConfiguration: {
			warmUpPeriodDurationInMinutes: Math.min(hours, MAX_WARM_UP_HOURS) * 60,
			onlyStartEvaluatingAfterWarmUpPeriodEnds: true,
		},
	};
}
