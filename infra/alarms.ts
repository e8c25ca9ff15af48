/** Who is told, what is told of runs that can no longer tell themselves, and what rings. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { NAMESPACE } from "../handlers/common/metrics";
import type { Settings } from "./config";
import { tlsOnly } from "./tls-only";
import { TASK_SECONDS } from "./workflow";

/** What the alarms watch. */
export interface Watched {
	workflow: aws.sfn.StateMachine;
	/** Keeps what the schedule could not start. */
	undelivered: aws.sqs.Queue;
	database: aws.rds.Instance;
	rotate: aws.lambda.Function;
}

const HOUR = 3600;
const DAY = 24 * HOUR;

/** Longest that CloudWatch looks back, and longest that it lets a new alarm wait, in hours. */
const LONGEST_LOOK = 7 * 24;
const LONGEST_WARM_UP = 2 * 24;

/** The topic that every message goes to. */
export function createTopic(settings: Settings, key: aws.kms.Key): aws.sns.Topic {
	const topic = new aws.sns.Topic("runs", { displayName: "EV registrations", kmsMasterKeyId: key.id });
	const account = aws.getCallerIdentityOutput().accountId;
	const region = aws.getRegionOutput().region;
	new aws.sns.TopicPolicy("runs", {
		arn: topic.arn,
		policy: aws.iam.getPolicyDocumentOutput({
			statements: [
				{
					sid: "Rule",
					actions: ["sns:Publish"],
					resources: [topic.arn],
					principals: [{ type: "Service", identifiers: ["events.amazonaws.com"] }],
				},
				// https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger
				{
					sid: "Alarms",
					actions: ["sns:Publish"],
					resources: [topic.arn],
					principals: [{ type: "Service", identifiers: ["cloudwatch.amazonaws.com"] }],
					conditions: [
						{
							test: "ArnLike",
							variable: "aws:SourceArn",
							values: [pulumi.interpolate`arn:aws:cloudwatch:${region}:${account}:alarm:${alarmName("*")}`],
						},
						{ test: "StringEquals", variable: "aws:SourceAccount", values: [account] },
					],
				},
				tlsOnly(["sns:Publish"], [topic.arn]),
			],
		}).json,
	});
	if (settings.email)
		new aws.sns.TopicSubscription("email", { topic: topic.arn, protocol: "email", endpoint: settings.email });
	return topic;
}

/**
 * Tells what no Catch sees: an execution that ran out of time, was stopped, or broke in the workflow itself. One that fails
 * otherwise has told so itself. https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
 */
export function tellLostRuns(workflow: aws.sfn.StateMachine, topic: aws.sns.Topic): void {
	const rule = new aws.cloudwatch.EventRule("lost-runs", {
		description: "Runs of the EV registrations pipeline that timed out, were stopped, or broke in the workflow",
		eventPattern: pulumi.jsonStringify({
			source: ["aws.states"],
			"detail-type": ["Step Functions Execution Status Change"],
			detail: {
				stateMachineArn: [workflow.arn],
				$or: [
					{ status: ["TIMED_OUT", "ABORTED"] },
					{ status: ["FAILED"], error: ["States.Runtime", "States.DataLimitExceeded"] },
				],
			},
		}),
	});
	new aws.cloudwatch.EventTarget("lost-runs", {
		rule: rule.name,
		arn: topic.arn,
		inputTransformer: {
			inputPaths: { run: "$.detail.name", status: "$.detail.status", execution: "$.detail.executionArn" },
			inputTemplate:
				'"The run <run> ended as <status> and could not tell more. The database holds what was published last, or the new snapshot, never a mixture. <execution>"',
		},
	});
}

/** Under this name people read of an alarm. */
function alarmName(name: string): string {
	return `ev-registrations-${pulumi.getStack()}-${name}`;
}

/**
 * Alarms on runs and on the database. Each tells the topic when it rings and when it is over, and says what to do.
 *
 * Metrics: https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 */
