/** Writes what is published as files, from the database to the bucket. */

import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { promises as streams } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createGzip } from "node:zlib";
import type { Client } from "pg";
import { to as copyTo } from "pg-copy-streams";
import type { Bucket } from "../raw/bucket";
import { describeRelation, type Relation } from "./relations";

/** Where the files are in the bucket. */
export const FOLDER = "site/data";
/** Nothing tells CloudFront that there are new files. */
export const CACHE_CONTROL = "public, max-age=300";

export type Format = "parquet" | "csv" | "json";

/** What a file holds, and how. */
interface Source {
	path: string;
	title: string;
	relation: string;
	/** The table whose columns a view passes on. */
	base?: string;
	order: string;
	format: Format;
}

const VEHICLES = { relation: "current_vehicles", base: "vehicles", order: "dol_vehicle_id" };
const CHANGES = { relation: "vehicle_changes", order: "changed_at, dol_vehicle_id, kind" };
const COUNTS = {
	relation: "snapshot_counts",
	order: "snapshot_at, state, county, make, model, model_year, vehicle_type, county_fips",
};

/** In the order of the page's list. */
const SOURCES: Source[] = [
	{ path: "vehicles.parquet", title: "Vehicles of the latest snapshot", format: "parquet", ...VEHICLES },
	{ path: "vehicles.csv.gz", title: "The same as compressed CSV", format: "csv", ...VEHICLES },
	{ path: "changes.parquet", title: "Changes of vehicles since the first snapshot", format: "parquet", ...CHANGES },
	{ path: "counts.parquet", title: "Vehicles counted by place, make, model and year", format: "parquet", ...COUNTS },
	{
		path: "counts.json.gz",
		title: "The same counts as compressed JSON, a list for each column",
		format: "json",
		...COUNTS,
	},
];

/** A file as it was stored. */
export interface StoredFile {
	path: string;
	title: string;
	format: Format;
	mediaType: string;
	bytes: number;
	sha256: string;
	relation: Relation;
}

const MEDIA_TYPES: Record<Format, string> = {
	parquet: "application/vnd.apache.parquet",
	csv: "application/gzip",
	json: "application/gzip",
};

/**
 * Writes all files, one after the other. Until the data package is written, it describes files of which some are newer; their
 * SHA-256 tells.
 * @param client in a transaction that sees one state
 */
export async function writeFiles(client: Client, bucket: Bucket): Promise<StoredFile[]> {
	const stored: StoredFile[] = [];
	for (const { path, title, format, relation: name, base, order } of SOURCES) {
		const relation = await describeRelation(client, name, base);
		const content = await ENCODE[format](client, relation, order);
		const sha256 = createHash("sha256").update(content).digest("hex");
		const mediaType = MEDIA_TYPES[format];
		await bucket.write(`${FOLDER}/${path}`, content, { contentType: mediaType, sha256, cacheControl: CACHE_CONTROL });
		stored.push({ path, title, format, mediaType, bytes: content.length, sha256, relation });
	}
	return stored;
}

const ENCODE: Record<Format, (client: Client, relation: Relation, order: string) => Promise<Buffer>> = {
	parquet: encodeParquet,
	csv: encodeCsv,
	json: encodeJson,
};

/** The code that runs for each value ships as modules, since loops in a closure take two to three times as long. */
const parquetModule = () => require(resolve("handlers/parquet")) as typeof import("../parquet");

async function encodeParquet(client: Client, { name, description, columns }: Relation, order: string): Promise<Buffer> {
	const encoder = parquetModule().createParquetEncoder(columns, { description });
	const selected = columns.map(({ copied }) => copied).join(", ");
	const rows = client.query(copyTo(`copy (select ${selected} from ${name} order by ${order}) to stdout`));
	for await (const chunk of rows) encoder.push(chunk);
	const { file } = encoder.end();
	return Buffer.from(file.buffer, file.byteOffset, file.length);
}

/** Lists with a bar between their items, as in the source; times as ISO 8601; `true`, which tools know, and not COPY's `t`. */
async function encodeCsv(client: Client, { name, columns }: Relation, order: string): Promise<Buffer> {
	const selected = columns.map(({ name, type }) => {
		if (type === "list") return `array_to_string(${name}, '|') as ${name}`;
		if (type === "boolean") return `${name}::text`;
		return type === "timestamp" ? `to_char(${name}, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as ${name}` : name;
	});
	const query = `copy (select ${selected.join(", ")} from ${name} order by ${order}) to stdout (format csv, header)`;
	return await compress(client.query(copyTo(query)));
}

/** JSON has none of these characters, so COPY leaves each value as it is. */
const AS_IT_IS = "format csv, delimiter e'\\x01', quote e'\\x02'";

/** A list for each column, which is a third of an object for each row. No list is in memory, since they grow with each snapshot. */
async function encodeJson(client: Client, { name, columns }: Relation, order: string): Promise<Buffer> {
	const text = async function* () {
		for (const [index, column] of columns.entries()) {
			yield `${index === 0 ? "{" : ","}${JSON.stringify(column.name)}:[`;
			const items = `select ',' || coalesce(to_json(${column.name})::text, 'null') from ${name} order by ${order}`;
			yield* withoutFirstByte(client.query(copyTo(`copy (${items}) to stdout (${AS_IT_IS})`)));
			yield "]";
		}
		yield "}";
	};
	return await compress(text());
}

async function* withoutFirstByte(chunks: AsyncIterable<Buffer>) {
	let skipped = 1;
	for await (const chunk of chunks) {
		yield chunk.subarray(skipped);
		skipped = 0;
	}
}

/** Not with `pipe()`, which passes no error on: a lost session would end the process. */
async function compress(text: AsyncIterable<Buffer | string>): Promise<Buffer> {
	return await streams.pipeline(text, createGzip(), buffer);
}
