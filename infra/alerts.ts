/** Who is told, and what is told of runs that can no longer tell themselves. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./config";

/** The topic that every message goes to. */
export function createTopic(settings: Settings, key: aws.kms.Key): aws.sns.Topic {
	const topic = new aws.sns.Topic("runs", { displayName: "EV registrations", kmsMasterKeyId: key.id });
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
				{
					sid: "TlsOnly",
					effect: "Deny",
					actions: ["sns:Publish"],
					resources: [topic.arn],
					principals: [{ type: "*", identifiers: ["*"] }],
					conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
				},
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
