/** COPY's text format, read line by line. https://www.postgresql.org/docs/18/sql-copy.html */

const NEWLINE = 0x0a;
const ESCAPES: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/**
 * Reads a stream of COPY text in chunks that may end anywhere.
 * @param onRow takes a line's fields; null is NULL
 */
export function createCopyReader(onRow: (fields: (string | null)[]) => void): {
	push(chunk: Buffer): void;
	end(): void;
} {
	let rest: Buffer | undefined;
	return {
		push(chunk) {
			const bytes = rest ? Buffer.concat([rest, chunk]) : chunk;
			const end = bytes.lastIndexOf(NEWLINE);
			// Copied, since the stream may use the chunk again.
			rest = end === bytes.length - 1 ? undefined : Buffer.from(bytes.subarray(end + 1));
			if (end === -1) return;
			// A line's end is no part of a longer character, so whole lines are whole text.
			for (const line of bytes.toString("utf8", 0, end).split("\n")) onRow(fieldsOf(line));
		},
		end() {
			if (rest) throw new Error("COPY's text ends within a line.");
		},
	};
}

function fieldsOf(line: string): (string | null)[] {
	const fields: (string | null)[] = line.split("\t");
	if (!line.includes("\\")) return fields;
	return fields.map((field) =>
		field === "\\N" ? null : field!.replace(/\\(.)/gs, (_, letter) => ESCAPES[letter] ?? letter),
	);
}
