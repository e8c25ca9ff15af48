/** Logs. */

import * as aws from "@pulumi/aws";
import type { Settings } from "./config";

/** A log group that outlives nothing: declared, so that it has a retention and a key, and goes with the stack. */
export function createLogGroup(
	name: string,
	settings: Settings,
	key: aws.kms.Key,
	naming: { name?: string; namePrefix?: string } = {},
): aws.cloudwatch.LogGroup {
	return new aws.cloudwatch.LogGroup(name, { ...naming, retentionInDays: settings.logDays, kmsKeyId: key.arn });
}
