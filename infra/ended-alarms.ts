/** Notification of alarms that ended. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/**
 * Notifies the topic when an alarm that fired is over. An alarm's own OK action would run for a new one, too, when it gets its first
 * data: a mail for each alarm after the first deployment, that nothing is wrong.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
 */
export function notifyOnEndedAlarms(alarms: aws.cloudwatch.MetricAlarm[], topic: aws.sns.Topic): void {
	const rule = new aws.cloudwatch.EventRule("ended-alarms", {
		description: "Alarms of the EV registrations pipeline that fired and are over",
		eventPattern: pulumi.jsonStringify({
			source: ["aws.cloudwatch"],
			"detail-type": ["CloudWatch Alarm State Change"],
			resources: alarms.map(({ arn }) => arn),
			detail: { state: { value: ["OK"] }, previousState: { value: ["ALARM"] } },
		}),
	});
	new aws.cloudwatch.EventTarget("ended-alarms", {
		rule: rule.name,
		arn: topic.arn,
		inputTransformer: {
			inputPaths: { alarm: "$.detail.alarmName", at: "$.detail.state.timestamp" },
			inputTemplate: '"The alarm <alarm> is over since <at>."',
		},
	});
}
