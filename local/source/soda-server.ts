/**
 * A stand-in for the open-data API on loopback: SODA 2.1 and 3 over a snapshot on this machine, so that extract always
 * does its real work. `npm run contract` holds it against the real API.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { SOURCE_COLUMNS } from "../../db/source-columns";
import { appendAscii, createOutput, reserve } from "../../handlers/rows/copy-text";
import { createFields, splitRecord } from "../../handlers/rows/csv-fields";
import { close, listen } from "../common/http-server";
import { fieldNamesOf } from "./csv-header";
import { appendJsonRow, appendJsonString } from "./json-rows";
import type { Snapshot } from "./snapshot";

export interface Source {
	url: string;
	/** Puts another snapshot in the place of the one that is served. */
	publish(snapshot: Snapshot): void;
	stop(): Promise<void>;
}

/** Sees each request before it is answered, and may answer in its place (true) or change what is asked. */
export type Intercept = (url: URL, request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

interface Selection {
	format: "csv" | "json";
	offset: number;
	limit: number;
}

const DEFAULT_LIMIT = 1000;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Starts serving a snapshot. @param intercept for tests: faults that the real API shows and no snapshot can */
export async function startSource(first: Snapshot, intercept: Intercept = () => false): Promise<Source> {
	let snapshot = first;
	const server = createServer(async (request, response) => {
		try {
			const url = new URL(request.url!, "http://localhost");
			if (await intercept(url, request, response)) return;
			await answer(snapshot, url, request, response);
		} catch (error) {
			refuse(response, 500, "internal-error", String(error));
		}
	});
	return {
		url: await listen(server),
		publish: (next) => {
			snapshot = next;
		},
		stop: () => close(server),
	};
}

async function answer(snapshot: Snapshot, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
	const [, api, first, second, third, query] = url.pathname.split("/");
	const isView = api === "api" && first === "views";
	const isQuery = api === "api" && first === "v3" && second === "views" && request.method === "POST";
	const isResource = api === "resource";
	const [dataset, extension] =
		(isQuery ? `${third}.${query?.split(".")[1]}` : isView ? second : first)?.split(".") ?? [];
	if (!isView && !isQuery && !isResource) return refuse(response, 404, "not-found", `Cannot find ${url.pathname}`);
	if (dataset !== snapshot.dataset) return refuse(response, 404, "dataset.missing", "Not found");
	if (extension !== "json" && extension !== "csv")
		return refuse(response, 406, "not-acceptable", `Unknown extension ${extension}`);
	if (isView) return send(response, "application/json; charset=utf-8", JSON.stringify(viewOf(snapshot)));

	const asked = isQuery ? await queryOf(request) : new Map(url.searchParams);
	if (asked.get("$select") === "count(*)")
		return send(
			response,
			"application/json;charset=utf-8",
			`${JSON.stringify([{ count: String(rowsIn(snapshot)) }])}\n`,
		);
	const [offset, limit] = [Number(asked.get("$offset") ?? 0), Number(asked.get("$limit") ?? DEFAULT_LIMIT)];
	if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(limit) || offset < 0 || limit < 0)
		return refuse(response, 400, "query.soql.invalid", "Invalid value for $offset or $limit");
	sendRows(response, snapshot, { format: extension, offset, limit });
}

/** SODA 3's words in those of SODA 2.1. */
async function queryOf(request: IncomingMessage): Promise<Map<string, string>> {
	const { query, page } = (await json(request)) as { query: string; page?: { pageNumber: number; pageSize: number } };
	if (/count\(\*\)/i.test(query)) return new Map([["$select", "count(*)"]]);
	const { pageNumber, pageSize } = page ?? { pageNumber: 1, pageSize: DEFAULT_LIMIT };
	return new Map([
		["$offset", String((pageNumber - 1) * pageSize)],
		["$limit", String(pageSize)],
	]);
}

function rowsIn(snapshot: Snapshot): number {
	return snapshot.offsets.length - 1;
}

function typeOf(field: string): string {
	const kind = SOURCE_COLUMNS.find((column) => column.field === field)?.kind;
	return kind === "count" ? "number" : kind === "point" ? "point" : "text";
}

function viewOf(snapshot: Snapshot): object {
	return {
		id: snapshot.dataset,
		name: snapshot.name,
		rowsUpdatedAt: snapshot.rowsUpdatedAt,
		columns: fieldNamesOf(snapshot.header).map((fieldName, index) => ({
			name: snapshot.header[index],
			fieldName,
			dataTypeName: typeOf(fieldName),
			position: index + 1,
		})),
	};
}

function sendRows(response: ServerResponse, snapshot: Snapshot, { format, offset, limit }: Selection): void {
	const fields = fieldNamesOf(snapshot.header);
	const first = Math.min(offset, rowsIn(snapshot));
	const last = Math.min(first + limit, rowsIn(snapshot));
	response.setHeader("x-soda2-fields", asciiJson(fields));
	response.setHeader("x-soda2-types", JSON.stringify(fields.map(typeOf)));
	response.setHeader("x-soda2-data-out-of-date", "false");
	response.setHeader("last-modified", new Date(snapshot.rowsUpdatedAt * 1000).toUTCString());
	if (format === "json") {
		send(response, "application/json;charset=utf-8", jsonRows(snapshot, fields, first, last));
		return;
	}
	// The rows' bytes as they are, whatever they are: the pipeline is to see them.
	const rows = snapshot.content.subarray(snapshot.offsets[first], snapshot.offsets[last]);
	response.writeHead(200, { "content-type": "text/csv;charset=utf-8" });
	response.write(`${fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(",")}\n`);
	response.write(rows);
	// The API ends every line; a file need not.
	response.end(rows.length && rows[rows.length - 1] !== NEWLINE ? "\n" : "");
}

/** JSON for a header of HTTP, which takes no characters beyond Latin-1. */
function asciiJson(value: unknown): string {
	return JSON.stringify(value).replace(
		/[\u0080-\uffff]/g,
		(char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
	);
}

/** Rows as SODA writes them; one with another number of fields as its text, which no row of the API is. */
function jsonRows(snapshot: Snapshot, names: string[], first: number, last: number): Buffer {
	const { content, offsets } = snapshot;
	const fields = names.map((name) => ({ name: Buffer.from(JSON.stringify(name)), isPoint: typeOf(name) === "point" }));
	const values = createFields();
	const output = createOutput();
	appendAscii(output, "[");
	for (let row = first; row < last; row++) {
		const start = offsets[row]!;
		const end = rowEnd(content, offsets[row + 1]!);
		const isRow = splitRecord(content, start, end, values) && values.count === names.length;
		if (isRow) appendJsonRow(output, fields, values);
		else appendJsonString(output, content, start, end);
		reserve(output, 3);
		appendAscii(output, row + 1 < last ? "\n," : "");
	}
	reserve(output, 2);
	appendAscii(output, "]\n");
	return output.bytes.subarray(0, output.length);
}

/** Where a row ends, before its line end and the empty lines after it. @param next where the next row begins */
function rowEnd(content: Buffer, next: number): number {
	const withoutReturn = (end: number) => (content[end - 1] === RETURN ? end - 1 : end);
	if (content[next - 1] !== NEWLINE) return withoutReturn(next);
	let end = next;
	while (content[end - 1] === NEWLINE) end = withoutReturn(end - 1);
	return end;
}

function send(response: ServerResponse, type: string, body: string | Buffer): void {
	response.writeHead(200, { "content-type": type });
	response.end(body);
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
	response.writeHead(status, { "content-type": "application/json;charset=utf-8" });
	response.end(JSON.stringify({ code, error: true, message }));
}
