/** What starts the workflow, and keeps what could not be started. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./config";
import { createRole } from "./role";
import { tlsOnly } from "./tls-only";

/**
 * Starts the workflow on schedule with its input: references to secrets, never secrets.
 * @returns the queue that keeps what could not be started
 */
export function createSchedule(
	settings: Settings,
	key: aws.kms.Key,
	workflow: aws.sfn.StateMachine,
	secrets: { pipeline: pulumi.Output<string>; source: pulumi.Output<string>; database: pulumi.Output<string> },
	dependsOn: pulumi.Resource[],
): { undelivered: aws.sqs.Queue } {
	const undelivered = createQueue();
	const role = createRole("schedule", "scheduler.amazonaws.com", [
		{ actions: ["states:StartExecution"], resources: [workflow.arn] },
		{ actions: ["sqs:SendMessage"], resources: [undelivered.arn] },
		// Its input is encrypted. https://docs.aws.amazon.com/scheduler/latest/UserGuide/encryption-rest.html
		{ actions: ["kms:Decrypt"], resources: [key.arn] },
	]);
	new aws.scheduler.Schedule(
		"nightly",
		{
			description: "Looks for a new snapshot of the register",
			scheduleExpression: settings.schedule,
			scheduleExpressionTimezone: settings.timeZone,
			kmsKeyArn: key.arn,
			flexibleTimeWindow: { mode: "FLEXIBLE", maximumWindowInMinutes: 15 },
			target: {
				arn: workflow.arn,
				roleArn: role.arn,
				input: pulumi.jsonStringify({ dataset: settings.dataset, secrets }),
				retryPolicy: { maximumRetryAttempts: 5, maximumEventAgeInSeconds: 3600 },
				deadLetterConfig: { arn: undelivered.arn },
			},
		},
		{ dependsOn: [role.policy, ...dependsOn] },
	);
	return { undelivered };
}

/** Keeps messages for as long as SQS does, and takes them over TLS alone. */
function createQueue(): aws.sqs.Queue {
	const queue = new aws.sqs.Queue("undelivered", {
		sqsManagedSseEnabled: true,
		messageRetentionSeconds: 14 * 24 * 3600,
	});
	new aws.sqs.QueuePolicy("undelivered", {
		queueUrl: queue.id,
		policy: aws.iam.getPolicyDocumentOutput({
			statements: [tlsOnly(["sqs:*"], [queue.arn])],
		}).json,
	});
	return queue;
}
