/** Executes the recorded state machine, with the functions that its tasks name. */

import { StateMachine, type StateMachineDefinition } from "aws-local-stepfunctions";

export interface Execution {
	/** The execution's name, which is the run's id. */
	name: string;
	arn: string;
	input: object;
}

/** Calls what a task names. @throws an error named as Step Functions would see it */
export type CallResource = (resource: string, parameters: unknown) => Promise<unknown>;

/** Sees the tasks as they come and go. */
export interface TaskWatcher {
	started(state: string): void;
	finished(state: string, result: unknown, seconds: number): void;
	failed(state: string, error: Error, seconds: number): void;
}

export type Outcome = { output: unknown } | { error: string; cause: string };

interface States {
	States: Record<string, { Type: string; Resource?: string; Retry?: unknown[] }>;
}

/** On one machine nothing is far away, and a person is waiting: retries do not pause as long as they do on AWS. */
const RETRY_MS = 1000;

/** Definitions that were found valid: to find that out takes longer than to run one. */
const valid = new Set<string>();

/**
 * Runs the workflow once.
 * @param definition as it would be deployed
 * @param retryMs pause before each retry
 */
export async function runWorkflow(
	definition: string,
	execution: Execution,
	call: CallResource,
	watcher: TaskWatcher,
	retryMs = RETRY_MS,
): Promise<Outcome> {
	const { States: states } = JSON.parse(definition) as States;
	const tasks = Object.entries(states).filter(([, state]) => state.Type === "Task");
	const handlers = tasks.map(([name, { Resource }]) => [name, watched(name, Resource!, call, watcher)] as const);
	const machine = new StateMachine(JSON.parse(definition) as StateMachineDefinition, {
		validationOptions: { noValidate: valid.has(definition) },
	});
	valid.add(definition);
	const run = machine.run(execution.input as never, {
		overrides: {
			taskResourceLocalHandlers: Object.fromEntries(handlers) as never,
			retryIntervalOverrides: Object.fromEntries(tasks.map(([name]) => [name, retryMs])),
		},
		context: {
			Execution: {
				Id: execution.arn,
				Name: execution.name,
				Input: execution.input,
				StartTime: new Date().toISOString(),
			},
		} as never,
	});
	const [failed] = await Promise.all([failureOf(run.eventLogs), run.result.catch(() => {})]);
	return failed ?? { output: await run.result };
}

/** A task's handler, which gives errors the form in which Lambda's arrive in a workflow. */
function watched(state: string, resource: string, call: CallResource, watcher: TaskWatcher) {
	return async (parameters: unknown) => {
		const startedAt = Date.now();
		const seconds = () => (Date.now() - startedAt) / 1000;
		watcher.started(state);
		try {
			const result = await call(resource, parameters);
			watcher.finished(state, result, seconds());
			return result;
		} catch (error) {
			const { name, message } = error as Error;
			watcher.failed(state, error as Error, seconds());
			const cause = new Error(JSON.stringify({ errorType: name, errorMessage: message }));
			cause.name = name;
			throw cause;
		}
	};
}

/** How the execution failed, if it did: by a Fail state, or by an error of its own. */
async function failureOf(events: AsyncIterable<{ type: string }>): Promise<Outcome | undefined> {
	let failed: Outcome | undefined;
	for await (const event of events) {
		if (event.type !== "ExecutionFailed") continue;
		const { Error: error, Cause: cause } = event as unknown as { Error: string; Cause: unknown };
		failed = { error, cause: String(cause) };
	}
	return failed;
}
