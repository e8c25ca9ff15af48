/** The EventBridge schedule that starts the workflow, and its dead-letter queue. */

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
 * Creates the schedule. The workflow's input holds ARNs of secrets, not their values.
 * @param dependsOn what must exist before the first run
 */
export function createSchedule(
	settings: Settings,
	{ key, secrets }: Storage,
	workflow: aws.sfn.StateMachine,
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
	new aws.scheduler.Schedule(
		"nightly",
		{
			description: "Starts a run of the EV registrations pipeline",
			scheduleExpression: settings.schedule,
			scheduleExpressionTimezone: settings.timeZone,
			kmsKeyArn: key.arn,
			flexibleTimeWindow: { mode: "FLEXIBLE", maximumWindowInMinutes: 15 },
			target: {
				arn: workflow.arn,
				roleArn: role.arn,
				input,
				retryPolicy: { maximumRetryAttempts: 5, maximumEventAgeInSeconds: 3600 },
				deadLetterConfig: { arn: undelivered.arn },
			},
		},
		{ dependsOn: [role.policy, ...dependsOn] },
	);
	const startCommand = pulumi.interpolate`aws stepfunctions start-execution --state-machine-arn ${workflow.arn} --input '${input}'`;
	return { undelivered, startCommand };
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
