/** The errors at which the workflow repeats a step, and how often. No resources. */

import type { FailureName } from "../handlers/common/failure";

/** Transient errors of Lambda itself. https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html */
const LAMBDA_RETRIES = [
	retryWithBackoff(
		[
			"Lambda.ClientExecutionTimeoutException",
			"Lambda.ServiceException",
			"Lambda.AWSLambdaException",
			"Lambda.SdkClientException",
			"Lambda.TooManyRequestsException",
		],
		{ seconds: 2, attempts: 4 },
	),
	// Lambda needs minutes to reactivate a function in a VPC that was idle for weeks.
	retryAtIntervals(["Lambda.ResourceNotReadyException", "Lambda.ENINotReadyException"], { seconds: 80, attempts: 4 }),
];

/** Two waits are longer than the other run's load can take. */
const WHILE_ANOTHER_RUN_LOADS = retryAtIntervals(failures("RunInProgress"), { seconds: 470, attempts: 2 });

/**
 * Twelve minutes, longer than the database is usually away while RDS upgrades it to a minor version.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Upgrading.html
 */
const WHILE_THE_DATABASE_RESTARTS = retryAtIntervals(failures("DatabaseUnavailable"), { seconds: 180, attempts: 4 });

/** Fewer than of load: what does not succeed is made up for by the next run. */
const RETRY_PAGE = [
	...LAMBDA_RETRIES,
	retryWithBackoff(failures("SecretUnavailable", "StorageUnavailable", "DatabaseUnavailable"), {
		seconds: 20,
		attempts: 2,
	}),
];

/** The errors at which each step is retried: those that are likely to be over within minutes. */
export const RETRY = {
	extract: [
		...LAMBDA_RETRIES,
		retryWithBackoff(failures("SecretUnavailable", "StorageUnavailable"), { seconds: 20, attempts: 4 }),
		// Extract has already tried each request five times.
		retryWithBackoff(failures("SourceUnavailable", "SourceThrottled", "SourceChanged"), { seconds: 60, attempts: 4 }),
	],
	load: [
		...LAMBDA_RETRIES,
		retryWithBackoff(failures("SecretUnavailable", "StorageUnavailable"), { seconds: 20, attempts: 4 }),
		WHILE_THE_DATABASE_RESTARTS,
		WHILE_ANOTHER_RUN_LOADS,
	],
	/** In a replay; what Lambda or the database did not answer may have been done, and doing it twice does no harm. */
	migrate: [
		...LAMBDA_RETRIES,
		retryWithBackoff(failures("SecretUnavailable"), { seconds: 20, attempts: 4 }),
		WHILE_THE_DATABASE_RESTARTS,
		WHILE_ANOTHER_RUN_LOADS,
	],
	export: RETRY_PAGE,
	report: RETRY_PAGE,
	notify: LAMBDA_RETRIES,
	publish: [retryWithBackoff(["States.TaskFailed", "States.Timeout"], { seconds: 5, attempts: 3 })],
};

interface Retry {
	/** Before the first retry. */
	seconds: number;
	/** Retries, not counting the first attempt. */
	attempts: number;
}

/** Names of errors that functions give, checked by the compiler. */
export function failures(...names: FailureName[]): string[] {
	return names;
}

/** Retries after intervals that double, with full jitter, so that runs which failed together do not retry together. */
function retryWithBackoff(errors: string[], { seconds, attempts }: Retry) {
	return {
		ErrorEquals: errors,
		IntervalSeconds: seconds,
		MaxAttempts: attempts,
		BackoffRate: 2,
		MaxDelaySeconds: 300,
		JitterStrategy: "FULL",
	};
}

/** Retries at equal intervals, for a cause that lasts a known time. Jitter would halve the average wait. */
function retryAtIntervals(errors: string[], { seconds, attempts }: Retry) {
	return {
		ErrorEquals: errors,
		IntervalSeconds: seconds,
		MaxAttempts: attempts,
		BackoffRate: 1,
		JitterStrategy: "NONE",
	};
}
