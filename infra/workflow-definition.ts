/** The workflow's definition: extract, load, notify, with the errors at which each step is retried. No resources. */

import type { FailureName } from "../handlers/common/failure";

/** ARNs of what the workflow calls. */
export interface WorkflowTargets {
	extract: string;
	load: string;
	notify: string;
	topic: string;
}

/** Timeout of extract and load, in seconds: the longest that Lambda allows. */
export const TASK_SECONDS = 900;
/** Timeout of notify, in seconds. */
export const NOTIFY_SECONDS = 60;

/**
 * Timeout of a run, in seconds: more than all steps of the longest path take if each is retried as often as possible, and
 * less than a day, so that a nightly run ends before the next one starts.
 */
const RUN_SECONDS = 20 * 3600;

/** Transient errors of Lambda itself. https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html */
const LAMBDA_RETRIES = [
	retryWithBackoff(
		[
			"Lambda.ClientExecutionTimeoutException",
			"Lambda.ServiceException",
			"Lambda.AWSLambdaException",
			"Lambda.SdkClientException",
			"Lambda.TooManyRequestsException",
		],
		{ seconds: 2, attempts: 4 },
	),
	// Lambda needs minutes to reactivate a function in a VPC that was idle for weeks.
	retryAtIntervals(["Lambda.ResourceNotReadyException", "Lambda.ENINotReadyException"], { seconds: 80, attempts: 4 }),
];

/** The errors at which each step is retried: those that are likely to be over within minutes. */
const RETRY = {
	extract: [
		...LAMBDA_RETRIES,
		retryWithBackoff(failures("SecretUnavailable", "StorageUnavailable"), { seconds: 20, attempts: 4 }),
		// Extract has already tried each request five times.
		retryWithBackoff(failures("SourceUnavailable", "SourceThrottled", "SourceChanged"), { seconds: 60, attempts: 4 }),
	],
	load: [
		...LAMBDA_RETRIES,
		retryWithBackoff(failures("SecretUnavailable", "StorageUnavailable", "DatabaseUnavailable"), {
			seconds: 20,
			attempts: 4,
		}),
		// Three waits are longer than the other run's load can take.
		retryAtIntervals(failures("RunInProgress"), { seconds: 310, attempts: 3 }),
	],
	notify: LAMBDA_RETRIES,
	publish: [retryWithBackoff(["States.TaskFailed", "States.Timeout"], { seconds: 5, attempts: 3 })],
};

/** Errors of load in the raw files, which fetching them again may repair. */
const RAW_DATA_DAMAGED = failures("SourceIncomplete", "PageDamaged", "ManifestInvalid");

const ANY_ERROR = ["States.ALL"];

interface Retry {
	/** Before the first retry. */
	seconds: number;
	/** Retries, not counting the first attempt. */
	attempts: number;
}

function failures(...names: FailureName[]): string[] {
	return names;
}

/** Retries after intervals that double, with full jitter, so that runs which failed together do not retry together. */
function retryWithBackoff(errors: string[], { seconds, attempts }: Retry) {
	return {
		ErrorEquals: errors,
		IntervalSeconds: seconds,
		MaxAttempts: attempts,
		BackoffRate: 2,
		MaxDelaySeconds: 300,
		JitterStrategy: "FULL",
	};
}

