/** The AWS account behind the stand-in provider: what is in it, what was done to it, and what that set off. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deploy, type Parts } from "../../local/deployment";
import type { Properties, RecordedResource } from "../../local/program/record";
import { unpackArchives, unwrapSecrets, withoutArchives } from "../../local/program/recorded-inputs";
import { refuse } from "./aws-rules";

/** A resource as the provider received it. */
export type Held = Pick<RecordedResource, "type" | "name" | "urn" | "id" | "inputs" | "state" | "secretInputs">;

/** Something that was done to a resource, and when: milliseconds on the process's clock. */
export interface Step {
	action: "create" | "update" | "delete" | "delete replaced";
	type: string;
	name: string;
	startedAt: number;
	endedAt: number;
}

export interface Account {
	/** Where archives are unpacked, and where their files come from. */
	directory: string;
	project: string;
	/** By URN. */
	resources: Map<string, Held>;
	/** The very inputs that each was asked for with last. */
	requested: Map<string, Properties>;
	/** The names that the engine proposed for new resources, by URN. */
	proposed: Map<string, string>;
	/** In the order in which they ended. */
	steps: Step[];
	/** How many times each was created. */
	creations: Map<string, number>;
	/** By function: subnets and groups that any of its versions uses. */
	networks: Map<string, Set<string>>;
	/** Names of database snapshots that deletions left. */
	snapshots: Set<string>;
	/** What the provider was configured with. */
	settings: Properties;
	/** Where functions run; without it, an invocation answers at once. */
	parts?: Parts;
}

const INVOCATION = "aws:lambda/invocation:Invocation";

/** Long in coming on AWS, so that what should wait for these and does not is seen to be ahead of them. */
const SLOW =
	/^aws:(rds\/instance|ec2\/(vpcEndpoint|natGateway|route)|vpc\/securityGroup\w+Rule|iam\/rolePolicy|lambda\/permission):/;
const SLOW_MS = 200;

/** Does something to a resource, and notes it. @throws what AWS would refuse with; then it has not happened */
export async function take(account: Account, action: Step["action"], held: Held): Promise<void> {
	const { type, name, urn } = held;
	const startedAt = performance.now();
	if (action === "create" && SLOW.test(type)) await sleep(SLOW_MS);
	refuse(account, action, held);
	if (action === "delete") account.resources.delete(urn);
	if (action === "create" || action === "update") {
		if (type === INVOCATION && account.parts) held.state.result = await invoke(account, account.parts, held);
		account.resources.set(urn, held);
	}
	if (action === "create") account.creations.set(urn, (account.creations.get(urn) ?? 0) + 1);
	account.steps.push({ action, type, name, startedAt, endedAt: performance.now() });
}

/** What the provider received, as records keep it. */
export async function hold(account: Account, received: Omit<Held, "secretInputs">): Promise<Held> {
	const { inputs, secretInputs } = unwrapSecrets(received.inputs);
	const archive = `archives/${received.name}`;
	const state = withoutArchives(received.state);
	if (Object.keys(state).length < Object.keys(received.state).length)
		rmSync(join(account.directory, archive), { recursive: true, force: true });
	const kept = await unpackArchives(inputs, account.directory, archive, account.project);
	return { ...received, inputs: kept, state, secretInputs };
}

/** Runs the function that an invocation names, in the account as it is at that moment. */
async function invoke(account: Account, parts: Parts, invocation: Held): Promise<string> {
	const unregistered = { parent: "", dependsOn: [], protect: false, retained: false };
	const there = [...account.resources.values(), invocation].filter(({ type }) => type !== INVOCATION);
	const deployment = await deploy(
		{
			directory: account.directory,
			stack: "",
			resources: [...there, invocation].map((held) => ({ ...held, ...unregistered })),
			outputs: {},
		},
		parts,
	);
	try {
		return JSON.stringify(await deployment.migrate());
	} catch (error) {
		const { name: errorType, message: errorMessage } = error as Error;
		const payload = JSON.stringify({ errorType, errorMessage });
		throw new Error(`invoking Lambda Function (${invocation.inputs.functionName}): ${payload}`);
	} finally {
		await deployment.stop();
	}
}
