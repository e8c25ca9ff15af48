/**
 * Controls on topics and queues. https://docs.aws.amazon.com/securityhub/latest/userguide/sns-controls.html
 * https://docs.aws.amazon.com/securityhub/latest/userguide/sqs-controls.html https://github.com/cdklabs/cdk-nag/blob/main/RULES.md
 */

import { control, of, partOf, set, within, without } from "./control";
import { allowed, asksForTls, isAnyone, refusingNothing, stating } from "./policies";

const topics = of("aws:sns/topic:Topic");
const topicPolicy = partOf("aws:sns/topicPolicy:TopicPolicy", "arn");
const queues = of("aws:sqs/queue:Queue");
const queuePolicy = partOf("aws:sqs/queuePolicy:QueuePolicy", "queueUrl");
const isLimited = (policy: string | undefined) =>
	allowed(policy).every((statement) => !isAnyone(statement) || statement.Condition);

export const MESSAGES = [
	control(
		"SNS.1 CKV_AWS_26",
		"is encrypted with a key of one's own",
		topics,
		({ inputs }, record) =>
			of("aws:kms/key:Key")(record).some(({ id, state }) => [id, state.arn].includes(inputs.kmsMasterKeyId)),
		set("kmsMasterKeyId", undefined),
		set("kmsMasterKeyId", "alias/aws/sns"),
	),
	control(
		"SNS.4 CKV_AWS_169",
		"is not open to the public",
		topics,
		(topic, record) => isLimited(topicPolicy(topic, record)?.inputs.policy),
		within(topicPolicy, stating({ Principal: "*", Action: "sns:Publish" })),
		within(topicPolicy, stating({ Principal: { AWS: "*" }, Action: "sns:Subscribe" })),
	),
	control(
		"AwsSolutions-SNS3",
		"takes messages over TLS alone",
		topics,
		(topic, record) => asksForTls(topicPolicy(topic, record)?.inputs.policy, ["sns:Publish"], [topic.state.arn]),
		within(topicPolicy, refusingNothing),
		without(topicPolicy),
	),
	control(
		"SQS.1 AwsSolutions-SQS2",
		"is encrypted",
		queues,
		({ inputs }) => inputs.sqsManagedSseEnabled === true || Boolean(inputs.kmsMasterKeyId),
		({ inputs }) => {
			delete inputs.sqsManagedSseEnabled;
			delete inputs.kmsMasterKeyId;
		},
	),
	control(
		"SQS.3",
		"is not open to the public",
		queues,
		(queue, record) => isLimited(queuePolicy(queue, record)?.inputs.policy),
		within(queuePolicy, stating({ Principal: "*", Action: "sqs:SendMessage" })),
	),
	control(
		"AwsSolutions-SQS4",
		"is reached over TLS alone",
		queues,
		(queue, record) => asksForTls(queuePolicy(queue, record)?.inputs.policy, ["sqs:*"], [queue.state.arn]),
		within(queuePolicy, refusingNothing),
		without(queuePolicy),
	),
];
