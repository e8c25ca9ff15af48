/**
 * A stand-in for the open-data API on loopback: SODA 2.1 and 3 over a snapshot on this machine, so that extract always
 * does its real work. `npm run contract` holds it against the real API.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { SOURCE_COLUMNS } from "../../db/source";
import { splitCsv } from "../../handlers/rows/fields";
import { close, listen } from "../common/http-server";
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

/** The API's name of each column; one it does not know gets the name Socrata would make of it. */
function fieldNames(snapshot: Snapshot): string[] {
	return snapshot.header.map((name) => {
		const column = SOURCE_COLUMNS.find(({ display, field }) => display === name || field === name);
		return column?.field ?? name.toLowerCase().replace(/[^a-z0-9:@]+/g, "_");
	});
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
		columns: fieldNames(snapshot).map((fieldName, index) => ({
			name: snapshot.header[index],
			fieldName,
			dataTypeName: typeOf(fieldName),
			position: index + 1,
		})),
	};
}

function sendRows(response: ServerResponse, snapshot: Snapshot, { format, offset, limit }: Selection): void {
	const fields = fieldNames(snapshot);
	const first = Math.min(offset, rowsIn(snapshot));
	const last = Math.min(first + limit, rowsIn(snapshot));
	response.setHeader("x-soda2-fields", JSON.stringify(fields));
	response.setHeader("x-soda2-types", JSON.stringify(fields.map(typeOf)));
	response.setHeader("x-soda2-data-out-of-date", "false");
	response.setHeader("last-modified", new Date(snapshot.rowsUpdatedAt * 1000).toUTCString());
	if (format === "json") {
		send(response, "application/json;charset=utf-8", jsonRows(snapshot, fields, first, last));
		return;
	}
	// The rows' bytes as they are, whatever they are: the pipeline is to see them.
	response.writeHead(200, { "content-type": "text/csv;charset=utf-8" });
	response.write(`${fields.map((field) => `"${field}"`).join(",")}\n`);
	response.end(snapshot.content.subarray(snapshot.offsets[first], snapshot.offsets[last]));
}

/** Rows as SODA writes them: one a line, NULLs left out, numbers as strings, points as GeoJSON. */
function jsonRows(snapshot: Snapshot, fields: string[], first: number, last: number): string {
	const rows: string[] = [];
	for (let row = first; row < last; row++) {
		const line = snapshot.content
			.toString("utf8", snapshot.offsets[row], snapshot.offsets[row + 1])
			.replace(/[\r\n]+$/, "");
		const values = splitCsv(line);
		if (values?.length === fields.length) rows.push(JSON.stringify(jsonRow(fields, values)));
		// Nothing the API could say; the pipeline sets it aside with its text.
		else rows.push(JSON.stringify({ malformed_row: line }));
	}
	return `[${rows.join("\n,")}]\n`;
}

function jsonRow(fields: string[], values: string[]): Record<string, unknown> {
	const row: Record<string, unknown> = {};
	fields.forEach((field, index) => {
		const value = values[index]!;
		if (value === "") return;
		const point = typeOf(field) === "point" ? /^POINT ?\((\S+) (\S+)\)$/.exec(value) : null;
		row[field] = point ? { type: "Point", coordinates: [Number(point[1]), Number(point[2])] } : value;
	});
	return row;
}

function send(response: ServerResponse, type: string, body: string): void {
	response.writeHead(200, { "content-type": type });
	response.end(body);
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
	response.writeHead(status, { "content-type": "application/json;charset=utf-8" });
	response.end(JSON.stringify({ code, error: true, message }));
}
