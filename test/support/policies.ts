/** Policies as the resources carry them: JSON. */

export interface Statement {
	Sid?: string;
	Effect: string;
	Principal?: "*" | Record<string, string | string[]>;
	Action: string | string[];
	Resource: string | string[];
	Condition?: Record<string, Record<string, string | string[]>>;
}

/** A value, or several, as several. */
export function listed<T>(value: T | T[]): T[] {
	return Array.isArray(value) ? value : [value];
}

export function statementsOf(policy: string): Statement[] {
	return (JSON.parse(policy) as { Statement: Statement[] }).Statement;
}
