/** Runs the workflow's definition with fake functions, whose answers the test sets. */

import type { FailureName } from "../../handlers/common/failure";
import { defineWorkflow, type WorkflowFunction } from "../../infra/workflow-definition";
import { runWorkflow } from "../../local/aws/step-functions";

const arn = (name: string) => `arn:aws:lambda:ap-northeast-1:000000000000:function:${name}-1234567`;
export const targets = {
	extract: arn("extract"),
	load: arn("load"),
	export: arn("export"),
	report: arn("report"),
	migrate: arn("migrate"),
	notify: arn("notify"),
	topic: "arn:aws:sns:ap-northeast-1:000000000000:runs",
};
export const workflow = defineWorkflow(targets);
export const definition = JSON.stringify(workflow);
export const PUBLISH = "arn:aws:states:::sns:publish";
const nameOf: Record<string, string> = {
	[targets.extract]: "extract",
	[targets.load]: "load",
	[targets.export]: "export",
	[targets.report]: "report",
	[targets.migrate]: "migrate",
	[targets.notify]: "notify",
	[PUBLISH]: "publish",
};
const secrets = { pipeline: "arn:pipeline", source: "arn:source", database: "arn:database" };
export const scheduled = { dataset: "f6w7-q2d2", secrets };
export const execution = "arn:aws:states:ap-northeast-1:000000000000:execution:workflow:run-1";
export const extracted = { manifestKey: "raw/f6w7-q2d2/1/csv/first.json", fetched: true, rows: 3 };
export const refetched = { ...extracted, manifestKey: "raw/f6w7-q2d2/1/csv/second.json" };
export const exported = { made: true, files: 6, bytes: 12_345_678, seconds: 1 };
export const reported = { made: true, bytes: 444_849, seconds: 1, snapshotAt: "2024-10-12T00:00:00.000Z" };
export const loaded = { status: "loaded", rows: 3, notes: [] };

const replayed = (runId: string, ...accept: string[]) => ({
	runId,
	manifestKey: `raw/f6w7-q2d2/1/csv/${runId}/manifest.json`,
	manifestSha256: runId === "oldest" ? null : runId.repeat(8),
	accept,
});
export const plan = { runs: [replayed("oldest"), replayed("second", "SuspiciousShrink")], token: "two snapshots" };

/** Each function's answers to its calls, in order; the last one repeats. Errors are thrown, functions are called. */
export type Answers = Record<WorkflowFunction | "publish", unknown[]>;
export const good: Answers = {
	extract: [extracted],
	load: [loaded],
	export: [exported],
	report: [reported],
	migrate: [plan, {}],
	notify: [{ published: true }],
	publish: [{}],
};
export const error = (name: FailureName | (string & {}), message = `${name} it was`) =>
	Object.assign(new Error(message), { name });
/** An error as a Lambda task hands it to a Catch. */
export const caught = (name: string, message = `${name} it was`) => ({
	Error: name,
	Cause: JSON.stringify({ errorType: name, errorMessage: message }),
});

/**
 * Runs the workflow with fake functions.
 * @returns the outcome, the task states in the order they started, the functions in the order they were called, and the
 * parameters that each got
 */
export async function run(answers: Partial<Answers> = {}, input: object = scheduled, defined = definition) {
	const states: string[] = [];
	const calls: { name: string; given: Record<string, unknown> }[] = [];
	const left = Object.fromEntries(
		Object.entries({ ...good, ...answers }).map(([name, list]) => [name, [...list]]),
	) as Answers;
	const call = async (resource: string, parameters: unknown) => {
		const name = nameOf[resource] as keyof Answers;
		calls.push({ name, given: parameters as Record<string, unknown> });
		const answer = left[name].length > 1 ? left[name].shift() : left[name][0];
		if (answer instanceof Error) throw answer;
		return typeof answer === "function" ? await answer(parameters) : answer;
	};
	const watcher = { started: (state: string) => states.push(state), finished() {}, failed() {} };
	const outcome = await runWorkflow(defined, { name: "run-1", arn: execution, input }, call, watcher, 1);
	const given = (name: keyof Answers) => calls.filter((one) => one.name === name).map((one) => one.given);
	return { outcome, states, order: calls.map(({ name }) => name), given };
}
