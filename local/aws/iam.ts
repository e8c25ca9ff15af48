/** AWS's access control: decides by the program's policies whether a caller may do something. */

import { getDenialReasons, type RequestAnalysis, runSimulation } from "@cloud-copilot/iam-simulate";
import { find, type ProgramRecord } from "../program/record";
import { type ApiCall, accessDenied } from "./api";
import { endpointOf, keysOf, type Policy, policiesOf, type Role, rolesOf, statementsOf } from "./policies";

/** A caller: a function or service with a role of the program, by the role's name, or an AWS service itself. */
export type Caller = { role: string } | AwsService;

export interface AwsService {
	service: string;
	/** ARN of the resource it acts for, where it names one. */
	source?: string;
}

export interface Decision {
	caller: Caller;
	action: string;
	resource: string;
	/** The service that calls on the caller's behalf. */
	via?: string;
}

export interface Iam {
	/** Checks an action, and what services do for it on the caller's behalf. @throws AccessDenied with caller, action and resource */
	authorize(caller: Caller, call: ApiCall): Promise<void>;
	/** Checks that a service may assume a role. @returns the role's name @throws AccessDenied */
	assume(roleArn: string, caller: AwsService): Promise<string>;
	/** All decisions so far that allowed something, each once. */
	allowed(): Decision[];
}

/**
 * What services ask of KMS on the caller's behalf, with the caller's rights.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
 * https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
 */
const KEY_ACTIONS: Record<string, string[]> = {
	"s3:GetObject": ["kms:Decrypt"],
	"s3:PutObject": ["kms:GenerateDataKey"],
	"sns:Publish": ["kms:GenerateDataKey", "kms:Decrypt"],
	"secretsmanager:GetSecretValue": ["kms:Decrypt"],
	"secretsmanager:PutSecretValue": ["kms:GenerateDataKey", "kms:Decrypt"],
};

/** Condition keys that AWS sets in some requests only, as here. A condition on a key that is not set does not hold. */
const OPTIONAL = [
	"aws:PrincipalArn",
	"aws:SourceAccount",
	"aws:SourceArn",
	"aws:SourceVpc",
	"aws:SourceVpce",
	"kms:ViaService",
	// CloudWatch Logs uses the key as itself.
	"kms:EncryptionContext:aws:logs:arn",
];

/** The policies by which decisions are made. */
interface Rules {
	record: ProgramRecord;
	policies: Policy[];
	roles: Role[];
	/** Of resources' keys, by the resources' ARNs. */
	keys: Map<string, string>;
	region: string;
	account: string;
}

/** Access control over a record of the program. */
export function createIam(record: ProgramRecord): Iam {
	// Policies do not change during a deployment.
	const [, , , region = "", account = ""] = (find(record, "aws:kms/key:Key").state.arn as string).split(":");
	const [policies, roles, keys] = [policiesOf(record), rolesOf(record), keysOf(record)];
	const rules: Rules = { record, policies, roles, keys, region, account };
	const verdicts = new Map<string, Promise<string | undefined>>();
	const allowed = new Map<string, Decision>();

	const decide = async (decision: Decision, need = ""): Promise<void> => {
		const key = JSON.stringify(decision);
		const verdict = verdicts.get(key) ?? judge(rules, decision);
		verdicts.set(key, verdict);
		const reason = await verdict;
		if (reason === undefined) allowed.set(key, decision);
		else {
			const { caller, action, resource } = decision;
			throw accessDenied(action, `${nameOf(caller)} may not ${action} on ${resource}${need}: ${reason}`);
		}
	};

	return {
		async authorize(caller, { action, resource, keyActions = KEY_ACTIONS[action] ?? [] }) {
			await decide({ caller, action, resource });
			const key = keys.get(ownerOf(resource));
			if (key === undefined) return;
			for (const keyAction of keyActions)
				await decide({ caller, action: keyAction, resource: key, via: serviceOf(action) }, `, which ${action} needs`);
		},
		async assume(roleArn, caller) {
			const role = roles.find(({ arn }) => arn === roleArn);
			if (!role) throw new Error(`The program does not declare the role ${roleArn}.`);
			await decide({ caller, action: "sts:AssumeRole", resource: roleArn });
			return role.name;
		},
		allowed: () => [...allowed.values()],
	};
}

