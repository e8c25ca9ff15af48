/** Sends a request and reads its response, each within a time limit. */

import { classifyResponse } from "./http-errors";
import type { SodaRequest } from "./requests";

/** Aborts a request whose response does not begin or does not continue in time. */
export interface RequestTimeout {
	signal: AbortSignal;
	/** Starts the timer again. @param what stops the request, for the error's message: `${what} for 30 s` */
	restart(what: string, ms: number): void;
	/** Stops the timer. */
	clear(): void;
	/** Stops the timer, and closes the connection of a response that was not read to its end. */
	close(): void;
}

export function createRequestTimeout(): RequestTimeout {
	const controller = new AbortController();
	let timer: NodeJS.Timeout | undefined;
	const clear = () => clearTimeout(timer);
	return {
		signal: controller.signal,
		restart(what, ms) {
			clear();
			timer = setTimeout(() => controller.abort(new Error(`${what} for ${ms / 1000} s`)), ms);
		},
		clear,
		close() {
			clear();
			controller.abort();
		},
	};
}

/**
 * Sends a request once.
 * @returns a response with status 200, whose body has not been read, or 202: the source is still running the query
 * @throws SourceUnavailable, SourceThrottled or SourceRefused for any other status; fetch's own errors as they are
 */
export async function sendRequest(
	request: SodaRequest,
	appToken: string | undefined,
	signal: AbortSignal,
): Promise<Response> {
	const response = await fetch(request.url, {
		method: request.method,
		headers: {
			accept: request.accept,
			...(appToken && { "x-app-token": appToken }),
			...(request.body && { "content-type": "application/json" }),
		},
		...(request.body && { body: JSON.stringify(request.body) }),
		signal,
	});
	if (response.status === 200 || response.status === 202) return response;
	throw await classifyResponse(response, request, appToken !== undefined);
}

/** A response's body, which is aborted when no byte arrives for so many milliseconds. */
export function readWithIdleTimeout(
	response: Response,
	timeout: RequestTimeout,
	ms: number,
): AsyncIterable<Uint8Array> {
	const restart = () => timeout.restart("the response stalled", ms);
	restart();
	return (async function* () {
		for await (const chunk of response.body ?? []) {
			restart();
			yield chunk as Uint8Array;
		}
	})();
}
