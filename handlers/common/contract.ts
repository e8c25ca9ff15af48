/** Inputs and results of the workflow and the functions: keys, ARNs and counts, never rows. */

import type { LoadCounts } from "../../db/counts";
import type { Schema } from "../../db/runs";
import type { FailureName } from "./failure";

/** Formats that the source offers and load reads. */
export type RawFormat = "csv" | "json";

/** ARNs of the secrets that a function may read; the values are never passed on. */
export interface SecretReferences {
	/** `{ bucket }`: the raw bucket's name. */
	pipeline: string;
	/** `{ appToken }` for the open-data API, or no value. */
	source: string;
	/** Host, port, name, user and password of the database, in the format of Secrets Manager's database secrets. */
	database: string;
}

/** The workflow's input, from the schedule or a person. Everything after `secrets` is an override for one run. */
export interface WorkflowInput {
	dataset: string;
	secrets: SecretReferences;
	/** Fetch the source's version even if it is already in S3. */
	refetch?: boolean;
	/** Merge the version even if it is already published. */
	reload?: boolean;
	/** Names of the guards to override. */
	accept?: string[];
	/**
	 * Build what was published again from raw data, instead of fetching the source's version; the other overrides then have no
	 * effect.
	 */
	replay?: boolean;
}

/** Guards that can be overridden for one run. */
export const GUARDS = [
	"SchemaDrift",
	"SourceIncomplete",
	"SuspiciousChange",
	"SuspiciousShrink",
	"TooManyRejects",
	"UnreadableKeys",
] as const satisfies FailureName[];

export type Guard = (typeof GUARDS)[number];

export interface ExtractEvent {
	runId: string;
	dataset: string;
	secrets: Pick<SecretReferences, "pipeline" | "source">;
	refetch?: boolean;
}

export interface ExtractResult {
	/** Key of the manifest in the raw bucket. */
	manifestKey: string;
	/** False if the source's version was already in S3. */
	fetched: boolean;
	rows: number;
	/** Compressed size of all pages. */
	bytes: number;
	/** When the source's rows last changed, Unix seconds. */
	rowsUpdatedAt: number;
	seconds: number;
}

export interface LoadEvent {
	runId: string;
	/** The manifest must be of this dataset; any if not given. */
	dataset?: string;
	manifestKey: string;
	/** SHA-256 that the manifest must have, in hexadecimal; any if not given. */
	manifestSha256?: string | null;
	secrets: Pick<SecretReferences, "pipeline" | "database">;
	/** Where the tables are; `ev` if not given, `ev_next` in a replay. */
	schema?: Schema;
	/** Merge the snapshot even if its content is published. */
	reload?: boolean;
	accept?: string[];
}

export interface LoadResult extends LoadCounts {
	status: "loaded" | "unchanged";
	rowsUpdatedAt: number;
	/** Sentences for the message: overridden guards, ignored columns, withheld removals. */
	notes: string[];
	seconds: number;
}

/** Without an action, migrate applies migrations, as a deployment asks for; the actions are the two ends of a replay. */
export type MigrateEvent = { action?: undefined } | ReplayEvent;

export type ReplayEvent =
	| { action: "prepareReplay"; runId: string }
	/** `token` is the plan's. */
	| { action: "publishReplay"; runId: string; token: string };

/** A run to load again, as it was started. About 250 bytes in JSON. */
export interface ReplayedRun {
	runId: string;
	manifestKey: string;
	/** Null for runs before the sum was kept. */
	manifestSha256: string | null;
	accept: string[];
}

export interface ReplayPlan {
	/** In the order in which they ended. */
	runs: ReplayedRun[];
	/** Names the replay, and what is published now; for publishing. */
	token: string;
}

export interface ReplayPublished {
	token: string;
}

/** Of export and report, which read what is published. */
export interface PublishEvent {
	runId: string;
	dataset: string;
}

export interface ExportResult {
	/** False if the stored files are of what is published, made by the same program. */
	made: boolean;
	/** Number of files. */
	files: number;
	/** Of all files. */
	bytes: number;
	seconds: number;
}

export interface ReportResult {
	/** False if the stored page is of what is published, made by the same program. */
	made: boolean;
	bytes: number;
	seconds: number;
	/** The snapshot that the page shows, ISO 8601 in UTC; none if nothing is published. */
	snapshotAt?: string;
}

/** An error in the format of Step Functions' Catch. */
export interface CaughtError {
	Error: string;
	Cause: string;
}

export interface NotifyEvent {
	runId: string;
	dataset: string;
	/** ARN of the execution. */
	execution: string;
	/** When the execution started, ISO 8601. */
	startedAt: string;
	/** Whether the run is a replay; anything else if its input was wrong. */
	replay?: unknown;
	/** Null if extract did not finish, or did not run in a replay. */
	extract: ExtractResult | null;
	load: LoadResult | null;
	/** Why the data files are still the old ones; null if they are not, or export did not run. */
	exportError: CaughtError | null;
	/** Why the page is still the old one; null if it is not, or report did not run. */
	reportError: CaughtError | null;
	error?: CaughtError;
}

export interface NotifyResult {
	/** False if no message was needed: the source had nothing new. */
	published: boolean;
	subject: string;
}

/** The part of Lambda's context that handlers use. */
export interface HandlerContext {
	awsRequestId: string;
	getRemainingTimeInMillis(): number;
}
