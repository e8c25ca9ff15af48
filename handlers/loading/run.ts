/** One run of the load: the context that its steps share. */

import type { Client } from "pg";
import type { Layout } from "../../db/source-columns";
import type { Guard, LoadEvent } from "../common/contract";
import { failure, reasonOf } from "../common/failure";
import type { Log } from "../common/log";
import type { Bucket } from "../raw/bucket";
import type { Manifest } from "../raw/manifest";

/** What the stack's configuration decides. */
export interface LoadSettings {
	/** The stack's name, a dimension of the metrics. */
	stack: string;
	/** Share of a snapshot's rows that may be rejected, 0 to 1. */
	maxRejectedShare: number;
	/** Share of the registered vehicles that one snapshot may remove, 0 to 1. */
	maxRemovedShare: number;
	/** Share of the registered vehicles of which one snapshot may change values, 0 to 1. */
	maxChangedShare: number;
}

export interface Run {
	event: LoadEvent;
	settings: LoadSettings;
	client: Client;
	bucket: Bucket;
	log: Log;
	/** Milliseconds left to the load. */
	timeLeft(): number;
	/** Whether a person accepted what a guard would refuse; if so, the run's notes say so. */
	accepts(guard: Guard, what: string): boolean;
	/** Sentences for people. */
	notes: string[];
	progress: Progress;
}

/** How far a run has come, which decides what a failure means. */
export interface Progress {
	phase: "reading" | "merging" | "committing";
	/** The page that is being read, from 1; 0 before the first. */
	page: number;
	pages: number;
}

/** A run that knows its snapshot. */
export interface SnapshotRun extends Run {
	manifest: Manifest;
	/** Of the manifest, in hexadecimal. */
	manifestSha256: string;
	/** The header, matched with the database's columns. */
	layout: Layout;
	/** The snapshot's time, which is the version of the source. */
	snapshotAt: Date;
}

/** The snapshot's time, as the database stores it. */
export function snapshotTime({ rowsUpdatedAt }: Manifest): Date {
	return new Date(rowsUpdatedAt * 1000);
}

/** How far a run has come, for people. */
export function describeProgress({ phase, page, pages }: Progress): string {
	if (phase === "merging") return "at the merge";
	if (phase === "committing") return "at COMMIT";
	return page === 0 ? "before the first page" : `at page ${page} of ${pages}`;
}

/** @param cause what ended the load, where it did not stop by itself */
export function outOfTime({ progress }: Run, cause?: unknown): Error {
	const why = cause === undefined ? "" : ` (${reasonOf(cause)})`;
	return failure(
		"OutOfTime",
		`The load stopped ${describeProgress(progress)}, because its time was up${why}; give the function more time or memory.`,
		cause,
	);
}
