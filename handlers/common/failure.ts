/** Creates every named error of the functions. The names are an API: the workflow's Retry and Catch match on them. */

/** All names. */
export const FAILURES = [
	// Transient: the workflow retries them.
	"SourceUnavailable",
	"SourceThrottled",
	"SourceChanged",
	"SecretUnavailable",
	"StorageUnavailable",
	"DatabaseUnavailable",
	"RunInProgress",
	// Raw files are incomplete or damaged: the workflow fetches them once more.
	"SourceIncomplete",
	"PageDamaged",
	"ManifestInvalid",
	// Need a person.
	"SourceRefused",
	"SchemaDrift",
	"TooManyRejects",
	"UnreadableKeys",
	"SuspiciousShrink",
	"SuspiciousChange",
	"OlderSnapshot",
	"OutOfTime",
	"MigrationFailed",
	"ReplayRefused",
	"RotationFailed",
	"ConfigurationInvalid",
] as const;

export type FailureName = (typeof FAILURES)[number];

/**
 * Creates an error. A function and not a subclass of Error, because a Pulumi closure carries functions but not classes.
 * @param name matched by Retry and Catch
 * @param message one sentence for people, without secrets: what is wrong, where, and what to do
 * @param cause the error that was caught, if any
 */
export function failure(name: FailureName, message: string, cause?: unknown): Error {
	const error = new Error(message, cause === undefined ? undefined : { cause });
	error.name = name;
	return error;
}

/** Whether an error has one of these names. */
export function isFailure(error: unknown, ...names: FailureName[]): boolean {
	return error instanceof Error && (names as string[]).includes(error.name);
}

/** A message for anything that was thrown, with its cause and without its stack. */
export function reasonOf(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	// Node's AggregateError, for a host with several addresses, has an empty message; its errors have one.
	const nested = "errors" in error && Array.isArray(error.errors) ? error.errors[0] : error.cause;
	const own = error.message || ("code" in error ? String(error.code) : error.name);
	return nested instanceof Error && !own.includes(nested.message) ? `${own}: ${reasonOf(nested)}` : own;
}
