/**
 * The registered vehicles as the database knows them: the key of each, and the hash of the raw row that it was last updated
 * from. A row whose hash is known is unchanged, so it is neither parsed nor copied.
 *
 * A hash table in typed arrays, because for two million rows it takes 54 MB where a `Map` from hash to key and page takes
 * 240 MB and two to three times as long. With 64 bits, the chance that any changed row among 300,000 is taken for a known one
 * is below one in a hundred million.
 */

export interface KnownRows {
	/** How many rows are known. */
	readonly size: number;
	/**
	 * Marks the row with this hash as seen on a page (from 1).
	 * @returns the page it was seen on before, or 0; -1 where no such row is known
	 */
	markSeen(hash: bigint, page: number): number;
	/** Marks a vehicle of which a row is copied to the database. */
	markCopied(key: number): void;
	/** Marks a vehicle of which a row was rejected. */
	markRejected(key: number): void;
	/**
	 * To be called when all rows are marked.
	 * @returns the keys of vehicles of which no row was seen, copied or rejected; and whether a vehicle's known row was seen
	 * and another row of it copied, so that the two must be compared
	 */
	compare(): { gone: number[]; hasConflictingRow: boolean };
}

/** Reads known rows as the database sends them. */
export interface KnownRowsReader {
	/** Takes a chunk of COPY_KNOWN's output in COPY's binary format; chunks may end anywhere. */
	add(chunk: Buffer): void;
	/** The table of all rows that were added. */
	index(): KnownRows;
}

const HEADER_BYTES = 19; // signature, flags, extension length
const ROW_HEADER_BYTES = 6; // field count, then the one field's length
const PAIR_BYTES = 16;
const HALF = 2 ** 32;
/** A slot that holds no index. */
const FREE = -1;

export function createKnownRowsReader(): KnownRowsReader {
	let keys = new Float64Array(2 ** 16);
	let hashes = new Uint32Array(2 ** 17);
	let size = 0;
	let rest: Buffer = Buffer.alloc(0);
	let started = false;
	/** Bytes that are left of the current row. */
	let left = 0;

	const append = (bytes: Buffer, at: number) => {
		if (size === keys.length) {
			// `transfer` frees the smaller array at once instead of leaving it to the garbage collector.
			keys = new Float64Array(keys.buffer.transfer(2 * keys.byteLength));
			hashes = new Uint32Array(hashes.buffer.transfer(2 * hashes.byteLength));
		}
		keys[size] = bytes.readUInt32BE(at) * HALF + bytes.readUInt32BE(at + 4);
		hashes[2 * size] = bytes.readUInt32BE(at + 12);
		hashes[2 * size + 1] = bytes.readUInt32BE(at + 8);
		size++;
	};

	return {
		add(chunk) {
			const bytes = rest.length ? Buffer.concat([rest, chunk]) : chunk;
			let at = 0;
			if (!started && bytes.length >= HEADER_BYTES) {
				started = true;
				at = HEADER_BYTES;
			}
			while (started) {
				if (left === 0) {
					// The trailer, two bytes of -1, is shorter than a row's header and stays in `rest`.
					if (at + ROW_HEADER_BYTES > bytes.length) break;
					left = bytes.readInt32BE(at + 2);
					at += ROW_HEADER_BYTES;
				}
				if (at + PAIR_BYTES > bytes.length) break;
				append(bytes, at);
				at += PAIR_BYTES;
				left -= PAIR_BYTES;
			}
			rest = Buffer.from(bytes.subarray(at));
		},
		index: () => indexKnownRows(keys, hashes, size),
	};
}

/** Open addressing: 27 bytes a row in all. @param hashes low and high half of each, alternating */
function indexKnownRows(keys: Float64Array, hashes: Uint32Array, size: number): KnownRows {
	/** Indexes of rows, by the low half of their hash. */
	const byHash = createTable(size);
	for (let index = 0; index < size; index++) insert(byHash, hashes[2 * index]! % byHash.length, index);
	/** The page on which each row was seen; 0: not seen. */
	const pages = new Uint16Array(size);
	const copied = createKeySet();
	const rejected = createKeySet();
	const hashed = new BigUint64Array(1);
	const halves = new Uint32Array(hashed.buffer);

	const find = (hash: bigint) => {
		hashed[0] = hash;
		const low = halves[0]!;
		const high = halves[1]!;
		for (let slot = low % byHash.length; ; slot = nextSlot(byHash, slot)) {
			const index = byHash[slot]!;
			if (index === FREE || (hashes[2 * index] === low && hashes[2 * index + 1] === high)) return index;
		}
	};

	return {
		size,
		markSeen(hash, page) {
			const index = find(hash);
			if (index === FREE) return -1;
			const before = pages[index]!;
			pages[index] = page;
			return before;
		},
		// Where nothing is known, there is nothing to compare in the end.
		markCopied: size ? copied.add : () => {},
		markRejected: size ? rejected.add : () => {},
		compare() {
			const isCopied = copied.lookup();
			const isRejected = rejected.lookup();
			const gone: number[] = [];
			let hasConflictingRow = false;
			for (let index = 0; index < size; index++) {
				const key = keys[index]!;
				if (pages[index] !== 0) hasConflictingRow ||= isCopied(key);
				else if (!isCopied(key) && !isRejected(key)) gone.push(key);
			}
			return { gone, hasConflictingRow };
		},
	};
}

/** A set of keys that is filled first and then looked up. */
function createKeySet() {
	let keys = new Float64Array(2 ** 10);
	let size = 0;
	return {
		add(key: number): void {
			if (size === keys.length) keys = new Float64Array(keys.buffer.transfer(2 * keys.byteLength));
			keys[size++] = key;
		},
		lookup(): (key: number) => boolean {
			const table = createTable(size);
			/** Hashed, so that consecutive keys do not cluster. */
			const slotOf = (key: number) => (Math.imul(key, 0x9e3779b1) >>> 0) % table.length;
			for (let index = 0; index < size; index++) insert(table, slotOf(keys[index]!), index);
			return (key) => {
				for (let slot = slotOf(key); ; slot = nextSlot(table, slot)) {
					const index = table[slot]!;
					if (index === FREE || keys[index] === key) return index !== FREE;
				}
			};
		},
	};
}

/** A table for so many entries. A quarter of its slots stays free, so that probes are short and always end. */
function createTable(size: number): Int32Array {
	return new Int32Array(Math.ceil((size * 4) / 3) + 1).fill(FREE);
}

/** The slot to probe next; the first follows the last. */
function nextSlot(table: Int32Array, slot: number): number {
	return slot + 1 < table.length ? slot + 1 : 0;
}

/** Inserts an entry into the first free slot from its own one on. */
function insert(table: Int32Array, own: number, index: number): void {
	let slot = own;
	while (table[slot] !== FREE) slot = nextSlot(table, slot);
	table[slot] = index;
}
