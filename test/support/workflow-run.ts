/** Runs the deployed workflow definition with the real notify function, and checks the messages that it publishes. */

import { expect } from "chai";
import type { ExtractResult, LoadEvent, LoadResult, NotifyEvent } from "../../handlers/common/contract";
import { notifyHandler } from "../../handlers/notify";
import { defineWorkflow } from "../../infra/workflow-definition";
import type { Aws, Notification } from "../../local/aws/services";
import { type Outcome, runWorkflow } from "../../local/aws/step-functions";
import { silently } from "./output";

const TARGETS = {
	extract: "arn:aws:lambda:ap-northeast-1:000000000000:function:extract",
	load: "arn:aws:lambda:ap-northeast-1:000000000000:function:load",
	export: "arn:aws:lambda:ap-northeast-1:000000000000:function:export",
	report: "arn:aws:lambda:ap-northeast-1:000000000000:function:report",
	migrate: "arn:aws:lambda:ap-northeast-1:000000000000:function:migrate",
	notify: "arn:aws:lambda:ap-northeast-1:000000000000:function:notify",
	topic: "arn:aws:sns:ap-northeast-1:000000000000:runs",
};
const DEFINITION = JSON.stringify(defineWorkflow(TARGETS));
const EXECUTION = "arn:aws:states:ap-northeast-1:000000000000:execution:workflow";

export interface WorkflowRun {
	outcome: Outcome;
	/** Messages published to the SNS topic. */
	notifications: Notification[];
}

/**
 * Runs the workflow once, with short pauses before retries.
 * @param extracted what extract returns
 * @param load stands in for the load function; gets the event that the workflow passes to it
 */
export async function runDeployedWorkflow(
	aws: Aws,
	runId: string,
	extracted: ExtractResult,
	load: (event: LoadEvent) => Promise<LoadResult>,
): Promise<WorkflowRun> {
	const takeNotifications = aws.createTopic(TARGETS.topic);
	process.env.TOPIC_ARN = TARGETS.topic;
	const notify = notifyHandler({ notifyWhenUnchanged: false });
	const call = async (resource: string, parameters: unknown) => {
		if (resource === TARGETS.extract) return extracted;
		if (resource === TARGETS.load) return await load(parameters as LoadEvent);
		if (resource === TARGETS.export || resource === TARGETS.report) return { made: false };
		if (resource === TARGETS.notify) return await silently(() => notify(parameters as NotifyEvent));
		throw new Error(`The workflow calls ${resource}, which this test does not provide.`);
	};
	const secrets = { pipeline: "arn:pipeline", source: "arn:source", database: "arn:database" };
	const execution = { name: runId, arn: `${EXECUTION}:${runId}`, input: { dataset: "f6w7-q2d2", secrets } };
	const watcher = { started() {}, finished() {}, failed() {} };
	const outcome = await runWorkflow(DEFINITION, execution, call, watcher, 1);
	return { outcome, notifications: takeNotifications() };
}

/** Expects that the run ended with the load's error and published one message that names it. */
export function expectFailureNotified({ outcome, notifications }: WorkflowRun, error: Error): void {
	expect(outcome).to.have.property("error", error.name);
	expect(notifications.map(({ subject }) => subject)).to.deep.equal([
		`EV registrations f6w7-q2d2: FAILED, ${error.name}`,
	]);
	expect(notifications[0]!.message)
		.to.include(`${error.name}: ${error.message}`)
		.and.include("holds the last published snapshot");
}

/** Expects that the run loaded and published one message with what changed. */
export function expectSuccessNotified({ outcome, notifications }: WorkflowRun): void {
	const { load } = (outcome as { output?: { load?: LoadResult } }).output ?? {};
	expect(load, JSON.stringify(outcome)).to.have.property("status", "loaded");
	const [added, removed, rows] = [load!.added, load!.removed, load!.rows].map((count) =>
		count!.toLocaleString("en-US"),
	);
	expect(notifications.map(({ subject }) => subject)).to.deep.equal([
		`EV registrations f6w7-q2d2: ${added} added, ${removed} removed`,
	]);
	expect(notifications[0]!.message).to.include(`is published: ${rows} rows`);
}