/** The reason for a refusal; undefined: it is allowed. */
async function judge(rules: Rules, decision: Decision): Promise<string | undefined> {
	const { caller, action, resource } = decision;
	const role = "role" in caller ? rules.roles.find(({ name }) => name === caller.role) : undefined;
	if ("role" in caller && !role) return "there is no such role";
	const of = policiesFor(rules, decision, role);
	const context = contextOf(rules, decision, role);
	for (const policy of Object.values(of).flat()) checkConditions(policy, context);
	const named = (policies: Policy[]) => policies.map(({ name, document }) => ({ name, policy: document }));
	const simulated = await runSimulation(
		{
			request: {
				principal: role ? sessionArn(role, rules.account) : (caller as AwsService).service,
				action,
				resource: { resource, accountId: rules.account },
				contextVariables: context,
			},
			identityPolicies: named(of.identity),
			serviceControlPolicies: [],
			resourceControlPolicies: [],
			...(of.resource[0] && { resourcePolicy: of.resource[0].document }),
			...(of.endpoint.length > 0 && { vpcEndpointPolicies: named(of.endpoint) }),
		},
		{},
	);
	if (simulated.resultType !== "single")
		throw new Error(`${action} on ${resource} cannot be simulated: ${JSON.stringify(simulated)}.`);
	return simulated.overallResult === "Allowed" ? undefined : reasonOf(simulated.result.analysis);
}

/** The policies that apply to a request. */
function policiesFor({ policies }: Rules, { action, resource, via }: Decision, role: Role | undefined) {
	const find = (kind: Policy["kind"], of: string | undefined) =>
		policies.filter((policy) => policy.kind === kind && policy.of === of);
	return {
		identity: find("identity", role?.arn),
		resource: find(action === "sts:AssumeRole" ? "trust" : "resource", ownerOf(resource)),
		endpoint: isThroughEndpoint(role, via) ? find("endpoint", serviceOf(action)) : [],
	};
}

/** Condition keys and their values. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html */
function contextOf(rules: Rules, { caller, action, via }: Decision, role: Role | undefined): Record<string, string> {
	const endpoint = isThroughEndpoint(role, via) ? endpointOf(rules.record, serviceOf(action)) : undefined;
	return {
		"aws:SecureTransport": "true",
		...(role && { "aws:PrincipalArn": role.arn }),
		...("service" in caller &&
			caller.source !== undefined && { "aws:SourceArn": caller.source, "aws:SourceAccount": rules.account }),
		...(endpoint && { "aws:SourceVpce": endpoint.id, "aws:SourceVpc": endpoint.inputs.vpcId }),
		...(via && { "kms:ViaService": `${via}.${rules.region}.amazonaws.com` }),
	};
}

/** A request that a service makes on a caller's behalf does not come from the caller's network. */
function isThroughEndpoint(role: Role | undefined, via: string | undefined): boolean {
	return role?.inNetwork === true && via === undefined;
}

/** Rejects conditions on keys that are never set here: a Deny with one would deny on AWS and not here. */
function checkConditions(policy: Policy, context: Record<string, string>): void {
	const known = new Set([...OPTIONAL, ...Object.keys(context)].map((key) => key.toLowerCase()));
	for (const { Condition = {} } of statementsOf(policy))
		for (const key of Object.values(Condition).flatMap(Object.keys))
			if (!known.has(key.toLowerCase()))
				throw new Error(`${policy.name} asks for ${key}, which local runs do not know; set it in local/aws/iam.ts.`);
}

/** Names the policy that denies, or that does not allow. */
function reasonOf(analysis: RequestAnalysis): string {
	const names: Record<string, string> = {
		identity: "the role's policy",
		resource: "the resource's policy",
		vpce: "the policy of the network's endpoint",
	};
	const denials = getDenialReasons(analysis);
	const policies = (type: "Explicit" | "Implicit") => [
		...new Set(denials.filter(({ denialType }) => denialType === type).map(({ policyType: of }) => names[of] ?? of)),
	];
	const explicit = policies("Explicit");
	return explicit.length > 0
		? `a statement of ${explicit.join(" and ")} denies it`
		: `no statement of ${policies("Implicit").join(" or ")} allows it`;
}

function nameOf(caller: Caller): string {
	return "role" in caller ? `The role ${caller.role}` : caller.service;
}

/** `s3:GetObject` → `s3` */
function serviceOf(action: string): string {
	return action.slice(0, action.indexOf(":"));
}

/** The resource that has the policy and the key: for an object, its bucket. */
function ownerOf(arn: string): string {
	return arn.startsWith("arn:aws:s3:::") ? arn.split("/", 1)[0]! : arn;
}

/** The principal of an assumed role. */
function sessionArn(role: Role, account: string): string {
	return `arn:aws:sts::${account}:assumed-role/${role.name}/local`;
}
