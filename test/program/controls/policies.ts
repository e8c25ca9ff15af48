/** What controls ask of policies, and how they are broken. */

import { listed } from "../../../local/aws/policies";
import type { RecordedResource } from "../../../local/program/record";
import { type Statement, statementsOf } from "../../support/policies";

/** Statements that allow something; none where there is no policy. */
export function allowed(policy: string | undefined): Statement[] {
	return policy ? statementsOf(policy).filter(({ Effect }) => Effect === "Allow") : [];
}

/** Everybody in the world. */
export function isAnyone({ Principal }: Statement): boolean {
	return Principal === "*" || (typeof Principal === "object" && listed(Principal.AWS ?? []).includes("*"));
}

/** Whether a policy refuses some actions to everybody who comes without TLS. */
export function asksForTls(policy: string | undefined, actions: string[], resources: string[]): boolean {
	return (policy ? statementsOf(policy) : []).some(
		(statement) =>
			statement.Effect === "Deny" &&
			isAnyone(statement) &&
			statement.Condition?.Bool?.["aws:SecureTransport"] === "false" &&
			actions.every((action) => listed(statement.Action).includes(action)) &&
			resources.every((resource) => listed(statement.Resource).includes(resource)),
	);
}

/** Changes the statements of the policy in an input. */
export function rewrite(change: (statements: Statement[]) => Statement[], input = "policy") {
	return ({ inputs }: RecordedResource): void => {
		inputs[input] = JSON.stringify({ ...JSON.parse(inputs[input]), Statement: change(statementsOf(inputs[input])) });
	};
}

/** Adds a statement to the policy in an input. */
export function stating(statement: Partial<Statement>, input?: string) {
	const whole = { Effect: "Allow", Action: "s3:GetObject", Resource: "*", ...statement };
	return rewrite((statements) => [...statements, whole], input);
}

/** Takes the statements away that refuse something. */
export const refusingNothing = rewrite((statements) => statements.filter(({ Effect }) => Effect !== "Deny"));
