/**
 * Retries with exponential backoff, full jitter and `Retry-After`.
 *
 * Written here because p-retry has neither of the last two: its `randomize` makes a delay one to two times as long, and
 * full jitter makes it anything from zero up; and it does not take a delay from the error.
 */

import { setTimeout as sleep } from "node:timers/promises";

export interface RetryOptions {
	/** Attempts in all, the first included. */
	maxAttempts: number;
	/** Ceiling of the first delay; it doubles with each. */
	firstDelayMs: number;
	/** Ceiling of any delay that the error does not ask for. */
	maxDelayMs: number;
	/** Whether another attempt may succeed after this error. */
	isRetryable(error: Error): boolean;
	/** The delay that the error asks for, which is kept to as it is. */
	retryAfterMs?(error: Error): number | undefined;
	/** Called before each delay. */
	onRetry?(error: Error, attempt: number, delayMs: number): void;
}

/**
 * Calls `attempt` until it succeeds. Full jitter: each delay is random between zero and its ceiling.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 * @throws the last error, when it is not retryable or there are no attempts left
 */
export async function retry<T>(options: RetryOptions, attempt: () => Promise<T>): Promise<T> {
	for (let count = 1; ; count++) {
		try {
			return await attempt();
		} catch (thrown) {
			const error = thrown instanceof Error ? thrown : new Error(String(thrown));
			if (count >= options.maxAttempts || !options.isRetryable(error)) throw error;
			const ceiling = Math.min(options.maxDelayMs, options.firstDelayMs * 2 ** (count - 1));
			const delayMs = options.retryAfterMs?.(error) ?? Math.random() * ceiling;
			options.onRetry?.(error, count, delayMs);
			await sleep(delayMs);
		}
	}
}