/** Retries at equal intervals, for a cause that lasts a known time. Jitter would halve the average wait. */
function retryAtIntervals(errors: string[], { seconds, attempts }: Retry) {
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
 *     Begin ─▶ Extract ─▶ Load ─▶ Notify success ─▶ Done
 *                 ▲         └─ raw files damaged: Extract again ─▶ Load again
 *                 └ or Replay, for each manifest in the input
 *     any error ─▶ Notify failure ─▶ Failed
 */
export function defineWorkflow(targets: WorkflowTargets) {
	const { extract, load, notify, publish } = defineTasks(targets);
	const loadExtracted = load("$.runId", "$.extract.manifestKey");
	const catchFailure = { ErrorEquals: ANY_ERROR, ResultPath: "$.error", Next: "Notify failure" };
	const nextReplay = { Variable: "$.replay.next", NumericLessThanPath: "$.replay.count", Next: "Replay" };

	return {
		Comment: "Loads the latest snapshot of the register into the database and reports the outcome",
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
			"Fetch or replay": { Type: "Choice", Choices: [nextReplay], Default: "Extract" },
			Extract: {
				...extract({ "refetch.$": "$.input.refetch" }),
				ResultPath: "$.extract",
				Catch: [catchFailure],
				Next: "Load",
			},
			Load: {
				...loadExtracted,
				ResultPath: "$.load",
				Catch: [{ ErrorEquals: RAW_DATA_DAMAGED, ResultPath: "$.damage", Next: "Extract again" }, catchFailure],
				Next: "Notify success",
			},
			"Extract again": {
				...extract({ refetch: true }),
				ResultPath: "$.extract",
				Catch: [catchFailure],
				Next: "Load again",
			},
			"Load again": { ...loadExtracted, ResultPath: "$.load", Catch: [catchFailure], Next: "Notify success" },
			// Loads past snapshots from their manifests, in order. Each load has a run id of its own.
			Replay: {
				...load("States.Format('{}-{}', $.runId, $.replay.next)", "States.ArrayGetItem($.input.replay, $.replay.next)"),
				ResultPath: "$.load",
				Catch: [catchFailure],
				Next: "Replayed",
			},
			Replayed: {
				Type: "Pass",
				Parameters: { "count.$": "$.replay.count", "next.$": "States.MathAdd($.replay.next, 1)" },
				ResultPath: "$.replay",
				Next: "Replay another",
			},
			"Replay another": { Type: "Choice", Choices: [nextReplay], Default: "Notify success" },
			"Notify success": {
				...notify({}),
				ResultPath: "$.notified",
				Catch: [{ ErrorEquals: ANY_ERROR, ResultPath: "$.notifyError", Next: "Publish success" }],
				Next: "Done",
			},
			// A run that loaded its snapshot succeeds even if no message can be sent.
			"Publish success": {
				...publish("EV registrations: a run succeeded", "States.JsonToString($.load)"),
				ResultPath: "$.notified",
				Catch: [{ ErrorEquals: ANY_ERROR, ResultPath: "$.notifyError", Next: "Done" }],
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
				Catch: [{ ErrorEquals: ANY_ERROR, ResultPath: "$.notifyError", Next: "Publish failure" }],
				Next: "Failed",
			},
			"Publish failure": {
				...publish("EV registrations: a run FAILED", "States.JsonToString($.error)"),
				ResultPath: "$.notified",
				Catch: [{ ErrorEquals: ANY_ERROR, ResultPath: "$.notifyError", Next: "Failed" }],
				Next: "Failed",
			},
			Failed: { Type: "Fail", ErrorPath: "$.error.Error", CausePath: "$.error.Cause" },
		},
	};
}

/** The tasks, without what follows them. A function's ARN as Resource makes its input the state's, and its result too. */
function defineTasks(targets: WorkflowTargets) {
	const invoke = (name: "extract" | "load" | "notify", seconds: number, parameters: object) => ({
		Type: "Task",
		Resource: targets[name],
		Parameters: parameters,
		TimeoutSeconds: seconds + 30,
		Retry: RETRY[name],
	});
	return {
		extract: (refetch: object) =>
			invoke("extract", TASK_SECONDS, {
				"runId.$": "$.runId",
				"dataset.$": "$.input.dataset",
				secrets: { "pipeline.$": "$.input.secrets.pipeline", "source.$": "$.input.secrets.source" },
				...refetch,
			}),
		load: (runId: string, manifestKey: string) =>
			invoke("load", TASK_SECONDS, {
				"runId.$": runId,
				"dataset.$": "$.input.dataset",
				"manifestKey.$": manifestKey,
				secrets: { "pipeline.$": "$.input.secrets.pipeline", "database.$": "$.input.secrets.database" },
				"reload.$": "$.input.reload",
				"accept.$": "$.input.accept",
			}),
		notify: (error: object) =>
			invoke("notify", NOTIFY_SECONDS, {
				"runId.$": "$.runId",
				"dataset.$": "$.input.dataset",
				"execution.$": "$.execution",
				"startedAt.$": "$.startedAt",
				"extract.$": "$.extract",
				"load.$": "$.load",
				...error,
			}),
		/** Publishes without notify, for when notify fails. */
		publish: (subject: string, message: string) => ({
			Type: "Task",
			Resource: "arn:aws:states:::sns:publish",
			Parameters: { TopicArn: targets.topic, Subject: subject, "Message.$": message },
			TimeoutSeconds: NOTIFY_SECONDS,
			Retry: RETRY.publish,
		}),
	};
}
