/** The stand-in for the open-data API, with the faults a test gives it and a record of what it was asked. */

import type { IncomingHttpHeaders } from "node:http";
import { makeSample } from "../../local/source/sample";
import { createSnapshot, type Snapshot } from "../../local/source/snapshot";
import { type Intercept, startSource } from "../../local/source/soda-server";

export interface FaultySource {
	url: string;
	/** What was asked, in order. */
	asked: Asked[];
	/** Gives the next requests this fault. @param times how many of them */
	fail(fault: Intercept, of?: { what?: (asked: Asked) => boolean; times?: number }): void;
	/** Takes back the faults that are left. */
	recover(): void;
	publish(snapshot: Snapshot): void;
	stop(): Promise<void>;
}

export interface Asked {
	/** Method, path and query, as they were sent. */
	what: string;
	headers: IncomingHttpHeaders;
}

/** A small made-up snapshot. @param about what is other than a sample of so many vehicles */
export function sampleSnapshot(vehicles: number, about: Partial<Snapshot> = {}): Snapshot {
	return createSnapshot({ name: "sample", dataset: "sample", ...makeSample(0, vehicles), ...about });
}

/** A snapshot's rows without its header, as they are in its content. */
export function rowsOf({ content, offsets }: Snapshot): string {
	return content.toString("utf8", offsets[0]);
}

export async function startFaultySource(snapshot: Snapshot): Promise<FaultySource> {
	const asked: Asked[] = [];
	const faults: { fault: Intercept; what: (asked: Asked) => boolean; left: number }[] = [];
	const source = await startSource(snapshot, async (url, request, response) => {
		const now = { what: `${request.method} ${request.url}`, headers: request.headers };
		asked.push(now);
		const next = faults.find(({ what, left }) => left > 0 && what(now));
		if (!next) return false;
		next.left--;
		return next.fault(url, request, response);
	});
	return {
		...source,
		asked,
		fail(fault, { what = () => true, times = Number.POSITIVE_INFINITY } = {}) {
			faults.push({ fault, what, left: times });
		},
		recover() {
			faults.length = 0;
		},
	};
}

/** Whether a request is for rows: neither for the dataset's description nor for a count. */
export function isPage({ what }: Asked): boolean {
	return what.includes("/query.csv") || /\/resource\/.*[$]offset/.test(what);
}

export function isDescription({ what }: Asked): boolean {
	return what.includes("/api/views/");
}

/** Answers so. */
export function answers(status: number, body = "", headers: Record<string, string> = {}): Intercept {
	return (_, __, response) => {
		response.writeHead(status, { "content-type": "application/json;charset=utf-8", ...headers });
		response.end(body);
		return true;
	};
}

/** Cuts the connection: before an answer, or after the beginning of one. */
export function cuts(beginning?: string, headers: Record<string, string> = {}): Intercept {
	return (_, __, response) => {
		if (beginning === undefined) response.destroy();
		else {
			response.writeHead(200, { "content-type": "text/csv;charset=utf-8", ...headers });
			response.write(beginning, () => response.destroy());
		}
		return true;
	};
}

/** Says nothing, or nothing more after the beginning of an answer, and keeps the connection. */
export function fallsSilent(beginning?: string, headers: Record<string, string> = {}): Intercept {
	return (_, __, response) => {
		if (beginning !== undefined) {
			response.writeHead(200, { "content-type": "text/csv;charset=utf-8", ...headers });
			response.flushHeaders();
			response.write(beginning);
		}
		return true;
	};
}
