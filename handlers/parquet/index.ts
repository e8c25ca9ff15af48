/** Turns COPY's text into Parquet: a module that ships compiled, since its loops run for each value. */

import { zstdCompressSync } from "node:zlib";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { type ParquetColumn, type ParquetValue, readerOf, schemaOf } from "./columns";
import { createCopyReader } from "./copy-reader";

export type { ColumnType, ParquetColumn } from "./columns";

export interface ParquetEncoder {
	/** Takes COPY's text, in chunks that may end anywhere. @throws where it is not that of the columns */
	push(chunk: Buffer): void;
	/** The file; the encoder takes nothing after it. */
	end(): { file: Uint8Array; rows: number };
}

/**
 * Rows that are written at once. All of their values are in memory, so that it does not grow with the table: more rows would
 * compress a little better.
 */
const GROUP_ROWS = 10_000;

/** Encodes rows of these columns, in their order. @param about what a reader of the file's metadata is told, by name */
export function createParquetEncoder(columns: ParquetColumn[], about: Record<string, string> = {}): ParquetEncoder {
	const readers = columns.map(readerOf);
	const bytes = new ByteWriter();
	const writer = new ParquetWriter({
		writer: bytes,
		schema: schemaOf(columns),
		codec: "ZSTD",
		compressors: { ZSTD: zstdCompressSync },
		kvMetadata: Object.entries(about).map(([key, value]) => ({ key, value })),
	});
	let group: ParquetValue[][] = columns.map(() => []);
	let rows = 0;
	const flush = () => {
		writer.write({
			columnData: columns.map(({ name }, index) => ({ name, data: group[index]! })),
			rowGroupSize: GROUP_ROWS,
		});
		group = columns.map(() => []);
	};
	const reader = createCopyReader((fields) => {
		if (fields.length !== columns.length)
			throw new Error(`Row ${rows + 1} has ${fields.length} fields, and not ${columns.length}.`);
		for (const [index, field] of fields.entries()) group[index]!.push(field === null ? null : readers[index]!(field));
		rows++;
		if (rows % GROUP_ROWS === 0) flush();
	});
	return {
		push: reader.push,
		end() {
			reader.end();
			if (group[0]!.length > 0) flush();
			writer.finish();
			return { file: bytes.getBytes(), rows };
		},
	};
}
