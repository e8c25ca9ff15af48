/** What AWS and the real provider do beyond keeping what they are given: what they refuse, what they answer, what they change again. */

import type { Properties } from "../../local/program/record";
import { overlaps } from "../support/networks";
import type { Account, Held, Step } from "./account";

const INSTANCE = "aws:rds/instance:Instance";
const FUNCTION = "aws:lambda/function:Function";

/** From this size on, RDS stripes gp3. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage */
const STRIPED_GB = 400;
const SUBNET = "aws:ec2/subnet:Subnet";
const SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup";

/** @throws with AWS's own words where it refuses a step */
export function refuse(account: Account, action: Step["action"], held: Held): void {
	const { type, inputs, urn } = held;
	const isDeletion = action === "delete" || action === "delete replaced";
	if (type === SUBNET && action === "create") checkOverlap(account, held);
	if ((type === SUBNET || type === SECURITY_GROUP) && isDeletion) checkUnused(account, held);
	if (type === FUNCTION) noteNetworks(account, action, held);
	if (type !== INSTANCE) return;
	if (isDeletion) {
		leaveSnapshot(account, inputs);
		return;
	}
	const there = account.resources.get(urn)?.inputs;
	if (action === "create") checkIdentifier(inputs, there);
	const before = action === "update" ? there : undefined;
	checkStorage(inputs, before);
	checkVersion(account, inputs, before);
}

function checkOverlap({ resources }: Account, { inputs, urn }: Held): void {
	const others = [...resources.values()].filter((other) => other.type === SUBNET && other.urn !== urn);
	const [conflict] = overlaps([inputs.cidrBlock, ...others.map(({ inputs }) => inputs.cidrBlock)]).filter(
		([one]) => one === inputs.cidrBlock,
	);
	if (conflict)
		throw new Error(
			`InvalidSubnet.Conflict: The CIDR '${inputs.cidrBlock}' conflicts with another subnet (${conflict[1]}).`,
		);
}

/** Each version of a function keeps the network that it was published with, until the function is deleted. */
function noteNetworks({ networks }: Account, action: Step["action"], { id, inputs }: Held): void {
	if (action === "delete" || action === "delete replaced") {
		networks.delete(id);
		return;
	}
	const { subnetIds = [], securityGroupIds = [] } = inputs.vpcConfig ?? {};
	networks.set(id, new Set([...(networks.get(id) ?? []), ...subnetIds, ...securityGroupIds]));
}

function checkUnused({ networks }: Account, { id }: Held): void {
	const user = [...networks].find(([, used]) => used.has(id))?.[0];
	if (user)
		throw new Error(`DependencyViolation: ${id} has a dependent object: a version of the function ${user} uses it.`);
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

function checkIdentifier({ identifier }: Properties, there?: Properties): void {
	if (identifier === there?.identifier)
		throw new Error(`DBInstanceAlreadyExists: DB instance ${identifier} already exists.`);
}

/** https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html */
function checkVersion({ resources }: Account, inputs: Properties, before?: Properties): void {
	const { engineVersion: version, parameterGroupName: group, allowMajorVersionUpgrade } = inputs;
	const was = before?.engineVersion ?? version;
	if (Number(version) < Number(was))
		throw new Error(`InvalidParameterCombination: Cannot downgrade from ${was} to ${version}.`);
	if (version !== was && !allowMajorVersionUpgrade)
		throw new Error("InvalidParameterCombination: The AllowMajorVersionUpgrade flag must be present.");
	const { family } = [...resources.values()].find(({ state }) => state.name === group)!.inputs;
	if (family !== `postgres${version}`)
		throw new Error(
			`InvalidParameterCombination: The parameter group ${group} of ${family} can't be used with ${version}.`,
		);
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
	const vpcs = [...resources.values()].filter(({ type }) => type === "aws:ec2/vpc:Vpc");
	switch (token) {
		case "aws:ec2/getVpcs:getVpcs":
			return { ...inputs, ids: vpcs.map(({ id }) => id) };
		case "aws:ec2/getVpc:getVpc":
			return { ...inputs, cidrBlock: vpcs.find(({ id }) => id === inputs.id)!.inputs.cidrBlock };
		case "aws:rds/getInstances:getInstances": {
			const wanted = inputs.filters[0].values as string[];
			const found = instances.map(({ inputs }) => inputs.identifier).filter((name) => wanted.includes(name));
			return { ...inputs, instanceIdentifiers: found };
		}
		case "aws:rds/getInstance:getInstance": {
			const found = instances.find(({ inputs: held }) => held.identifier === inputs.dbInstanceIdentifier);
			if (!found) throw new Error(`There is no database ${inputs.dbInstanceIdentifier}.`);
			return {
				...inputs,
				allocatedStorage: found.inputs.allocatedStorage,
				engineVersion: `${found.inputs.engineVersion}.4`,
			};
		}
		default:
			return undefined;
	}
}
