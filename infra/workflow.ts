/** The Step Functions state machine that runs the workflow. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { allowKeyUse, SNS_KEY_ACTIONS } from "./key";
import { createLogGroup } from "./log-group";
import { createRole } from "./role";
import type { Settings } from "./settings";
import { defineWorkflow, WORKFLOW_FUNCTIONS, type WorkflowFunction, type WorkflowTargets } from "./workflow-definition";

/**
 * Creates the state machine, with a role that may invoke the functions and publish to the topic.
 * @param dependsOn what must exist before new code may run
 */
export function createWorkflow(
	settings: Settings,
	key: aws.kms.Key,
	functions: Record<WorkflowFunction, aws.lambda.Function>,
	topic: aws.sns.Topic,
	dependsOn: pulumi.Resource[],
): aws.sfn.StateMachine {
	const called = WORKFLOW_FUNCTIONS.map((name) => [name, functions[name]] as const);
	// Log groups with this prefix need no statement of their own in the account's CloudWatch Logs resource policy.
	const log = createLogGroup("workflow", settings, key, {
		namePrefix: "/aws/vendedlogs/states/ev-registrations-",
	});
	const role = createRole("workflow", settings, "states.amazonaws.com", [
		// All versions: an execution that started before a deployment continues with the versions it started with.
		{
			actions: ["lambda:InvokeFunction"],
			resources: called.map(([, lambda]) => pulumi.interpolate`${lambda.arn}:*`),
		},
		{ actions: ["sns:Publish"], resources: [topic.arn] },
		allowKeyUse(key, "sns", SNS_KEY_ACTIONS),
		// Log delivery does not support resources. https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
		{
			actions: [
				"logs:CreateLogDelivery",
				"logs:GetLogDelivery",
				"logs:UpdateLogDelivery",
				"logs:DeleteLogDelivery",
				"logs:ListLogDeliveries",
				"logs:PutResourcePolicy",
				"logs:DescribeResourcePolicies",
				"logs:DescribeLogGroups",
			],
			resources: ["*"],
		},
		// https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html
		{
			actions: [
				"xray:PutTraceSegments",
				"xray:PutTelemetryRecords",
				"xray:GetSamplingRules",
				"xray:GetSamplingTargets",
			],
			resources: ["*"],
		},
	]);
	return new aws.sfn.StateMachine(
		"workflow",
		{
			roleArn: role.arn,
			definition: pulumi
				.output({
					...Object.fromEntries(called.map(([name, lambda]) => [name, lambda.qualifiedArn])),
					topic: topic.arn,
				})
				.apply((targets) => JSON.stringify(defineWorkflow(targets as WorkflowTargets))),
			loggingConfiguration: {
				level: "ALL",
				includeExecutionData: false,
				logDestination: pulumi.interpolate`${log.arn}:*`,
			},
			tracingConfiguration: { enabled: true },
		},
		{ dependsOn: [role.policy, ...dependsOn] },
	);
}
