/** Notification of runs that ended without one of their own. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/**
 * Notifies the topic of executions that timed out, were aborted, or failed in the workflow itself, which no Catch handles.
 * All other failures reach the workflow's own notification.
 * https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
 * @param undelivered takes the events that could not be published; its alarm tells people of them
 */
export function notifyOnLostRuns(
	workflow: aws.sfn.StateMachine,
	topic: aws.sns.Topic,
	undelivered: aws.sqs.Queue,
): void {
	const rule = new aws.cloudwatch.EventRule("lost-runs", {
		description: "Runs of the EV registrations pipeline that timed out, were stopped, or failed in the workflow itself",
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
		deadLetterConfig: { arn: undelivered.arn },
		inputTransformer: {
			inputPaths: { run: "$.detail.name", status: "$.detail.status", execution: "$.detail.executionArn" },
			inputTemplate:
				'"The run <run> ended with the status <status>, without a message of its own. The database holds either the previous snapshot or the new one, never a mixture. <execution>"',
		},
	});
}
