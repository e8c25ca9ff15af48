/** Controls on secrets, keys, logs and alarms. https://docs.aws.amazon.com/securityhub/latest/userguide/secretsmanager-controls.html */

import type { ProgramRecord } from "../../../local/program/record";
import { control, of, partOf, set, within, without } from "./control";
import { allowed, isAnyone, stating } from "./policies";

const secrets = of("aws:secretsmanager/secret:Secret");
const rotation = partOf("aws:secretsmanager/secretRotation:SecretRotation", "secretId");
const keys = of("aws:kms/key:Key");
const logs = of("aws:cloudwatch/logGroup:LogGroup");
const alarms = of("aws:cloudwatch/metricAlarm:MetricAlarm");
const isOwn = (arn: string | undefined, record: ProgramRecord) => keys(record).some(({ state }) => state.arn === arn);

const YEAR = 365;

export const SECRETS = [
	control(
		"SecretsManager.1 CKV2_AWS_57 SecretsManager.4 CKV_AWS_304",
		"is rotated every 90 days at least",
		secrets,
		(secret, record) => {
			const { rotationLambdaArn, rotationRules } = rotation(secret, record)?.inputs ?? {};
			return Boolean(rotationLambdaArn) && rotationRules.automaticallyAfterDays <= 90;
		},
		without(rotation),
		within(rotation, set("rotationLambdaArn", undefined)),
		within(rotation, set("rotationRules.automaticallyAfterDays", 91)),
	),
	control(
		"CKV_AWS_149",
		"is encrypted with a key of one's own",
		secrets,
		({ inputs }, record) => isOwn(inputs.kmsKeyId, record),
		set("kmsKeyId", undefined),
		set("kmsKeyId", "alias/aws/secretsmanager"),
	),
];

/** https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html */
export const KEYS = [
	control(
		"KMS.4 CKV_AWS_7",
		"is replaced every year",
		keys,
		({ inputs }) => inputs.enableKeyRotation === true,
		set("enableKeyRotation", false),
		set("enableKeyRotation", undefined),
	),
	control(
		"KMS.5 CKV_AWS_33",
		"is no one's but those its policy names",
		keys,
		({ inputs }) => !allowed(inputs.policy).some(isAnyone),
		stating({ Principal: "*", Action: "kms:Decrypt" }),
		stating({ Principal: { AWS: ["*"] }, Action: "kms:*" }),
	),
	control(
		"CKV2_AWS_64",
		"has a policy of its own",
		keys,
		({ inputs }) => allowed(inputs.policy).length > 0,
		set("policy", undefined),
	),
];

export const LOGS = [
	control(
		"CKV_AWS_66",
		"is forgotten after a time",
		logs,
		({ inputs }) => inputs.retentionInDays > 0,
		set("retentionInDays", undefined),
		set("retentionInDays", 0),
	),
	control(
		"CKV_AWS_338",
		"is kept for a year",
		logs,
		({ inputs }) => inputs.retentionInDays >= YEAR,
		set("retentionInDays", 180),
	),
	control(
		"CKV_AWS_158",
		"is encrypted with a key of one's own",
		logs,
		({ inputs }, record) => isOwn(inputs.kmsKeyId, record),
		set("kmsKeyId", undefined),
	),
	control(
		"CKV_AWS_319",
		"tells somebody when it rings",
		alarms,
		({ inputs }, record) =>
			inputs.actionsEnabled !== false &&
			of("aws:sns/topic:Topic")(record).some(({ state }) => inputs.alarmActions?.includes(state.arn)),
		set("actionsEnabled", false),
		set("alarmActions", []),
	),
];
