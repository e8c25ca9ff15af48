/**
 * Client of the open-data API: Socrata's SODA 2.1, and SODA 3 with an app token. https://dev.socrata.com/docs/queries/
 *
 * Each method retries what may succeed later. Other errors are one sentence that names the request and the source's answer.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { FAILURES, failure, isFailure, reasonOf } from "../common/failure";
import type { Log } from "../common/log";
import { retry } from "../common/retry";
import { CHECK_DATASET, checkHeaders, excerpt, isSourceError, sourceError } from "./http-errors";
import {
	countRequest,
	metadataRequest,
	type PageOptions,
	pageRequest,
	type SodaEndpoint,
	type SodaRequest,
} from "./requests";
import { createRequestTimeout, type RequestTimeout, readWithIdleTimeout, sendRequest } from "./transport";

export interface SodaOptions extends SodaEndpoint {
	/** Raises the rate limit that is otherwise shared by IP address. SODA 3 requires one. */
	appToken?: string;
	log: Log;
	/** Default: `DEFAULT_LIMITS`. */
	limits?: Partial<RequestLimits>;
}

export interface RequestLimits {
	/** Until a response begins. */
	responseTimeoutMs: number;
	/** Between two chunks of a response. */
	idleTimeoutMs: number;
	/** Pause before a query that is still running is asked for again. */
	pollIntervalMs: number;
	/** How often a query that is still running is asked for again. */
	maxPolls: number;
	/** How often a request is sent in all. */
	maxAttempts: number;
	/** Ceiling of the first pause between two attempts; it doubles with each. */
	firstDelayMs: number;
	/** Ceiling of a pause that the source asks for by `Retry-After`. */
	maxRetryAfterMs: number;
}

const DEFAULT_LIMITS: RequestLimits = {
	responseTimeoutMs: 60_000,
	idleTimeoutMs: 30_000,
	pollIntervalMs: 2_000,
	maxPolls: 30,
	maxAttempts: 5,
	firstDelayMs: 1_000,
	maxRetryAfterMs: 60_000,
};

/** Ceiling of any pause that the source did not ask for. */
const MAX_DELAY_MS = 30_000;

export interface SourceState {
	/** When the rows last changed, Unix seconds. */
	rowsUpdatedAt: number;
	/** Field names of the columns, without Socrata's computed ones. */
	fields: string[];
	rows: number;
}

export interface SodaClient {
	/** The dataset's current version. @throws SourceUnavailable, SourceThrottled, SourceRefused, SourceChanged */
	getState(): Promise<SourceState>;
	/**
	 * Fetches a page. One that breaks off is requested again from its start.
	 * @param read reads the page's bytes; called anew for each attempt. The pipeline's own failures that it throws end the
	 * request; any other error counts as the source's
	 * @returns what `read` returned for the attempt that succeeded
	 * @throws SourceUnavailable, SourceThrottled, SourceRefused, SourceChanged
	 */
	getPage<T>(page: PageOptions, read: ReadBody<T>): Promise<T>;
}

type ReadBody<T> = (body: AsyncIterable<Uint8Array>) => Promise<T>;

interface Connection {
	appToken: string | undefined;
	limits: RequestLimits;
	log: Log;
}

/** Creates a client for one dataset. @throws ConfigurationInvalid for SODA 3 without an app token */
export function createSodaClient(options: SodaOptions): SodaClient {
	const { appToken, log } = options;
	if (options.version === "3" && !appToken)
		throw failure(
			"ConfigurationInvalid",
			'SODA 3 requires an app token; put { "appToken": … } into the secret `source`, or set sodaVersion to 2.1.',
		);
	const connection: Connection = { appToken, log, limits: { ...DEFAULT_LIMITS, ...options.limits } };
	return {
		async getState() {
			const metadata = await getMetadata(connection, metadataRequest(options));
			const rows = await getCount(connection, countRequest(options));
			return { ...metadata, rows };
		},
		getPage: (page, read) => withRetries(connection, pageRequest(options, page), read),
	};
}

