/** What AWS and the real provider do beyond keeping what they are given: what they refuse, what they answer, what they change again. */

import type { Properties } from "../../local/program/record";
import type { Account, Held, Step } from "./account";

const INSTANCE = "aws:rds/instance:Instance";
const FUNCTION = "aws:lambda/function:Function";

/** From this size on, RDS stripes gp3. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage */
const STRIPED_GB = 400;

/** @throws with AWS's own words where it refuses a step */
export function refuse(account: Account, action: Step["action"], { type, inputs, urn }: Held): void {
	if (type !== INSTANCE) return;
	if (action === "delete" || action === "delete replaced") leaveSnapshot(account, inputs);
	else checkStorage(inputs, action === "update" ? account.resources.get(urn)?.inputs : undefined);
}

/** A name is taken for as long as the snapshot is there, which is longer than its stack. */
function leaveSnapshot({ snapshots }: Account, { skipFinalSnapshot, finalSnapshotIdentifier: name }: Properties): void {
	if (skipFinalSnapshot) return;
	if (snapshots.has(name))
		throw new Error(
			`DBSnapshotAlreadyExists: Cannot create the snapshot because a snapshot with the identifier ${name} already exists.`,
		);
	snapshots.add(name);
}

function checkStorage({ allocatedStorage: gb, iops, storageThroughput }: Properties, before?: Properties): void {
	const isStriped = gb >= STRIPED_GB;
	if (
		isStriped ? !(iops >= 12_000) || !(storageThroughput >= 500) : iops !== undefined || storageThroughput !== undefined
	)
		throw new Error(`InvalidParameterCombination: Invalid iops value ${iops} for storage type gp3 with ${gb} GB.`);
	const beforeGb = before?.allocatedStorage ?? gb;
	if (gb !== beforeGb && gb * 10 < beforeGb * 11)
		throw new Error(
			`InvalidParameterCombination: Storage must be increased by at least 10%: from ${beforeGb} to ${gb} GB.`,
		);
}

/** Inputs that the provider plans to change at each update, although nothing did. */
export function plannedAgain(type: string, news: Properties): string[] {
	// https://github.com/hashicorp/terraform-provider-aws/issues/43780
	const variables = news.environment?.variables;
	const isEmpty = news.environment !== undefined && Object.keys(variables ?? {}).length === 0;
	return type === FUNCTION && news.publish && isEmpty ? ["environment", "version", "qualifiedArn"] : [];
}

/** What AWS answers of the resources that are there; undefined for what the mocks answer as well. */
export function describeHeld({ resources }: Account, token: string, inputs: Properties): Properties | undefined {
	const instances = [...resources.values()].filter(({ type }) => type === INSTANCE);
	switch (token) {
		case "aws:rds/getInstances:getInstances": {
			const wanted = inputs.filters[0].values as string[];
			const found = instances.map(({ inputs }) => inputs.identifier).filter((name) => wanted.includes(name));
			return { ...inputs, instanceIdentifiers: found };
		}
		case "aws:rds/getInstance:getInstance": {
			const found = instances.find(({ inputs: held }) => held.identifier === inputs.dbInstanceIdentifier);
			if (!found) throw new Error(`There is no database ${inputs.dbInstanceIdentifier}.`);
			return { ...inputs, allocatedStorage: found.inputs.allocatedStorage };
		}
		default:
			return undefined;
	}
}
