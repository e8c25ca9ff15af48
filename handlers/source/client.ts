/**
 * The open-data client: Socrata's SODA 2.1, and SODA 3 with a token. https://dev.socrata.com/docs/queries/
 *
 * Each method is one question, asked again by itself as long as the answer may still come; what is given up is one
 * sentence that names the request and what the source said.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { RawFormat } from "../common/contract";
import { type FailureName, failure, isFailure, reasonOf } from "../common/failure";
import type { Log } from "../common/log";
import { retry } from "../common/retry";

export type SodaVersion = "2.1" | "3";

export interface SodaOptions {
	/** Such as `https://data.wa.gov`. */
	baseUrl: string;
	dataset: string;
	version: SodaVersion;
	/** Lifts the limit that all callers of one address share; SODA 3 answers nobody without one. */
	appToken?: string;
	log: Log;
	/** How patient it is; tests are not. */
	patience?: Partial<Patience>;
}

export interface Patience {
	/** Until the answer begins. */
	responseMs: number;
	/** Between two pieces of an answer. */
	silenceMs: number;
	/** Between two questions whether an answer that the source is still working on is ready. */
	pollMs: number;
	/** Of questions per answer that is not ready. */
	polls: number;
	/** Of tries per question. */
	tries: number;
	/** Ceiling of the first wait between two tries. */
	firstDelayMs: number;
	/** Ceiling of a wait the source asks for with `Retry-After`; if it wants more, it is asked again after this all the same. */
	maxAskedDelayMs: number;
}

const PATIENCE: Patience = {
	responseMs: 60_000,
	silenceMs: 30_000,
	pollMs: 2_000,
	polls: 30,
	tries: 5,
	firstDelayMs: 1_000,
	maxAskedDelayMs: 60_000,
};

/** Worth another try: throttled, an error of the server's own, or of what stands before it. */
const PASSING_STATUS = [408, 429, 500, 502, 503, 504];

/** What a person can do about a refusal, which asking again does not change. https://dev.socrata.com/docs/response-codes */
const REMEDY: Record<number, string> = {
	401: "put a valid app token into the secret `source`, or none",
	403: "put a valid app token into the secret `source`, or none, and see whether the dataset is still public",
	404: "see whether the settings dataset and sourceUrl still name it",
	410: "see whether the settings dataset and sourceUrl still name it",
};

export interface SourceState {
	/** When the rows last changed, Unix seconds. */
	rowsUpdatedAt: number;
	/** Field names of the columns, without the source's own bookkeeping. */
	fields: string[];
	rows: number;
}

export interface PageRequest {
	format: RawFormat;
	/** From 0. */
	index: number;
	/** Rows to a page. */
	rows: number;
}

