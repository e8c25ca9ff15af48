/** What passes between the schedule, the workflow and the functions: keys, references and counts, never data. */

import type { LoadCounts } from "../../db/counts";
import type { FailureName } from "./failure";

/** Raw formats the source offers and the loader reads. */
export type RawFormat = "csv" | "json";

/** ARNs of the secrets a function may resolve; the values never travel. */
export interface SecretReferences {
	/** `{ bucket }`: where raw data lives. */
	pipeline: string;
	/** `{ appToken }`, or no value at all: the open-data API's token. */
	source: string;
	/** Host, port, name, user and password of the database, as AWS's own tools name them. */
	database: string;
}

/** What the schedule (or a person) starts the workflow with; everything after `secrets` is an override for one run. */
export interface WorkflowInput {
	dataset: string;
	secrets: SecretReferences;
	/** Ask the source again although its version is in S3 already. */
	refetch?: boolean;
	/** Merge again although the version is published already. */
	reload?: boolean;
	/** Names of the guards a person overrides for this run. */
	accept?: string[];
	/** Keys of manifests to load in this order, in place of asking the source: rebuilds a history from raw data. */
	replay?: string[];
}

/** Guards that a person may override for one run. */
export const GUARDS = [
	"SchemaDrift",
	"SourceIncomplete",
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
	/** Key of the finished manifest in the raw bucket. */
	manifestKey: string;
	/** False where a finished manifest for the source's version was there already. */
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
	/** The manifest must be of this dataset; of any, if not given. */
	dataset?: string;
	manifestKey: string;
	secrets: Pick<SecretReferences, "pipeline" | "database">;
	reload?: boolean;
	accept?: string[];
}

export interface LoadResult extends LoadCounts {
	status: "loaded" | "unchanged";
	rowsUpdatedAt: number;
	/** Sentences for people: guards that were overridden, columns left out, removals withheld. */
	notes: string[];
	seconds: number;
}

/** What the workflow tells `notify`; `error` is as Step Functions' Catch gives it. */
export interface NotifyEvent {
	runId: string;
	dataset: string;
	/** Where to look: the execution's ARN. */
	execution: string;
	/** When the execution began, ISO 8601. */
	startedAt: string;
	/** Null where it was not reached, or nothing was to be fetched. */
	extract: ExtractResult | null;
	load: LoadResult | null;
	error?: { Error: string; Cause: string };
}

export interface NotifyResult {
	/** False where there was nothing worth telling: an unchanged night. */
	published: boolean;
	subject: string;
}

/** The part of Lambda's context that handlers use. */
export interface HandlerContext {
	awsRequestId: string;
	getRemainingTimeInMillis(): number;
}
