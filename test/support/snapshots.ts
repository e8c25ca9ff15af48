/** Small snapshots for tests, stored as raw files in S3. Rows are copies of one valid row with some values changed. */

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { SOURCE_COLUMNS } from "../../db/source-columns";
import type { RawFormat } from "../../handlers/common/contract";
import type { Bucket } from "../../handlers/raw/bucket";
import { type Manifest, pageKey, versionKey } from "../../handlers/raw/manifest";
import { writeManifest } from "../../handlers/raw/stored-manifest";

/** Values by field name, as in the CSV export; empty means NULL. */
export type Row = Record<string, string>;

export interface StoredSnapshot {
	/** Days after 1 January 2024, when the snapshot was published. */
	day: number;
	/** Rows by page. A Buffer is a page's whole content, with the CSV header or JSON brackets. */
	pages: (Row[] | Buffer)[];
	format?: RawFormat;
	/** Header names; the API's field names if not given. */
	header?: string[];
	/** Overrides of the manifest's values. */
	manifest?: Partial<Manifest>;
	/** Whether the manifest stands under its version's key, as it did before there were pointers. */
	beforePointers?: boolean;
}

export const FIELDS = SOURCE_COLUMNS.map((column) => column.field);
const GOOD: Row = {
	dol_vehicle_id: "",
	vin_1_10: "5YJYGDEE1L",
	county: "King",
	city: "Seattle",
	state: "WA",
	zip_code: "98122",
	model_year: "2020",
	make: "TESLA",
	model: "MODEL Y",
	ev_type: "Battery Electric Vehicle (BEV)",
	cafv_type: "Clean Alternative Fuel Vehicle Eligible",
	electric_range: "291",
	base_msrp: "0",
	legislative_district: "37",
	geocoded_column: "POINT (-122.30839 47.610365)",
	electric_utility: "CITY OF SEATTLE - (WA)|CITY OF TACOMA - (WA)",
	_2020_census_tract: "53033007800",
};

let attempts = 0;

/** A valid row with some values changed. */
export function vehicle(key: number | string, changes: Row = {}): Row {
	return { ...GOOD, dol_vehicle_id: String(key), ...changes };
}

/** Rows of the vehicles `from` to `to`, inclusive. */
export function vehicles(from: number, to: number, changes: Row = {}): Row[] {
	return Array.from({ length: to - from + 1 }, (_, index) => vehicle(from + index, changes));
}

/** Midnight (UTC), `day` days after 1 January 2024. */
export function dayOf(day: number): Date {
	return new Date(Date.UTC(2024, 0, 1 + day));
}

export function csvLine(row: Row, fields = FIELDS): string {
	return fields.map((field) => `"${(row[field] ?? "").replaceAll('"', '""')}"`).join(",");
}

/** A page as the API returns it. */
export function pageOf(rows: Row[], format: RawFormat, fields = FIELDS, header = fields): Buffer {
	if (format === "csv") {
		const names = header.map((name) => `"${name}"`).join(",");
		return Buffer.from(`${[names, ...rows.map((row) => csvLine(row, fields))].join("\n")}\n`);
	}
	const objects = rows.map((row) =>
		JSON.stringify(
			Object.fromEntries(fields.flatMap((field) => (row[field] ? [[field, jsonValue(field, row[field])]] : []))),
		),
	);
	return Buffer.from(`[${objects.join("\n,")}]\n`);
}

function jsonValue(field: string, value: string): unknown {
	const point = field === "geocoded_column" && /^POINT \((\S+) (\S+)\)$/.exec(value);
	return point ? { type: "Point", coordinates: [Number(point[1]), Number(point[2])] } : value;
}

/** Writes a snapshot's pages and manifest as extract would. @returns the manifest's key */
export async function storeSnapshot(storage: Bucket, snapshot: StoredSnapshot): Promise<string> {
	const { day, pages, format = "csv", header = FIELDS } = snapshot;
	const version = { dataset: "f6w7-q2d2", rowsUpdatedAt: dayOf(day).getTime() / 1000, format };
	const attempt = `test-${++attempts}`;
	const manifest: Manifest = { ...version, header, rows: 0, pages: [], fetchedAt: new Date().toISOString() };
	for (const [index, page] of pages.entries()) {
		const content = gzipSync(Buffer.isBuffer(page) ? page : pageOf(page, format, fieldsOf(header), header), {
			level: 1,
		});
		const rows = Buffer.isBuffer(page) ? 0 : page.length;
		const sha256 = createHash("sha256").update(content).digest("hex");
		const key = pageKey(version, attempt, index);
		await storage.write(key, content, { contentType: "application/gzip", sha256 });
		manifest.pages.push({ key, bytes: content.length, sha256, rows });
		manifest.rows += rows;
	}
	const full = { ...manifest, ...snapshot.manifest };
	if (!snapshot.beforePointers) return await writeManifest(storage, full, attempt);
	const text = Buffer.from(JSON.stringify(full));
	const sha256 = createHash("sha256").update(text).digest("hex");
	await storage.write(versionKey(version), text, { contentType: "application/json", sha256 });
	return versionKey(version);
}

/** The field of each header name, which may be a field name or a display name. */
function fieldsOf(header: string[]): string[] {
	return header.map((name) => SOURCE_COLUMNS.find((column) => column.display === name)?.field ?? name);
}
