/**
 * Controls on the workflow and what starts it. https://docs.aws.amazon.com/securityhub/latest/userguide/stepfunctions-controls.html
 * https://github.com/cdklabs/cdk-nag/blob/main/RULES.md
 */

import { control, of, set } from "./control";

const machines = of("aws:sfn/stateMachine:StateMachine");

export const WORKFLOW = [
	control(
		"StepFunctions.1 AwsSolutions-SF1",
		"logs every event",
		machines,
		({ inputs }) => inputs.loggingConfiguration?.level === "ALL" && Boolean(inputs.loggingConfiguration.logDestination),
		set("loggingConfiguration.level", "OFF"),
		set("loggingConfiguration.level", "ERROR"),
		set("loggingConfiguration", undefined),
		set("loggingConfiguration.logDestination", undefined),
	),
	{
		...control(
			"CKV_AWS_285",
			"logs what passes through it",
			machines,
			({ inputs }) => inputs.loggingConfiguration?.includeExecutionData,
			set("loggingConfiguration.includeExecutionData", false),
		),
		mend: set("loggingConfiguration.includeExecutionData", true),
	},
	control(
		"AwsSolutions-SF2 CKV_AWS_284",
		"is traced",
		machines,
		({ inputs }) => inputs.tracingConfiguration?.enabled === true,
		set("tracingConfiguration.enabled", false),
		set("tracingConfiguration", undefined),
	),
	control(
		"CKV_AWS_297",
		"is encrypted with a key of one's own",
		of("aws:scheduler/schedule:Schedule"),
		({ inputs }, record) => of("aws:kms/key:Key")(record).some(({ state }) => state.arn === inputs.kmsKeyArn),
		set("kmsKeyArn", undefined),
	),
];
