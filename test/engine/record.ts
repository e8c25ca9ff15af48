/** The record of a stack that the real engine brought up: the program's own resources and those that awsx makes of it. */

import { type ProgramRecord, type RecordOptions, saveRecord } from "../../local/record";
import { createStack, type EngineStack } from "./stack";

const records = new Map<string, Promise<ProgramRecord>>();

/**
 * The record of a stack in an account of its own, brought up once for all tests of a process that ask for the same.
 * @param settings in place of the stack's own, without the project's name before them
 * @throws what the engine said where the stack did not come up, and one sentence where there is no Pulumi CLI
 */
export function engineRecordOf(
	stack: RecordOptions["stack"],
	settings: Record<string, string> = {},
): Promise<ProgramRecord> {
	const key = JSON.stringify([stack, settings]);
	let record = records.get(key);
	if (!record) {
		record = bringUp({ stack, settings });
		records.set(key, record);
	}
	return record;
}

async function bringUp(options: RecordOptions): Promise<ProgramRecord> {
	const stack = await createStack(options);
	try {
		const { error } = await stack.run("up");
		if (error) throw new Error(error);
		return await recordOf(stack);
	} finally {
		stack.stop();
	}
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