export function createAlarms(
	settings: Settings,
	topic: aws.sns.Topic,
	{ workflow, undelivered, database, rotate }: Watched,
): aws.cloudwatch.MetricAlarm[] {
	const create = (name: string, alarmDescription: string, args: Partial<aws.cloudwatch.MetricAlarmArgs>) =>
		new aws.cloudwatch.MetricAlarm(name, {
			name: alarmName(name),
			alarmDescription,
			comparisonOperator: "GreaterThanThreshold",
			threshold: 0,
			...args,
			alarmActions: [topic.arn],
			okActions: [topic.arn],
		});
	/** Something that happened at most once a night; over when a day has passed without. Where nothing happened there is no data. */
	const ofEvents = { period: DAY, evaluationPeriods: 1, treatMissingData: "notBreaching" };
	const ofRuns = (metricName: string) => ({
		...ofEvents,
		namespace: "AWS/States",
		metricName,
		dimensions: { StateMachineArn: workflow.arn },
		statistic: "Sum",
	});
	/** Something measured every minute, for half an hour, so that a load does not ring. */
	const ofDatabase = (metricName: string) => ({
		namespace: "AWS/RDS",
		metricName,
		dimensions: { DBInstanceIdentifier: database.identifier },
		statistic: "Average",
		period: 300,
		evaluationPeriods: 6,
		treatMissingData: "missing",
	});
	return [
		create(
			"run-failed",
			"A run failed. Its own message says why and what to do; if there is none, look into the execution in Step Functions. Start another by hand with the output startCommand, or wait for the night.",
			ofRuns("ExecutionsFailed"),
		),
		create(
			"run-timed-out",
			"A run was stopped since it took longer than the workflow allows. Look into the execution in Step Functions for the state it waited in, then start another by hand with the output startCommand.",
			ofRuns("ExecutionsTimedOut"),
		),
		create(
			"run-slow",
			"A run took longer than a fetch and a load together may, so something was tried again. Look at the dashboard for the step, and into the execution in Step Functions for the errors.",
			{ ...ofRuns("ExecutionTime"), statistic: "Maximum", threshold: 2 * TASK_SECONDS * 1000 },
		),
		...(settings.silentDays > 0
			? [
					create(
						"no-run-succeeded",
						`No run has succeeded for ${settings.silentDays} days. Look whether the schedule is enabled in EventBridge Scheduler, and what the last executions in Step Functions say; start one by hand with the output startCommand.`,
						silence(settings.silentDays, workflow.arn),
					),
				]
			: []),
		create(
			"run-not-started",
			"The schedule could not start the workflow. Read in the queue why not, put it right, start a run by hand with the output startCommand, and delete the message: that ends the alarm.",
			{
				namespace: "AWS/SQS",
				metricName: "ApproximateNumberOfMessagesVisible",
				dimensions: { QueueName: undelivered.name },
				statistic: "Maximum",
				period: 300,
				evaluationPeriods: 1,
				// A queue that is empty for hours reports nothing.
				treatMissingData: "notBreaching",
			},
		),
		create(
			"rows-rejected",
			"Rows of a snapshot did not fit and were set aside; their vehicles keep their last values. Look at ev.rejected_rows for the reasons: either the source is wrong, or handlers/rows/row-encoder.ts must learn what is new.",
			{
				...ofEvents,
				namespace: NAMESPACE,
				metricName: "rejected",
				dimensions: { stack: pulumi.getStack(), function: "load" },
				statistic: "Sum",
			},
		),
		create(
			"rotation-failed",
			"A password could not be replaced; the old one stays valid, and Secrets Manager tries again by itself. Read the log of the function rotate for the reason, and start a rotation by hand with aws secretsmanager rotate-secret.",
			{
				...ofEvents,
				namespace: "AWS/Lambda",
				metricName: "Errors",
				dimensions: { FunctionName: rotate.name },
				statistic: "Sum",
			},
		),
		create(
			"database-storage",
			"Less than a fifth of the database's storage is free. Raise the setting databaseStorageGb and run pulumi up; storage never shrinks again.",
			{
				...ofDatabase("FreeStorageSpace"),
				comparisonOperator: "LessThanThreshold",
				threshold: 0.2 * settings.databaseStorageGb * 2 ** 30,
			},
		),
		create(
			"database-cpu",
			"The database's CPU has been busy for half an hour, and a load takes minutes. Look in RDS's Performance Insights for the query; end it with pg_cancel_backend, or raise the setting databaseClass.",
			{ ...ofDatabase("CPUUtilization"), threshold: 80 },
		),
		create(
			"database-connections",
			"Far more sessions are open than one loader and some analysts need, and the database will soon take no more. Look in pg_stat_activity whose they are; have them use a pool, or raise the setting databaseClass.",
			// The smallest class, of 1 GB, takes a hundred or less.
			// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections
			{ ...ofDatabase("DatabaseConnections"), threshold: 60 },
		),
	];
}

/**
 * No run has succeeded for so many days: none in each of the hours that make them up.
 *
 * Hours, since of two nightly runs the second may end later after midnight than the first: in windows of a day, one would
 * at times be empty. For that there are some hours more, where CloudWatch's seven days leave room for them.
 * A night without a success has no data, so FILL says zero; left missing, CloudWatch would judge by older data first.
 * A new stack has had no success either, so the alarm waits for its first night; all the time, since with FILL there is
 * always enough data. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-warm-up.html
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 */
export function silence(days: number, stateMachineArn: pulumi.Input<string>): Partial<aws.cloudwatch.MetricAlarmArgs> {
	// The schedule's window of a quarter of an hour, and six hours for a run that had to wait; a longer one is worth a look.
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
		evaluationPeriods: Math.min(hours, LONGEST_LOOK),
		treatMissingData: "breaching",
		warmUpConfiguration: {
			warmUpPeriodDurationInMinutes: Math.min(hours, LONGEST_WARM_UP) * 60,
			onlyStartEvaluatingAfterWarmUpPeriodEnds: true,
		},
	};
}