/** @throws SourceRefused where the metadata lacks what is needed, which asking again does not bring */
async function getMetadata(connection: Connection, request: SodaRequest): Promise<Omit<SourceState, "rows">> {
	const view = await getJson<{ rowsUpdatedAt?: unknown; columns?: { fieldName?: unknown }[] }>(connection, request);
	const missing = [
		...(Number.isSafeInteger(view.rowsUpdatedAt) ? [] : ["rowsUpdatedAt, which says when the rows changed"]),
		...(Array.isArray(view.columns) ? [] : ["columns"]),
	];
	if (missing.length)
		throw sourceError({
			name: "SourceRefused",
			request,
			reason: `the metadata has no ${missing.join(", and no ")}; ${CHECK_DATASET}, and start a run again once the metadata is whole`,
			isRetryable: false,
		});
	const fields = view.columns!.map((column) => String(column.fieldName)).filter((name) => !name.startsWith(":"));
	return { rowsUpdatedAt: view.rowsUpdatedAt as number, fields };
}

/** @throws SourceUnavailable where the response has no number */
async function getCount(connection: Connection, request: SodaRequest): Promise<number> {
	const counted = await getJson<Record<string, unknown>[]>(connection, request);
	// SODA 2.1 and SODA 3 name the only column differently.
	const rows = Number(Object.values(counted[0] ?? {})[0]);
	if (!Number.isSafeInteger(rows))
		throw sourceError({ name: "SourceUnavailable", request, reason: "the row count is not a number" });
	return rows;
}

function getJson<T>(connection: Connection, request: SodaRequest): Promise<T> {
	return withRetries(connection, request, async (body) => {
		const chunks: Uint8Array[] = [];
		for await (const chunk of body) chunks.push(chunk);
		const text = Buffer.concat(chunks).toString("utf8");
		try {
			return JSON.parse(text) as T;
		} catch (cause) {
			throw sourceError({ name: "SourceUnavailable", request, reason: `not JSON: ${excerpt(text)}`, cause });
		}
	});
}

/** Sends a request until its response was read whole, or another attempt cannot help. */
function withRetries<T>(connection: Connection, request: SodaRequest, read: ReadBody<T>): Promise<T> {
	const { limits, log } = connection;
	return retry(
		{
			maxAttempts: limits.maxAttempts,
			firstDelayMs: limits.firstDelayMs,
			maxDelayMs: MAX_DELAY_MS,
			isRetryable: (error) => isSourceError(error) && error.isRetryable,
			retryAfterMs(error) {
				if (!isSourceError(error) || error.retryAfterMs === undefined) return undefined;
				return Math.min(error.retryAfterMs, limits.maxRetryAfterMs);
			},
			onRetry: (error, attempt, delayMs) =>
				log.warn("retrying request", { reason: error.message, attempt, delayMs: Math.round(delayMs) }),
		},
		() => readResponse(connection, request, read),
	);
}

/** One attempt: sends the request and reads the response. */
async function readResponse<T>(connection: Connection, request: SodaRequest, read: ReadBody<T>): Promise<T> {
	const timeout = createRequestTimeout();
	try {
		const response = await pollUntilReady(connection, request, timeout);
		checkHeaders(response, request);
		return await read(readWithIdleTimeout(response, timeout, connection.limits.idleTimeoutMs));
	} catch (error) {
		if (isFailure(error, ...FAILURES)) throw error;
		throw sourceError({ name: "SourceUnavailable", request, reason: reasonOf(error), cause: error });
	} finally {
		timeout.close();
	}
}

/** Sends a request again as long as the source answers 202: it is still running the query. */
async function pollUntilReady(
	{ appToken, limits }: Connection,
	request: SodaRequest,
	timeout: RequestTimeout,
): Promise<Response> {
	for (let polls = 0; ; polls++) {
		timeout.restart("no response", limits.responseTimeoutMs);
		const response = await sendRequest(request, appToken, timeout.signal);
		if (response.status === 200) return response;
		// Read to its end, so that the connection can be used again.
		await response.text().catch(() => {});
		timeout.clear();
		if (polls >= limits.maxPolls)
			throw sourceError({
				name: "SourceUnavailable",
				request,
				reason: `202, the query is still running after ${polls} polls`,
				isRetryable: false,
			});
		await sleep(limits.pollIntervalMs);
	}
}
