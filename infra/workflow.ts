/** The workflow: extract, load, tell; what fails is tried again, fetched again or told. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { FailureName } from "../handlers/common/failure";
import type { Settings } from "./config";
import { createLogGroup } from "./log-group";
import { createRole } from "./role";
import { MESSAGE_ACTIONS, mayUseKey } from "./storage";

/** ARNs of what the workflow calls. */
export interface WorkflowTargets {
	extract: string;
	load: string;
	notify: string;
	topic: string;
}

/** Longest a function may take, in seconds: AWS's own limit, which extract and load are given. */
export const TASK_SECONDS = 900;
export const NOTIFY_SECONDS = 60;

/** Lambda's own errors, which pass by themselves. https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html */
const OF_LAMBDA = [
	retry(
		[
			"Lambda.ClientExecutionTimeoutException",
			"Lambda.ServiceException",
			"Lambda.AWSLambdaException",
			"Lambda.SdkClientException",
			"Lambda.TooManyRequestsException",
		],
		{ seconds: 2, attempts: 4 },
	),
	// A function that idled for weeks in a VPC is inactive at first, for some minutes.
	wait(["Lambda.ResourceNotReadyException", "Lambda.ENINotReadyException"], { seconds: 80, attempts: 4 }),
];

/** What each function is tried again at: what passes by itself within minutes. */
const RETRY = {
	extract: [
		...OF_LAMBDA,
		retry(named("SecretUnavailable", "StorageUnavailable"), { seconds: 20, attempts: 4 }),
		// Extract has asked five times by then.
		retry(named("SourceUnavailable", "SourceThrottled", "SourceChanged"), { seconds: 60, attempts: 4 }),
	],
	load: [
		...OF_LAMBDA,
		retry(named("SecretUnavailable", "StorageUnavailable", "DatabaseUnavailable"), { seconds: 20, attempts: 4 }),
		// Until the other run's load must have ended.
		wait(named("RunInProgress"), { seconds: 310, attempts: 3 }),
	],
	notify: OF_LAMBDA,
	publish: [retry(["States.TaskFailed", "States.Timeout"], { seconds: 5, attempts: 3 })],
};

/**
 * More than all tasks of the longest way take together if each is tried as often as may be, and less than a day: a run is
 * over before the next begins.
 */
const RUN_SECONDS = 20 * 3600;

/** What load finds wrong with raw files: one more fetch may help. */
const DAMAGE = named("SourceIncomplete", "PageDamaged", "ManifestInvalid");

const EVERYTHING = ["States.ALL"];

function named(...names: FailureName[]): string[] {
	return names;
}

interface Patience {
	/** Before the first time. */
	seconds: number;
	/** Beside the call that failed. */
	attempts: number;
}

/** Tries again after twice as long each time, at a moment by chance, so that those who failed together do not come back so. */
function retry(errors: string[], { seconds, attempts }: Patience) {
	return {
		ErrorEquals: errors,
		IntervalSeconds: seconds,
		MaxAttempts: attempts,
		BackoffRate: 2,
		MaxDelaySeconds: 300,
		JitterStrategy: "FULL",
	};
}

/** Tries again at regular moments for something that takes a known time; with jitter it would wait half as long on average. */
function wait(errors: string[], { seconds, attempts }: Patience) {
	return {
		ErrorEquals: errors,
		IntervalSeconds: seconds,
		MaxAttempts: attempts,
		BackoffRate: 1,
		JitterStrategy: "NONE",
	};
}

/**
 * The state machine's definition, in JSONPath.
 *
 * Functions are called by their plain ARN, so that a state's input is the function's and its result the state's.
 */
