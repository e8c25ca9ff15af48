/** CSV exports on disk, as people give them to `npm run local`, and their way through the real functions into a database. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SOURCE_COLUMNS } from "../../db/source-columns";
import type { LoadResult, RawFormat } from "../../handlers/common/contract";
import { extractHandler } from "../../handlers/extract";
import { type KnownVersion, type OpenOptions, openSnapshots } from "../../local/source/snapshot";
import { startSource } from "../../local/source/soda-server";
import type { LoadOptions, TestBed, TestDatabase } from "./bed";
import { silently } from "./output";
import { FIELDS, type Row, vehicle } from "./snapshots";

/** Names of the export's columns, in the order of `FIELDS`. */
export const NAMES = SOURCE_COLUMNS.map((column) => column.display);
export const HEADER = NAMES.join(",");

/** A line of an export, quoted where it must be. */
export function exportLine(row: Row): string {
	const quoted = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
	return FIELDS.map((field) => quoted(row[field] ?? "")).join(",");
}

/** An export of some rows; every line ends with a line break. */
export function exportOf(rows: Row[], header = HEADER): string {
	return [header, ...rows.map(exportLine), ""].join("\n");
}

/** Lines of the vehicles `from` to `to`. */
export function exportLines(from: number, to: number, changes: Row = {}): string[] {
	return Array.from({ length: to - from + 1 }, (_, index) => exportLine(vehicle(from + index, changes)));
}

/** For the tests of a suite: an empty folder, and how to write a file into it. */
export function useFolder() {
	let folder: string;
	before(() => {
		folder = mkdtempSync(join(tmpdir(), "ev-registrations-files-"));
	});
	after(() => rmSync(folder, { recursive: true }));
	return {
		path: (name: string) => join(folder, name),
		/** Writes a file. @returns its path */
		write(name: string, content: string | Uint8Array): string {
			const path = join(folder, name);
			writeFileSync(path, content);
			return path;
		},
	};
}

/** The settings of a stack that sets none. */
const SETTINGS = { maxRejectedShare: 0.01, maxRemovedShare: 0.2, maxChangedShare: 0.2 };
const SOURCE_SECRET = "arn:source";
let runs = 0;

/**
 * Loads files one after the other into a database of their own, as `npm run local` would: open, serve, extract, load.
 * @param pageRows rows per page
 */
export async function createFileLoader(bed: TestBed, format: RawFormat, pageRows = 1000) {
	const database: TestDatabase = await bed.newDatabase();
	const known: KnownVersion[] = [];
	bed.aws.secrets.put(SOURCE_SECRET, {});
	return {
		database,
		known,
		/** @throws what openSnapshots, extract or load throw */
		async load(path: string, options: OpenOptions & LoadOptions = {}): Promise<LoadResult & { fileNotes: string[] }> {
			const [opened] = openSnapshots([path], known, options);
			const { snapshot, version, notes: fileNotes } = opened!;
			known.push(version);
			const source = await startSource(snapshot);
			try {
				process.env.SOURCE_URL = source.url;
				const extract = extractHandler({
					stack: "test",
					sourceFormat: format,
					sodaVersion: "2.1",
					pageRows,
					concurrency: 1,
				});
				const secrets = { pipeline: "arn:pipeline", source: SOURCE_SECRET };
				const event = { runId: `files-${++runs}`, dataset: snapshot.dataset, secrets, refetch: true };
				const context = { awsRequestId: "test", getRemainingTimeInMillis: () => 60_000 };
				const { manifestKey } = await silently(() => extract(event, context));
				const { settings, accept } = options;
				const result = await database.loadManifest(manifestKey, {
					settings: { ...SETTINGS, ...settings },
					...(accept && { accept }),
				});
				return { ...result, fileNotes };
			} finally {
				await source.stop();
			}
		},
		/** Columns of the registered vehicles, by key. */
		current: (columns: string) =>
			database.query<Record<string, unknown>>(`select ${columns} from ev.current_vehicles order by dol_vehicle_id`),
	};
}

export type FileLoader = Awaited<ReturnType<typeof createFileLoader>>;
