/**
 * Ways to load converted rows into `ev.vehicles`, in the process that bench/process.ts starts. Node runs this file directly
 * by stripping its types, so its imports from the project need the extension .ts.
 */

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { Client } from "pg";
import { from as copyFrom } from "pg-copy-streams";

export interface MethodTask {
	method: "floor" | "drizzle" | "insert" | "upsert";
	/** CSV for COPY, with all columns in the table's order. */
	file: string;
	/** Loads at most this many rows of the file. */
	limit: number;
	connection: { host: string; port: number; database: string; user: string; password: string; ca: string };
}

export interface MethodResult {
	rows: number;
	/** Without starting the process and connecting. */
	seconds: number;
}

const FIELDS = "../handlers/rows/csv-fields.ts";
const DRIZZLE = "./method-drizzle.ts";
const BATCH_ROWS = 1000;

const METHODS: Record<MethodTask["method"], (client: Client, task: MethodTask) => Promise<number>> = {
	/** What psql's `\copy` does. */
	async floor(client, { file }) {
		const copy = client.query(copyFrom("copy ev.vehicles from stdin (format csv)"));
		await pipeline(createReadStream(file), copy);
		return copy.rowCount;
	},

	/** Drizzle, 1,000 rows per statement. */
	async drizzle(client, task) {
		const { insertBatches } = (await import(DRIZZLE)) as typeof import("./method-drizzle");
		return await insertBatches(client, batchesOf(task, BATCH_ROWS));
	},

	/** One INSERT for each row, each in a transaction of its own. */
	async insert(client, task) {
		return await rowByRow(client, task, "");
	},

	/** One INSERT … ON CONFLICT for each row, all in one transaction. */
	async upsert(client, task) {
		const [key, ...others] = await columnNames(client);
		await client.query("begin");
		const set = others.map((name) => `${name} = excluded.${name}`).join(", ");
		const rows = await rowByRow(client, task, `on conflict (${key}) do update set ${set}`);
		await client.query("commit");
		return rows;
	},
};

/** Sends a statement, prepared once, for each row. */
async function rowByRow(client: Client, task: MethodTask, onConflict: string): Promise<number> {
	const parameters = (await columnNames(client)).map((_, at) => `$${at + 1}`);
	const text = `insert into ev.vehicles values (${parameters.join(", ")}) ${onConflict}`;
	let rows = 0;
	for await (const batch of batchesOf(task, BATCH_ROWS))
		for (const values of batch) {
			await client.query({ name: "row", text, values });
			rows++;
		}
	return rows;
}

async function columnNames(client: Client): Promise<string[]> {
	const { rows } = await client.query<{ name: string }>(
		`select attname as name from pg_attribute
		where attrelid = 'ev.vehicles'::regclass and attnum > 0 and not attisdropped order by attnum`,
	);
	return rows.map(({ name }) => name);
}

/** Reads the file's rows in batches. An empty field is NULL, since no column holds empty text. */
async function* batchesOf({ file, limit }: MethodTask, size: number): AsyncGenerator<(string | null)[][]> {
	const { splitCsv } = (await import(FIELDS)) as typeof import("../handlers/rows/csv-fields");
	let batch: (string | null)[][] = [];
	let rows = 0;
	for await (const line of createInterface({ input: createReadStream(file) })) {
		if (rows++ === limit) break;
		const values = splitCsv(line);
		if (!values) throw new Error(`Row ${rows} of ${file} spans several lines.`);
		batch.push(values.map((value) => (value === "" ? null : value)));
		if (batch.length < size) continue;
		yield batch;
		batch = [];
	}
	if (batch.length) yield batch;
}

async function runMethod(task: MethodTask): Promise<MethodResult> {
	const { ca, ...connection } = task.connection;
	const client = new Client({ ...connection, ssl: { ca, rejectUnauthorized: true } });
	await client.connect();
	const startedAt = performance.now();
	const rows = await METHODS[task.method](client, task);
	const seconds = (performance.now() - startedAt) / 1000;
	await client.end();
	return { rows, seconds };
}

process.on("message", (task: MethodTask) => {
	runMethod(task).then(
		(result) => process.send!(result),
		(error: Error) => process.send!({ error: error.cause ? String(error.cause) : error.message }),
	);
});
process.on("disconnect", () => process.exit(1));
