/** The EventBridge schedules that start the workflow, and their dead-letter queue. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { createRole } from "./role";
import type { Settings } from "./settings";
import type { Storage } from "./storage";
import { tlsOnly } from "./tls-only";

export interface Schedule {
	/** The dead-letter queue: starts that failed after all retries. */
	undelivered: aws.sqs.Queue;
	/** A shell command that starts a run as the schedule does. */
	startCommand: pulumi.Output<string>;
}

/**
 * Creates the nightly schedule, and one that starts the first run soon after the stack is created, so that there is data before the
 * first night. The workflow's input holds ARNs of secrets, not their values.
 * @param migrations after which the first run may start
 * @param dependsOn what else must exist before it
 */
export function createSchedule(
	settings: Settings,
	{ key, secrets }: Storage,
	workflow: aws.sfn.StateMachine,
	migrations: aws.lambda.Invocation,
	dependsOn: pulumi.Resource[],
): Schedule {
	const undelivered = createDeadLetterQueue();
	const role = createRole("schedule", settings, "scheduler.amazonaws.com", [
		{ actions: ["states:StartExecution"], resources: [workflow.arn] },
		{ actions: ["sqs:SendMessage"], resources: [undelivered.arn] },
		// The schedule's input is encrypted. https://docs.aws.amazon.com/scheduler/latest/UserGuide/encryption-rest.html
		{ actions: ["kms:Decrypt"], resources: [key.arn] },
	]);
	const input = pulumi.jsonStringify({
		dataset: settings.dataset,
		secrets: { pipeline: secrets.pipeline.arn, source: secrets.source.arn, database: secrets.database.arn },
	});
	const target = {
		arn: workflow.arn,
		roleArn: role.arn,
		input,
		retryPolicy: { maximumRetryAttempts: 5, maximumEventAgeInSeconds: 3600 },
		deadLetterConfig: { arn: undelivered.arn },
	};
	const needed = [role.policy, migrations, ...dependsOn];
	new aws.scheduler.Schedule(
		"nightly",
		{
			description: "Starts a run of the EV registrations pipeline",
			scheduleExpression: settings.schedule,
			scheduleExpressionTimezone: settings.timeZone,
			kmsKeyArn: key.arn,
			flexibleTimeWindow: { mode: "FLEXIBLE", maximumWindowInMinutes: 15 },
			target,
		},
		{ dependsOn: needed },
	);
	new aws.scheduler.Schedule(
		"first",
		{
			description: "Starts the first run of the EV registrations pipeline",
			scheduleExpression: migrations.result.apply(() => soon()),
			kmsKeyArn: key.arn,
			flexibleTimeWindow: { mode: "OFF" },
			target,
		},
		// Once it has started its run, no update must let it start another.
		{ dependsOn: needed, ignoreChanges: ["description", "scheduleExpression", "target"] },
	);
	const startCommand = pulumi.interpolate`aws stepfunctions start-execution --state-machine-arn ${workflow.arn} --input '${input}'`;
	return { undelivered, startCommand };
}

/** From now until the first run, in minutes: time enough for what is still to be created. */
const FIRST_RUN_MINUTES = 10;

/** A one-time schedule, in UTC. https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#one-time */
function soon(): string {
	const time = new Date(Date.now() + FIRST_RUN_MINUTES * 60_000).toISOString();
	return `at(${time.slice(0, "yyyy-mm-ddThh:mm:ss".length)})`;
}

/** Creates a queue that keeps messages for 14 days, the longest that SQS allows, and requires TLS. */
function createDeadLetterQueue(): aws.sqs.Queue {
	const queue = new aws.sqs.Queue("undelivered", {
		sqsManagedSseEnabled: true,
		messageRetentionSeconds: 14 * 24 * 3600,
	});
	const rules = pulumi.interpolate`arn:aws:events:${aws.getRegionOutput().region}:${aws.getCallerIdentityOutput().accountId}:rule/ev-registrations-${pulumi.getStack()}-lost-runs-*`;
	new aws.sqs.QueuePolicy("undelivered", {
		queueUrl: queue.id,
		policy: aws.iam.getPolicyDocumentOutput({
			statements: [
				// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
				{
					sid: "Rule",
					actions: ["sqs:SendMessage"],
					resources: [queue.arn],
					principals: [{ type: "Service", identifiers: ["events.amazonaws.com"] }],
					conditions: [{ test: "ArnLike", variable: "aws:SourceArn", values: [rules] }],
				},
				tlsOnly(["sqs:*"], [queue.arn]),
			],
		}).json,
	});
	return queue;
}
