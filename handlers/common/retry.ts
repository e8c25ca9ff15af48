/** Tries again what may pass by itself: a page, a question to the source. */

import { setTimeout as sleep } from "node:timers/promises";

export interface Attempts {
	/** How often it is tried at most. */
	limit: number;
	/** Ceiling of the first wait; each further one is twice as high. */
	firstDelayMs: number;
	/** Ceiling of any wait that the source did not ask for. */
	maxDelayMs: number;
	/** Whether an error may pass by itself. */
	isPassing(error: Error): boolean;
	/** How long the source itself asked to wait after an error, in milliseconds. */
	askedDelayMs?(error: Error): number | undefined;
	onRetry?(error: Error, attempt: number, delayMs: number): void;
}

/**
 * Runs `attempt` until it succeeds, with exponential backoff and full jitter (each wait is random between nothing and its
 * ceiling), so that callers who failed together do not come back together.
 * @throws the last error, when it will not pass or the limit is reached
 */
export async function retry<T>(attempts: Attempts, attempt: () => Promise<T>): Promise<T> {
	for (let count = 1; ; count++) {
		try {
			return await attempt();
		} catch (thrown) {
			const error = thrown instanceof Error ? thrown : new Error(String(thrown));
			if (count >= attempts.limit || !attempts.isPassing(error)) throw error;
			const ceiling = Math.min(attempts.maxDelayMs, attempts.firstDelayMs * 2 ** (count - 1));
			const delayMs = attempts.askedDelayMs?.(error) ?? Math.random() * ceiling;
			attempts.onRetry?.(error, count, delayMs);
			await sleep(delayMs);
		}
	}
}
