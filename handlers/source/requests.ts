/** The requests that the client sends, in SODA 2.1 and SODA 3. */

import type { RawFormat } from "../common/contract";

export type SodaVersion = "2.1" | "3";

/** Where a dataset is read. */
export interface SodaEndpoint {
	/** Such as `https://data.wa.gov`. */
	baseUrl: string;
	/** Socrata's id, such as `f6w7-q2d2`. */
	dataset: string;
	version: SodaVersion;
}

export interface SodaRequest {
	method: "GET" | "POST";
	url: string;
	/** The media type that is expected. */
	accept: "application/json" | "text/csv";
	/** Sent as JSON with POST. */
	body?: object;
}

export interface PageOptions {
	format: RawFormat;
	/** From 0. */
	index: number;
	/** Rows per page. */
	rows: number;
}

/** The dataset's metadata, the same in both versions: columns, and when the rows last changed. */
export function metadataRequest({ baseUrl, dataset }: SodaEndpoint): SodaRequest {
	return { method: "GET", url: `${baseUrl}/api/views/${dataset}.json`, accept: "application/json" };
}

/** The number of rows. */
export function countRequest({ baseUrl, dataset, version }: SodaEndpoint): SodaRequest {
	const accept = "application/json";
	if (version === "2.1") return { method: "GET", url: `${baseUrl}/resource/${dataset}.json?$select=count(*)`, accept };
	const url = `${baseUrl}/api/v3/views/${dataset}/query.json`;
	return { method: "POST", url, accept, body: { query: "SELECT count(*)" } };
}

/**
 * One page, ordered by the rows' internal ids: without an order, pages may repeat and miss rows.
 * https://dev.socrata.com/docs/paging
 */
export function pageRequest(endpoint: SodaEndpoint, { format, index, rows }: PageOptions): SodaRequest {
	const { baseUrl, dataset, version } = endpoint;
	const accept = format === "csv" ? "text/csv" : "application/json";
	if (version === "2.1") {
		const query = `$order=:id&$limit=${rows}&$offset=${index * rows}`;
		return { method: "GET", url: `${baseUrl}/resource/${dataset}.${format}?${query}`, accept };
	}
	return {
		method: "POST",
		url: `${baseUrl}/api/v3/views/${dataset}/query.${format}`,
		accept,
		body: {
			query: "SELECT * ORDER BY :id",
			page: { pageNumber: index + 1, pageSize: rows },
			includeSynthetic: false,
		},
	};
}
