/** A night of the workflow as it is deployed: its own definition, the real notify, and what reaches people. */

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
	notify: "arn:aws:lambda:ap-northeast-1:000000000000:function:notify",
	topic: "arn:aws:sns:ap-northeast-1:000000000000:nights",
};
const DEFINITION = JSON.stringify(defineWorkflow(TARGETS));
const EXECUTION = "arn:aws:states:ap-northeast-1:000000000000:execution:workflow";

export interface Night {
	outcome: Outcome;
	/** What was published to the topic. */
	told: Notification[];
}

/**
 * Runs the workflow once; the pauses before its retries last no longer than a test may.
 * @param load what its load does, with what the workflow gives it
 */
export async function night(
	aws: Aws,
	runId: string,
	extracted: ExtractResult,
	load: (event: LoadEvent) => Promise<LoadResult>,
): Promise<Night> {
	const notifications = aws.createTopic(TARGETS.topic);
	process.env.TOPIC_ARN = TARGETS.topic;
	const notify = notifyHandler({ notifyWhenUnchanged: false });
	const call = async (resource: string, parameters: unknown) => {
		if (resource === TARGETS.extract) return extracted;
		if (resource === TARGETS.load) return await load(parameters as LoadEvent);
		if (resource === TARGETS.notify) return await silently(() => notify(parameters as NotifyEvent));
		throw new Error(`The workflow calls ${resource}, which this night does not have.`);
	};
	const secrets = { pipeline: "arn:pipeline", source: "arn:source", database: "arn:database" };
	const execution = { name: runId, arn: `${EXECUTION}:${runId}`, input: { dataset: "f6w7-q2d2", secrets } };
	const watcher = { started() {}, finished() {}, failed() {} };
	const outcome = await runWorkflow(DEFINITION, execution, call, watcher, 1);
	return { outcome, told: notifications() };
}

/** What must hold of a night whose load failed for good: it ends FAILED, and people are told once what it was. */
export function expectToldFailure({ outcome, told }: Night, error: Error): void {
	expect(outcome).to.have.property("error", error.name);
	expect(told.map(({ subject }) => subject)).to.deep.equal([`EV registrations f6w7-q2d2: FAILED, ${error.name}`]);
	expect(told[0]!.message)
		.to.include(`${error.name}: ${error.message}`)
		.and.include("holds the last published snapshot");
}

/** What must hold of a night that loaded: people are told once what changed. */
export function expectToldSuccess({ outcome, told }: Night): void {
	const { load } = (outcome as { output?: { load?: LoadResult } }).output ?? {};
	expect(load, JSON.stringify(outcome)).to.have.property("status", "loaded");
	const [added, removed, rows] = [load!.added, load!.removed, load!.rows].map((count) =>
		count!.toLocaleString("en-US"),
	);
	expect(told.map(({ subject }) => subject)).to.deep.equal([
		`EV registrations f6w7-q2d2: ${added} added, ${removed} removed`,
	]);
	expect(told[0]!.message).to.include(`is published: ${rows} rows`);
}
