/** Parquet files, read by hyparquet. */

import { zstdDecompressSync } from "node:zlib";

/** All rows of a file, as objects by column. */
export async function readParquet(file: Uint8Array): Promise<Record<string, unknown>[]> {
	// A module of Node's newer kind.
	const { parquetReadObjects } = await import("hyparquet");
	return await parquetReadObjects({
		file: new Uint8Array(file).buffer,
		compressors: { ZSTD: (part) => zstdDecompressSync(part) },
	});
}
