/** The SNS topic that all messages go to, and its e-mail subscription. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { alarmName } from "./alarms";
import type { Settings } from "./settings";
import { tlsOnly } from "./tls-only";

/** Creates the topic. Its policy lets EventBridge and the stack's alarms publish; notify and the workflow publish by role. */
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
