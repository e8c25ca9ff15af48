/** What is published, for the functions that read it: all of one moment. */

import { createHash } from "node:crypto";
import type { Client } from "pg";
import { DESCRIBE_LATEST } from "../../db/figures";
import { USE_SCHEMA } from "../../db/runs";

/** The latest snapshot. */
export interface Published {
	snapshotAt: Date;
	/** Changes whenever anything that is published may have. */
	identity: string;
}

/**
 * Begins to read what is published: until the transaction ends, the session sees what there is now, whatever a load publishes
 * meanwhile. Tables are found by their names alone, and times are written in UTC.
 * @returns undefined where nothing is published
 */
export async function beginReading(client: Client): Promise<Published | undefined> {
	await client.query("begin transaction isolation level repeatable read, read only");
	await client.query(USE_SCHEMA, ["ev"]);
	await client.query("set local timezone = 'UTC'");
	return (await client.query<Published>(DESCRIBE_LATEST)).rows[0];
}

/** Stands for all that decides what is made: equal parts, equal text. */
export function identify(...parts: unknown[]): string {
	return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