export interface Soda {
	/** What the source holds now. @throws SourceUnavailable, SourceThrottled, SourceRefused, SourceChanged */
	state(): Promise<SourceState>;
	/**
	 * Fetches one page whole, in the source's own order of ids. A page that breaks off is asked for again from its start.
	 * @param take reads the page's bytes; called anew for each try
	 * @throws SourceUnavailable, SourceThrottled, SourceRefused, SourceChanged
	 */
	page<T>(request: PageRequest, take: (body: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T>;
}

interface Question {
	url: string;
	/** Sent as JSON by POST; without it, the question is a GET. */
	body?: object;
	accept: string;
}

/** Makes a client for one dataset. @throws ConfigurationInvalid for SODA 3 without a token */
export function createSoda(options: SodaOptions): Soda {
	const { baseUrl, dataset, version, appToken, log } = options;
	const patience = { ...PATIENCE, ...options.patience };
	if (version === "3" && !appToken)
		throw failure(
			"ConfigurationInvalid",
			'SODA 3 answers nobody without an app token; put { "appToken": … } into the secret `source`, or set sodaVersion to 2.1.',
		);

	/** Asks once. @returns a response whose body has not been read */
	const askOnce = async (question: Question, signal: AbortSignal): Promise<Response> => {
		const response = await fetch(question.url, {
			method: question.body ? "POST" : "GET",
			headers: {
				accept: question.accept,
				...(appToken && { "x-app-token": appToken }),
				...(question.body && { "content-type": "application/json" }),
			},
			...(question.body && { body: JSON.stringify(question.body) }),
			signal,
		});
		if (response.status === 200) return response;
		throw await refusal(response, question);
	};

	/** Asks until the source has done its work, and reads the answer, cutting it off when it falls silent. */
	const askAndTake = async <T>(
		question: Question,
		take: (response: Response, body: AsyncIterable<Uint8Array>) => Promise<T>,
	) => {
		const abort = new AbortController();
		let timer: NodeJS.Timeout | undefined;
		const expect = (what: string, ms: number) => {
			clearTimeout(timer);
			timer = setTimeout(() => abort.abort(new Error(`${what} for ${ms / 1000} s`)), ms);
		};
		try {
			for (let poll = 0; ; poll++) {
				expect("no answer", patience.responseMs);
				try {
					const response = await askOnce(question, abort.signal);
					expect("silence in the middle of the answer", patience.silenceMs);
					checkAnswer(response, question);
					const body = (async function* () {
						for await (const chunk of response.body ?? []) {
							expect("silence in the middle of the answer", patience.silenceMs);
							yield chunk as Uint8Array;
						}
					})();
					return await take(response, body);
				} catch (error) {
					if (!isStillWorking(error) || poll >= patience.polls) throw error;
					clearTimeout(timer);
					await sleep(patience.pollMs);
				}
			}
		} catch (error) {
			// A failure has its name already; all else is the network's.
			if (error instanceof Error && "question" in error) throw error;
			if (isFailure(error, "SourceChanged", "StorageUnavailable", "OutOfTime")) throw error;
			throw sourceFailure("SourceUnavailable", question, reasonOf(error), error);
		} finally {
			clearTimeout(timer);
			// Closes the connection of an answer that was not read to its end.
			abort.abort();
		}
	};

	const ask = <T>(question: Question, take: (response: Response, body: AsyncIterable<Uint8Array>) => Promise<T>) =>
		retry(
			{
				limit: patience.tries,
				firstDelayMs: patience.firstDelayMs,
				maxDelayMs: 30_000,
				isPassing: (error) => "passing" in error && error.passing === true,
				askedDelayMs: (error) => {
					const asked = "retryAfterMs" in error ? (error.retryAfterMs as number | undefined) : undefined;
					return asked === undefined ? undefined : Math.min(asked, patience.maxAskedDelayMs);
				},
				onRetry: (error, attempt, delayMs) =>
					log.warn("asking again", { reason: error.message, attempt, delayMs: Math.round(delayMs) }),
			},
			() => askAndTake(question, take),
		);

	const askJson = <T>(question: Question): Promise<T> =>
		ask(question, async (_, body) => {
			const chunks: Uint8Array[] = [];
			for await (const chunk of body) chunks.push(chunk);
			const text = Buffer.concat(chunks).toString("utf8");
			try {
				return JSON.parse(text) as T;
			} catch (error) {
				throw sourceFailure("SourceUnavailable", question, `an answer that is not JSON: ${excerpt(text)}`, error);
			}
		});

	return {
		async state() {
			const about: Question = { url: `${baseUrl}/api/views/${dataset}.json`, accept: "application/json" };
			const view = await askJson<{ rowsUpdatedAt?: unknown; columns?: { fieldName?: unknown }[] }>(about);
			if (!Number.isSafeInteger(view.rowsUpdatedAt) || !Array.isArray(view.columns))
				throw sourceFailure("SourceUnavailable", about, "a description without rowsUpdatedAt or columns");
			const counting = countQuestion(options);
			const counted = await askJson<Record<string, unknown>[]>(counting);
			const rows = Number(Object.values(counted[0] ?? {})[0]);
			if (!Number.isSafeInteger(rows)) throw sourceFailure("SourceUnavailable", counting, "a count that is no number");
			const fields = view.columns.map((column) => String(column.fieldName)).filter((name) => !name.startsWith(":"));
			return { rowsUpdatedAt: view.rowsUpdatedAt as number, fields, rows };
		},
		page: (request, take) => ask(pageQuestion(options, request), (_, body) => take(body)),
	};
}

/** How many rows there are, in either version's words. */
function countQuestion({ baseUrl, dataset, version }: SodaOptions): Question {
	const accept = "application/json";
	if (version === "3")
		return { url: `${baseUrl}/api/v3/views/${dataset}/query.json`, accept, body: { query: "SELECT count(*)" } };
	return { url: `${baseUrl}/resource/${dataset}.json?$select=count(*)`, accept };
}

/** One page, ordered by the rows' ids: without an order, pages may repeat and miss rows. */
function pageQuestion({ baseUrl, dataset, version }: SodaOptions, { format, index, rows }: PageRequest): Question {
	const accept = format === "csv" ? "text/csv" : "application/json";
	if (version === "2.1")
		return {
			url: `${baseUrl}/resource/${dataset}.${format}?$order=:id&$limit=${rows}&$offset=${index * rows}`,
			accept,
		};
	return {
		url: `${baseUrl}/api/v3/views/${dataset}/query.${format}`,
		accept,
		body: {
			query: "SELECT * ORDER BY :id",
			page: { pageNumber: index + 1, pageSize: rows },
			includeSynthetic: false,
		},
	};
}

/** An error of the source, with what `ask` must know to decide whether it may pass. */
function sourceFailure(
	name: FailureName,
	question: Question,
	said: string,
	cause?: unknown,
	more: { passing?: boolean; retryAfterMs?: number; status?: number } = {},
): Error {
	const request = `${question.body ? "POST" : "GET"} ${question.url}`;
	return Object.assign(failure(name, `${request}: ${said}.`, cause), { question, passing: true, ...more });
}

/** What a status other than 200 means. The body, where it is SODA's, says why. */
async function refusal(response: Response, question: Question): Promise<Error> {
	const { status } = response;
	const text = await response.text().catch(() => "");
	const said = `${status} ${response.statusText}${text && `, ${excerpt(sodaMessage(text))}`}`;
	const passing = PASSING_STATUS.includes(status);
	const more = { status, passing, retryAfterMs: retryAfter(response) };
	if (status === 202)
		return sourceFailure("SourceUnavailable", question, "202, still working on the answer", undefined, more);
	if (status >= 400 && status < 500 && !passing) {
		const remedy = REMEDY[status] ?? "see what the source's API wants now";
		return sourceFailure("SourceRefused", question, `${said}; ${remedy}`, undefined, more);
	}
	return sourceFailure(status === 429 ? "SourceThrottled" : "SourceUnavailable", question, said, undefined, more);
}

function isStillWorking(error: unknown): boolean {
	return error instanceof Error && "status" in error && error.status === 202;
}

/** What is wrong with an answer before its body is read. */
function checkAnswer(response: Response, question: Question): void {
	const type = response.headers.get("content-type") ?? "";
	if (!type.startsWith(question.accept))
		throw sourceFailure(
			"SourceUnavailable",
			question,
			`an answer of type ${type || "none"} instead of ${question.accept}`,
		);
	// A replica that lags behind the metadata names what it has not caught up with.
	const lag = response.headers.get("x-soda2-data-out-of-date");
	if (lag !== null && lag !== "false" && lag !== "[]")
		throw sourceFailure(
			"SourceChanged",
			question,
			`an answer older than the dataset says (${excerpt(lag)})`,
			undefined,
			{
				passing: false,
			},
		);
}

/** SODA's errors are `{ code, error, message, data }`. */
function sodaMessage(text: string): string {
	try {
		const { message, errorMessage } = JSON.parse(text);
		return String(message ?? errorMessage ?? text);
	} catch {
		return text;
	}
}

/** `Retry-After` in milliseconds: seconds, or a date. RFC 9110, section 10.2.3. */
function retryAfter(response: Response): number | undefined {
	const value = response.headers.get("retry-after");
	if (value === null) return undefined;
	const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
	return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** The beginning of a text, on one line. */
function excerpt(text: string): string {
	const line = text.replace(/\s+/g, " ").trim();
	return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
