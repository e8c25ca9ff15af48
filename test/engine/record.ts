/** The record of a stack that the real engine brought up: the program's own resources and those that awsx makes of it. */

import { type ProgramRecord, type RecordOptions, saveRecord } from "../../local/program/record";
import type { Outcome } from "./operation-main";
import { createStack, type EngineStack } from "./stack";

export interface BroughtUp {
	stack: EngineStack;
	/** What its first `up` said and did. */
	up: Outcome;
	record: ProgramRecord;
}

const stacks = new Map<string, Promise<BroughtUp>>();

/**
 * A stack in an account of its own, brought up once for all tests of a process that ask for the same.
 * @param settings in place of the stack's own, without the project's name before them
 * @throws what the engine said where the stack did not come up, and one sentence where there is no Pulumi CLI
 */
export function bringUp(stack: RecordOptions["stack"], settings: Record<string, string> = {}): Promise<BroughtUp> {
	const key = JSON.stringify([stack, settings]);
	let broughtUp = stacks.get(key);
	if (!broughtUp) {
		broughtUp = bringUpAnew({ stack, settings });
		stacks.set(key, broughtUp);
	}
	return broughtUp;
}

/** The record of such a stack. */
export async function engineRecordOf(...asked: Parameters<typeof bringUp>): Promise<ProgramRecord> {
	return (await bringUp(...asked)).record;
}

async function bringUpAnew(options: RecordOptions): Promise<BroughtUp> {
	const stack = await createStack(options);
	const up = await stack.run("up");
	if (up.error) throw new Error(up.error);
	return { stack, up, record: await recordOf(stack) };
}

/** What the provider received, with what the engine alone knows; kept beside the archives. */
export async function recordOf(stack: EngineStack): Promise<ProgramRecord> {
	const { deployment } = await stack.run("export");
	const program = deployment!.resources.filter(({ type }) => !type.startsWith("pulumi:providers:"));
	const record: ProgramRecord = {
		directory: stack.account.directory,
		stack: stack.name,
		resources: program.map(({ urn, type, id = "", inputs = {}, outputs: state = {}, ...resource }) => {
			const declared = { type, name: urn.split("::").pop()!, urn, id, inputs, state, secretInputs: [] };
			const { parent = "", dependencies: dependsOn = [], protect = false, retainOnDelete: retained = false } = resource;
			return { ...(stack.account.resources.get(urn) ?? declared), parent, dependsOn, protect, retained };
		}),
		outputs: program.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {},
	};
	saveRecord(record);
	return record;
}
