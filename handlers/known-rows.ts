/**
 * What the database holds, as hashes of the raw rows it was brought up to date from: a row whose hash is known is
 * unchanged, and need neither be read nor sent.
 *
 * 64 bits: among 300,000 rows the chance that any changed row passes for a known one is below one in a hundred million.
 */

export interface KnownRows {
	/** How many there are. */
	readonly size: number;
	/** Takes a piece of PostgreSQL's binary COPY output of (key bigint, hash bigint); pieces may end anywhere. */
	add(chunk: Buffer): void;
	/** Where a hash is, or -1. */
	find(hash: bigint): number;
	/** Notes on which page (from 1) it was seen. @returns the page it was seen on before, or 0 */
	see(index: number, page: number): number;
	/** Keys of the rows that were not seen. */
	unseen(): Generator<number>;
}

/**
 * An open-addressing table in typed arrays: about 26 bytes a row.
 * @param rows how many will be added, at most
 */
export function createKnownRows(rows: number): KnownRows {
	const HEADER_BYTES = 19; // signature, flags, extension length
	const TUPLE_BYTES = 26; // field count, then length and eight bytes, twice
	const mask = 2 ** Math.ceil(Math.log2(Math.max(rows, 1) * 1.5 + 1)) - 1;
	const slots = new Int32Array(mask + 1).fill(-1);
	const keys = new Float64Array(rows);
	const high = new Uint32Array(rows);
	const low = new Uint32Array(rows);
	const pages = new Uint16Array(rows);
	const HALF = 2 ** 32;
	// Globals are looked up anew at every use inside a closure, and these are used for every row.
	const { asUintN } = BigInt;
	const toNumber = Number;
	let size = 0;
	let rest: Buffer = Buffer.alloc(0);
	let started = false;

	const insert = (key: number, hi: number, lo: number) => {
		keys[size] = key;
		high[size] = hi;
		low[size] = lo;
		let slot = lo & mask;
		while (slots[slot] !== -1) slot = (slot + 1) & mask;
		slots[slot] = size++;
	};

	return {
		get size() {
			return size;
		},
		add(chunk) {
			const bytes = rest.length ? Buffer.concat([rest, chunk]) : chunk;
			let at = 0;
			if (!started && bytes.length >= HEADER_BYTES) {
				started = true;
				at = HEADER_BYTES;
			}
			// The trailer, two bytes of -1, is shorter than a tuple and stays behind.
			for (; started && at + TUPLE_BYTES <= bytes.length; at += TUPLE_BYTES) {
				const key = bytes.readUInt32BE(at + 6) * HALF + bytes.readUInt32BE(at + 10);
				insert(key, bytes.readUInt32BE(at + 18), bytes.readUInt32BE(at + 22));
			}
			rest = Buffer.from(bytes.subarray(at));
		},
		find(hash) {
			const hi = toNumber(asUintN(32, hash >> 32n));
			const lo = toNumber(asUintN(32, hash));
			for (let slot = lo & mask; ; slot = (slot + 1) & mask) {
				const index = slots[slot]!;
				if (index === -1 || (low[index] === lo && high[index] === hi)) return index;
			}
		},
		see(index, page) {
			const before = pages[index]!;
			pages[index] = page;
			return before;
		},
		*unseen() {
			for (let index = 0; index < size; index++) if (pages[index] === 0) yield keys[index]!;
		},
	};
}
