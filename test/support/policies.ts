/** Policies as the resources carry them: JSON. */

export interface Statement {
	Sid?: string;
	Effect: string;
	Principal?: "*" | Record<string, string | string[]>;
	Action: string | string[];
	Resource: string | string[];
	Condition?: Record<string, Record<string, string | string[]>>;
}

export function statementsOf(policy: string): Statement[] {
	return (JSON.parse(policy) as { Statement: Statement[] }).Statement;
}
