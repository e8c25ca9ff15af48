/** All controls, and what a record of the program answers to them. */

import type { ProgramRecord, RecordedResource } from "../../../local/program/record";
import type { Control } from "./control";
import { DATABASE } from "./database";
import { FUNCTIONS } from "./functions";
import { IAM } from "./iam";
import { MESSAGES } from "./messages";
import { NETWORK } from "./network";
import { PAGE } from "./page";
import { KEYS, LOGS, SECRETS } from "./secrets";
import { STORAGE } from "./storage";
import { WAIVERS, type Waiver, type Where } from "./waivers";
import { WORKFLOW } from "./workflow";

export const CONTROLS_ON: Record<string, Control[]> = {
	buckets: STORAGE,
	"the database": DATABASE,
	"the page on the web": PAGE,
	functions: FUNCTIONS,
	"the workflow": WORKFLOW,
	"topics and queues": MESSAGES,
	secrets: SECRETS,
	keys: KEYS,
	"logs and alarms": LOGS,
	"the network": NETWORK,
	roles: IAM,
};
export const CONTROLS = Object.values(CONTROLS_ON).flat();

/** Whether the record holds what the network's component makes; one made with mocks does not. */
function hasComponents(record: ProgramRecord): boolean {
	return record.resources.some(({ type }) => type === "aws:ec2/vpc:Vpc");
}

/** All reasons for which a control need not hold somewhere. */
export function waiversOf({ ids }: Control): Waiver[] {
	return WAIVERS.filter((waiver) => waiver.ids.split(" ").some((id) => ids.includes(id)));
}

/** Why a control need not hold for a resource of a stack; undefined where it must. */
function waiverOf(control: Control, where: Where, name?: string): Waiver | undefined {
	return waiversOf(control).find(
		(waiver) =>
			(!waiver.where || waiver.where.includes(where)) &&
			(name === undefined || !waiver.names || waiver.names.includes(name)),
	);
}

/**
 * What is wrong with a stack by one control, sentence by sentence: what does not hold and is not waived, and what is waived
 * and holds all the same.
 */
export async function problemsOf(control: Control, record: ProgramRecord, where: Where): Promise<string[]> {
	if (control.insideComponent && !hasComponents(record)) return [];
	const resources = control.looksAt(record);
	if (resources.length === 0)
		return waiverOf(control, where)?.lookingAtNothing ? [] : [`${control.ids}: there is no resource to look at`];
	const answers = resources.map((resource) => answerTo(control, resource, record, where));
	return (await Promise.all(answers)).flat();
}

async function answerTo(control: Control, resource: RecordedResource, record: ProgramRecord, where: Where) {
	const holds = await control.holds(resource, record);
	const waiver = waiverOf(control, where, resource.name);
	const who = `${control.ids}: ${resource.type} ${resource.name}`;
	if (waiver && holds) return [`${who}: it ${control.promise}, so its waiver must go`];
	return holds || waiver ? [] : [`${who}: it is not so that it ${control.promise}`];
}
