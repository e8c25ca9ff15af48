/** The workflow's definition: its steps, and what follows each. No resources. */

import { failures, RETRY } from "./workflow-retries";

/** The functions that the workflow calls. */
export const WORKFLOW_FUNCTIONS = ["extract", "load", "export", "report", "migrate", "notify"] as const;
export type WorkflowFunction = (typeof WORKFLOW_FUNCTIONS)[number];

/** ARNs of what the workflow calls. */
export type WorkflowTargets = Record<WorkflowFunction | "topic", string>;

/** Timeout of extract and load, in seconds: the longest that Lambda allows. */
export const TASK_SECONDS = 900;
/** Timeout of export and report, in seconds. */
export const PAGE_SECONDS = 300;
/** Timeout of migrate, in seconds. */
export const MIGRATE_SECONDS = 300;
/** Timeout of notify, in seconds. */
export const NOTIFY_SECONDS = 60;

/**
 * Timeout of a run, in seconds: more than all steps of the longest path take if each is retried as often as possible, and
 * less than a day, so that a nightly run ends before the next one starts.
 */
const RUN_SECONDS = 23.5 * 3600;

/** Errors of load in the raw files, which fetching them again may repair. */
const RAW_DATA_DAMAGED = failures("SourceIncomplete", "PageDamaged", "ManifestInvalid");

const ANY_ERROR = ["States.ALL"];

/**
 * The state machine's definition, in JSONPath.
 *
 *     Begin ─▶ Extract ─▶ Load ─▶ Export ─▶ Report ─▶ Notify success ─▶ Done
 *                           └─ raw files damaged: Extract again ─▶ Load again ─▶ Export …
 *           ─▶ Prepare replay ─▶ Replay, for each run ─▶ Publish replay ─▶ Export …
 *     any error, but of Export and Report ─▶ Notify failure ─▶ Failed
 */
