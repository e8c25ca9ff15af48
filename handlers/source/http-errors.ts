/** Errors of the source: what a response other than the expected one means, and whether another try can help. */

import { type FailureName, failure } from "../common/failure";
import type { SodaRequest } from "./requests";

/** An error of the source. Its message names the request, and says what the source answered. */
export interface SourceError extends Error {
	/** Tells this type from other errors, since a closure cannot carry a class. */
	isSourceError: true;
	/** Whether the same request may succeed later. */
	isRetryable: boolean;
	/** How long the source asks to wait, by `Retry-After`. */
	retryAfterMs: number | undefined;
}

interface SourceErrorFields {
	name: Extract<FailureName, `Source${string}`>;
	request: SodaRequest;
	/** What went wrong, without a full stop; the message is `GET https://…: ${reason}.` */
	reason: string;
	/** True if not given. */
	isRetryable?: boolean;
	retryAfterMs?: number | undefined;
	cause?: unknown;
}

/** HTTP statuses after which a request is sent again. An array, since a closure cannot carry a Set. */
const RETRYABLE_STATUSES = [
	408, // Request Timeout
	429, // Too Many Requests
	500, // Internal Server Error
	502, // Bad Gateway
	503, // Service Unavailable
	504, // Gateway Timeout
];

export const CHECK_DATASET = "check that the settings dataset and sourceUrl are still right";

/** How to fix what a retry cannot, by status. https://dev.socrata.com/docs/response-codes */
const REMEDIES: Record<number, string> = {
	401: "put a valid app token into the secret `source`, or remove the invalid one",
	403: "put a valid app token into the secret `source`, or remove the invalid one, and check that the dataset is still public",
	404: CHECK_DATASET,
	410: CHECK_DATASET,
};

/** Builds every error of the source. */
export function sourceError(fields: SourceErrorFields): SourceError {
	const { name, request, reason, isRetryable = true, retryAfterMs, cause } = fields;
	const error = failure(name, `${request.method} ${request.url}: ${reason}.`, cause);
	return Object.assign(error, { isSourceError: true as const, isRetryable, retryAfterMs });
}

export function isSourceError(error: unknown): error is SourceError {
	return error instanceof Error && (error as Partial<SourceError>).isSourceError === true;
}

/** How to raise the limit that a 429 reports. */
const RAISE_LIMIT =
	'an app token raises the limit, which all callers of one address share without one: put { "appToken": "…" } into the secret `source` (local runs: the environment variable SODA_APP_TOKEN)';

/**
 * The error that a response with another status than 200 and 202 means. Reads the body, which may say why.
 * @param hasToken whether the request carried an app token
 */
export async function classifyResponse(
	response: Response,
	request: SodaRequest,
	hasToken: boolean,
): Promise<SourceError> {
	const { status, statusText } = response;
	const text = await response.text().catch(() => "");
	const reason = `${status} ${statusText}${text && `, ${excerpt(errorMessageOf(text))}`}`;
	const isRetryable = RETRYABLE_STATUSES.includes(status);
	if (status >= 400 && status < 500 && !isRetryable) {
		const remedy = REMEDIES[status] ?? "check whether the source's API has changed";
		return sourceError({ name: "SourceRefused", request, reason: `${reason}; ${remedy}`, isRetryable });
	}
	const retryAfterMs = retryAfterMsOf(response);
	if (status !== 429) return sourceError({ name: "SourceUnavailable", request, reason, isRetryable, retryAfterMs });
	const throttled = hasToken ? reason : `${reason}; ${RAISE_LIMIT}`;
	return sourceError({ name: "SourceThrottled", request, reason: throttled, isRetryable, retryAfterMs });
}

/**
 * Checks the headers of a response with status 200, before its body is read.
 * @throws SourceUnavailable for another media type; SourceChanged where the rows are older than the metadata
 */
export function checkHeaders(response: Response, request: SodaRequest): void {
	const type = response.headers.get("content-type") ?? "";
	if (!type.startsWith(request.accept))
		throw sourceError({
			name: "SourceUnavailable",
			request,
			reason: `expected content type ${request.accept}, got ${type || "none"}`,
		});
	// Set by a replica that has not caught up: "true", or a list of what is out of date.
	const outOfDate = response.headers.get("x-soda2-data-out-of-date");
	if (outOfDate !== null && outOfDate !== "false" && outOfDate !== "[]")
		throw sourceError({
			name: "SourceChanged",
			request,
			reason: `the rows are older than the dataset's metadata (X-SODA2-Data-Out-Of-Date: ${excerpt(outOfDate)})`,
			isRetryable: false,
		});
}

/** The beginning of a text, on one line. */
export function excerpt(text: string): string {
	const line = text.replace(/\s+/g, " ").trim();
	return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

/** The message in the body of an error: SODA's are `{ code, error, message, data }`. Any other body is its own message. */
function errorMessageOf(text: string): string {
	try {
		const { message, errorMessage } = JSON.parse(text);
		return String(message ?? errorMessage ?? text);
	} catch {
		return text;
	}
}

/** `Retry-After` in milliseconds; the header has seconds or a date. RFC 9110, section 10.2.3. */
function retryAfterMsOf(response: Response): number | undefined {
	const value = response.headers.get("retry-after");
	if (value === null) return undefined;
	const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
	return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