export function defineWorkflow(targets: WorkflowTargets) {
	const task = (name: "extract" | "load" | "notify", seconds: number, parameters: object) => ({
		Type: "Task",
		Resource: targets[name],
		Parameters: parameters,
		TimeoutSeconds: seconds + 30,
		Retry: RETRY[name],
	});
	const extract = (refetch: object) =>
		task("extract", TASK_SECONDS, {
			"runId.$": "$.runId",
			"dataset.$": "$.input.dataset",
			secrets: { "pipeline.$": "$.input.secrets.pipeline", "source.$": "$.input.secrets.source" },
			...refetch,
		});
	const load = (runId: string, manifestKey: string) =>
		task("load", TASK_SECONDS, {
			"runId.$": runId,
			"dataset.$": "$.input.dataset",
			"manifestKey.$": manifestKey,
			secrets: { "pipeline.$": "$.input.secrets.pipeline", "database.$": "$.input.secrets.database" },
			"reload.$": "$.input.reload",
			"accept.$": "$.input.accept",
		});
	const loadExtracted = load("$.runId", "$.extract.manifestKey");
	/** Goes on while there is a manifest left to replay. */
	const another = { Variable: "$.replay.next", NumericLessThanPath: "$.replay.count", Next: "Replay" };
	const notify = (more: object) =>
		task("notify", NOTIFY_SECONDS, {
			"runId.$": "$.runId",
			"dataset.$": "$.input.dataset",
			"execution.$": "$.execution",
			"startedAt.$": "$.startedAt",
			"extract.$": "$.extract",
			"load.$": "$.load",
			...more,
		});
	const publish = (subject: string, message: string) => ({
		Type: "Task",
		Resource: "arn:aws:states:::sns:publish",
		Parameters: { TopicArn: targets.topic, Subject: subject, "Message.$": message },
		TimeoutSeconds: NOTIFY_SECONDS,
		Retry: RETRY.publish,
	});
	const tellFailure = { ErrorEquals: EVERYTHING, ResultPath: "$.error", Next: "Notify failure" };

	return {
		Comment: "Brings the database to the latest snapshot of the register, and tells people",
		StartAt: "Defaults",
		TimeoutSeconds: RUN_SECONDS,
		States: {
			Defaults: {
				Type: "Pass",
				Parameters: { "given.$": "$", defaults: { refetch: false, reload: false, accept: [], replay: [] } },
				Next: "Begin",
			},
			Begin: {
				Type: "Pass",
				Parameters: {
					"runId.$": "$$.Execution.Name",
					"execution.$": "$$.Execution.Id",
					"startedAt.$": "$$.Execution.StartTime",
					"input.$": "States.JsonMerge($.defaults, $.given, false)",
					extract: null,
					load: null,
				},
				Next: "Count replays",
			},
			"Count replays": {
				Type: "Pass",
				Parameters: { "count.$": "States.ArrayLength($.input.replay)", next: 0 },
				ResultPath: "$.replay",
				Next: "Fetch or replay",
			},
			"Fetch or replay": { Type: "Choice", Choices: [another], Default: "Extract" },
			Extract: {
				...extract({ "refetch.$": "$.input.refetch" }),
				ResultPath: "$.extract",
				Catch: [tellFailure],
				Next: "Load",
			},
			Load: {
				...loadExtracted,
				ResultPath: "$.load",
				Catch: [{ ErrorEquals: DAMAGE, ResultPath: "$.damage", Next: "Extract again" }, tellFailure],
				Next: "Notify success",
			},
			"Extract again": {
				...extract({ refetch: true }),
				ResultPath: "$.extract",
				Catch: [tellFailure],
				Next: "Load again",
			},
			"Load again": { ...loadExtracted, ResultPath: "$.load", Catch: [tellFailure], Next: "Notify success" },
			// Past snapshots from their manifests, one after the other; each load is a run of its own.
			Replay: {
				...load("States.Format('{}-{}', $.runId, $.replay.next)", "States.ArrayGetItem($.input.replay, $.replay.next)"),
				ResultPath: "$.load",
				Catch: [tellFailure],
				Next: "Replayed",
			},
			Replayed: {
				Type: "Pass",
				Parameters: { "count.$": "$.replay.count", "next.$": "States.MathAdd($.replay.next, 1)" },
				ResultPath: "$.replay",
				Next: "Replay another",
			},
			"Replay another": { Type: "Choice", Choices: [another], Default: "Notify success" },
			"Notify success": {
				...notify({}),
				ResultPath: "$.notified",
				Catch: [{ ErrorEquals: EVERYTHING, ResultPath: "$.notifyError", Next: "Publish success" }],
				Next: "Done",
			},
			// A success that can't be told is still one.
			"Publish success": {
				...publish("EV registrations: a run succeeded", "States.JsonToString($.load)"),
				ResultPath: "$.notified",
				Catch: [{ ErrorEquals: EVERYTHING, ResultPath: "$.notifyError", Next: "Done" }],
				Next: "Done",
			},
			Done: {
				Type: "Pass",
				Parameters: { "runId.$": "$.runId", "extract.$": "$.extract", "load.$": "$.load" },
				End: true,
			},
			"Notify failure": {
				...notify({ "error.$": "$.error" }),
				ResultPath: "$.notified",
				Catch: [{ ErrorEquals: EVERYTHING, ResultPath: "$.notifyError", Next: "Publish failure" }],
				Next: "Failed",
			},
			"Publish failure": {
				...publish("EV registrations: a run FAILED", "States.JsonToString($.error)"),
				ResultPath: "$.notified",
				Catch: [{ ErrorEquals: EVERYTHING, ResultPath: "$.notifyError", Next: "Failed" }],
				Next: "Failed",
			},
			Failed: { Type: "Fail", ErrorPath: "$.error.Error", CausePath: "$.error.Cause" },
		},
	};
}

/**
 * The state machine, with a role that may invoke its functions and publish to its topic.
 * @param dependsOn what must have happened before new code may run
 */
export function createWorkflow(
	settings: Settings,
	key: aws.kms.Key,
	functions: Record<"extract" | "load" | "notify", aws.lambda.Function>,
	topic: aws.sns.Topic,
	dependsOn: pulumi.Resource[],
): aws.sfn.StateMachine {
	const { extract, load, notify } = functions;
	// Step Functions appends to the account's resource policy unless the name begins so.
	const log = createLogGroup("workflow", settings, key, {
		namePrefix: "/aws/vendedlogs/states/ev-registrations-",
	});
	const role = createRole("workflow", "states.amazonaws.com", [
		// Any version: an execution that began before a deployment goes on with those it began with.
		{
			actions: ["lambda:InvokeFunction"],
			resources: [extract, load, notify].map((called) => pulumi.interpolate`${called.arn}:*`),
		},
		{ actions: ["sns:Publish"], resources: [topic.arn] },
		mayUseKey(key, "sns", MESSAGE_ACTIONS),
		// Log delivery knows no resources. https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
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
		{ actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources: ["*"] },
	]);
	return new aws.sfn.StateMachine(
		"workflow",
		{
			roleArn: role.arn,
			definition: pulumi
				.all([extract.qualifiedArn, load.qualifiedArn, notify.qualifiedArn, topic.arn])
				.apply(([extract, load, notify, topic]) => JSON.stringify(defineWorkflow({ extract, load, notify, topic }))),
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