export function defineWorkflow(targets: WorkflowTargets) {
	const { extract, load, replay, migrate, notify, publish, ...tasks } = defineTasks(targets);
	const catchFailure = { ErrorEquals: ANY_ERROR, ResultPath: "$.error", Next: "Notify failure" };
	const goOn = (errorPath: string, next: string) => ({
		Catch: [{ ErrorEquals: ANY_ERROR, ResultPath: errorPath, Next: next }],
		Next: next,
	});

	return {
		Comment: "Loads the latest snapshot of the register into the database and reports the outcome",
		StartAt: "Defaults",
		TimeoutSeconds: RUN_SECONDS,
		States: {
			Defaults: {
				Type: "Pass",
				Parameters: { "given.$": "$", defaults: { refetch: false, reload: false, accept: [], replay: false } },
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
					export: null,
					exportError: null,
					report: null,
					reportError: null,
				},
				Next: "Fetch or replay",
			},
			"Fetch or replay": {
				Type: "Choice",
				Choices: [
					{ Variable: "$.input.replay", BooleanEquals: false, Next: "Extract" },
					{ Variable: "$.input.replay", BooleanEquals: true, Next: "Prepare replay" },
				],
				Default: "Reject input",
			},
			// A list of manifests, as this field was before, must not start a run that fetches.
			"Reject input": {
				Type: "Pass",
				Result: {
					Error: "ConfigurationInvalid",
					Cause: 'The field "replay" of the input must be true or false; start the run again with one of these.',
				},
				ResultPath: "$.error",
				Next: "Notify failure",
			},
			Extract: {
				...extract({ "refetch.$": "$.input.refetch" }),
				ResultPath: "$.extract",
				Catch: [catchFailure],
				Next: "Load",
			},
			Load: {
				...load(),
				ResultPath: "$.load",
				Catch: [{ ErrorEquals: RAW_DATA_DAMAGED, ResultPath: "$.damage", Next: "Extract again" }, catchFailure],
				Next: "Export",
			},
			"Extract again": {
				...extract({ refetch: true }),
				ResultPath: "$.extract",
				Catch: [catchFailure],
				Next: "Load again",
			},
			"Load again": { ...load(), ResultPath: "$.load", Catch: [catchFailure], Next: "Export" },
			// A loop and not a Map, which would go on with later runs after one failed.
			"Prepare replay": {
				...migrate({ action: "prepareReplay" }),
				ResultPath: "$.plan",
				Catch: [catchFailure],
				Next: "First run",
			},
			"First run": {
				Type: "Pass",
				Parameters: { "count.$": "States.ArrayLength($.plan.runs)", next: 0 },
				ResultPath: "$.position",
				Next: "Take run",
			},
			"Take run": {
				Type: "Pass",
				Parameters: {
					"run.$": "States.ArrayGetItem($.plan.runs, $.position.next)",
					"count.$": "$.position.count",
					"next.$": "States.MathAdd($.position.next, 1)",
				},
				ResultPath: "$.position",
				Next: "Replay",
			},
			Replay: { ...replay(), ResultPath: "$.load", Catch: [catchFailure], Next: "Another run" },
			"Another run": {
				Type: "Choice",
				Choices: [{ Variable: "$.position.next", NumericLessThanPath: "$.position.count", Next: "Take run" }],
				Default: "Publish replay",
			},
			"Publish replay": {
				...migrate({ action: "publishReplay", "token.$": "$.plan.token" }),
				ResultPath: "$.published",
				Catch: [catchFailure],
				Next: "Export",
			},
			// The data is published: a run whose page or files cannot be made succeeds, and its message says so.
			Export: { ...tasks.export(), ResultPath: "$.export", ...goOn("$.exportError", "Report") },
			Report: { ...tasks.report(), ResultPath: "$.report", ...goOn("$.reportError", "Notify success") },
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
				Parameters: {
					"runId.$": "$.runId",
					"extract.$": "$.extract",
					"load.$": "$.load",
					"export.$": "$.export",
					"exportError.$": "$.exportError",
					"report.$": "$.report",
					"reportError.$": "$.reportError",
				},
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
	const invoke = (name: WorkflowFunction, seconds: number, parameters: object) => ({
		Type: "Task",
		Resource: targets[name],
		Parameters: parameters,
		TimeoutSeconds: seconds + 30,
		Retry: RETRY[name],
	});
	const run = { "runId.$": "$.runId", "dataset.$": "$.input.dataset" };
	const loadSecrets = { "pipeline.$": "$.input.secrets.pipeline", "database.$": "$.input.secrets.database" };
	return {
		extract: (refetch: object) =>
			invoke("extract", TASK_SECONDS, {
				...run,
				secrets: { "pipeline.$": "$.input.secrets.pipeline", "source.$": "$.input.secrets.source" },
				...refetch,
			}),
		load: () =>
			invoke("load", TASK_SECONDS, {
				...run,
				"manifestKey.$": "$.extract.manifestKey",
				secrets: loadSecrets,
				"reload.$": "$.input.reload",
				"accept.$": "$.input.accept",
			}),
		/** Loads as an earlier run did: under its id, and with the guards that were accepted for it. */
		replay: () =>
			invoke("load", TASK_SECONDS, {
				"runId.$": "$.position.run.runId",
				"manifestKey.$": "$.position.run.manifestKey",
				"manifestSha256.$": "$.position.run.manifestSha256",
				secrets: loadSecrets,
				schema: "ev_next",
				reload: true,
				"accept.$": "$.position.run.accept",
			}),
		export: () => invoke("export", PAGE_SECONDS, run),
		report: () => invoke("report", PAGE_SECONDS, run),
		migrate: (action: object) => invoke("migrate", MIGRATE_SECONDS, { "runId.$": "$.runId", ...action }),
		notify: (error: object) =>
			invoke("notify", NOTIFY_SECONDS, {
				...run,
				"execution.$": "$.execution",
				"startedAt.$": "$.startedAt",
				"replay.$": "$.input.replay",
				"extract.$": "$.extract",
				"load.$": "$.load",
				"exportError.$": "$.exportError",
				"reportError.$": "$.reportError",
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
