/** The one way to make an error. Names are an API: the workflow's Retry and Catch match on them. */

/** Every error a function of this pipeline may name. */
export const FAILURES = [
	// May pass by themselves; the workflow retries them.
	"SourceUnavailable",
	"SourceThrottled",
	"SourceChanged",
	"SecretUnavailable",
	"StorageUnavailable",
	"DatabaseUnavailable",
	"RunInProgress",
	// Found wrong with the raw files; the workflow fetches once more.
	"SourceIncomplete",
	"PageDamaged",
	"ManifestInvalid",
	// A person must look.
	"SourceRefused",
	"SchemaDrift",
	"TooManyRejects",
	"UnreadableKeys",
	"SuspiciousShrink",
	"OlderSnapshot",
	"OutOfTime",
	"MigrationFailed",
	"RotationFailed",
	"ConfigurationInvalid",
] as const;

export type FailureName = (typeof FAILURES)[number];

/**
 * An error with a name that the workflow knows and one sentence for people: what was wrong, where, what to do.
 * A function and not a subclass of Error, since Pulumi's closures carry functions but not classes.
 * @param name what Retry and Catch match on
 * @param message one sentence, without secrets
 * @param cause what was caught, if anything
 */
export function failure(name: FailureName, message: string, cause?: unknown): Error {
	const error = new Error(message, cause === undefined ? undefined : { cause });
	error.name = name;
	return error;
}

/** Whether an error was made by `failure` under one of these names. */
export function isFailure(error: unknown, ...names: FailureName[]): boolean {
	return error instanceof Error && (names as string[]).includes(error.name);
}

/** What to say of anything that was thrown, without its stack. */
export function reasonOf(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	// Node's AggregateError (every address refused) has an empty message of its own.
	const nested = "errors" in error && Array.isArray(error.errors) ? error.errors[0] : error.cause;
	const own = error.message || ("code" in error ? String(error.code) : error.name);
	return nested instanceof Error && !own.includes(nested.message) ? `${own}: ${reasonOf(nested)}` : own;
}
