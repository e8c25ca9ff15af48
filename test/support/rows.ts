/** Encodes single rows as the load does. */

import { matchHeader } from "../../db/source-columns";
import type { RawFormat } from "../../handlers/common/contract";
import { createRowEncoder, type Refusal } from "../../handlers/rows/row-encoder";

/** A row's values as COPY input, separated by tabs, or why it is rejected. */
export type Row = { key: number; values: string } | Refusal;

export function createRowReader(format: RawFormat, header: string[]): (raw: Buffer) => Row {
	const encoder = createRowEncoder(format, header, matchHeader(header));
	return (raw) => {
		encoder.begin(raw);
		const row = encoder.encode(0, raw.length, { prefix: "", hash: 0n, suffix: "" });
		if (typeof row !== "number") return row;
		const { bytes, length } = encoder.output;
		return { key: row, values: bytes.toString("utf8", "0\t".length, length) };
	};
}
