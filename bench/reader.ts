/**
 * Sends an analyst's queries to `ev.current_vehicles`, one after the other, in the process that bench/process.ts starts.
 * Node runs this file directly by stripping its types.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";

export interface ReaderTask {
	/** `start` connects and warms up, `begin` starts measuring, `end` returns the result. */
	do: "start" | "begin" | "end";
	connection?: { host: string; port: number; database: string; user: string; password: string; ca: string };
}

export interface ReaderResult {
	queries: number;
	/** Seconds within which 99 % of the queries were answered. */
	p99: number;
}

const PAUSE_MS = 2;
const PLACES = `select postal_code from ev.current_vehicles where postal_code is not null
	group by postal_code order by count(*) desc, 1 limit 50`;
const QUERY = `select make, model, count(*) as vehicles, max(last_changed_at) as changed
	from ev.current_vehicles where postal_code = $1 group by make, model order by vehicles desc limit 10`;

let latencies: number[] = [];

async function start({ ca, ...connection }: NonNullable<ReaderTask["connection"]>): Promise<void> {
	const client = new Client({ ...connection, ssl: { ca, rejectUnauthorized: true } });
	await client.connect();
	const { rows: places } = await client.query<{ postal_code: string }>(PLACES);
	const ask = async (at: number) => {
		const startedAt = performance.now();
		await client.query({ name: "query", text: QUERY, values: [places[at % places.length]!.postal_code] });
		latencies.push((performance.now() - startedAt) / 1000);
	};
	for (let at = 0; at < 2 * places.length; at++) await ask(at);
	const forever = async () => {
		for (let at = 0; ; at++) {
			await ask(at);
			await sleep(PAUSE_MS);
		}
	};
	forever().catch((error: Error) => process.send!({ error: error.message }));
}

function result(): ReaderResult {
	const sorted = latencies.toSorted((a, b) => a - b);
	return { queries: sorted.length, p99: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0 };
}

process.on("message", async (task: ReaderTask) => {
	try {
		if (task.do === "start") await start(task.connection!);
		const answer = task.do === "end" ? result() : {};
		if (task.do === "begin") latencies = [];
		process.send!(answer);
	} catch (error) {
		process.send!({ error: (error as Error).message });
	}
});
process.on("disconnect", () => process.exit(1));
