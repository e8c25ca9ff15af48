/**
 * The registered vehicles, as the database holds them: each one's key, and the hash of the raw row it was brought up to
 * date from. A row whose hash is known is unchanged, and need neither be read nor sent.
 *
 * 64 bits: among 300,000 rows the chance that any changed row passes for a known one is below one in a hundred million.
 */

export interface KnownRows {
	/** How many there are. */
	readonly size: number;
	/**
	 * Notes that a row with this hash stands on a page (from 1).
	 * @returns the page it was seen on before, or 0; -1 where no such row is known
	 */
	see(hash: bigint, page: number): number;
	/** Notes that a row of this vehicle is sent to the database. */
	send(key: number): void;
	/** Notes that a row of this vehicle was set aside. */
	setAside(key: number): void;
	/**
	 * Once all rows are noted: the keys of the vehicles of which no row was seen, sent or set aside, and whether a vehicle's
	 * known row was seen and another row of it was sent, so that the two must be compared.
	 */
	compare(): { gone: number[]; hasTwin: boolean };
}

/** Takes known rows as the database sends them. */
export interface KnownRowsReader {
	/** Takes a piece of what COPY_KNOWN gives, in COPY's binary format; pieces may end anywhere. */
	add(chunk: Buffer): void;
	/** All that were added. */
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
	/** Bytes of the row that is being read. */
	let left = 0;

	const take = (bytes: Buffer, at: number) => {
		if (size === keys.length) {
			// What is outgrown is given back at once, and not when garbage is collected.
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
					// The trailer, two bytes of -1, is shorter than a row's header and stays behind.
					if (at + ROW_HEADER_BYTES > bytes.length) break;
					left = bytes.readInt32BE(at + 2);
					at += ROW_HEADER_BYTES;
				}
				if (at + PAIR_BYTES > bytes.length) break;
				take(bytes, at);
				at += PAIR_BYTES;
				left -= PAIR_BYTES;
			}
			rest = Buffer.from(bytes.subarray(at));
		},
		index: () => indexKnownRows(keys, hashes, size),
	};
}

/** Open addressing in typed arrays: 27 bytes a row in all. @param hashes low and high half of each, in turn */
function indexKnownRows(keys: Float64Array, hashes: Uint32Array, size: number): KnownRows {
	const byHash = createTable(size);
	for (let index = 0; index < size; index++) put(byHash, hashes[2 * index]! % byHash.length, index);
	/** On which page each was seen. */
	const pages = new Uint16Array(size);
	const sent = createKeys();
	const setAside = createKeys();
	const hashed = new BigUint64Array(1);
	const halves = new Uint32Array(hashed.buffer);

	const find = (hash: bigint) => {
		hashed[0] = hash;
		const low = halves[0]!;
		const high = halves[1]!;
		for (let slot = low % byHash.length; ; slot = after(byHash, slot)) {
			const index = byHash[slot]!;
			if (index === FREE || (hashes[2 * index] === low && hashes[2 * index + 1] === high)) return index;
		}
	};

	return {
		size,
		see(hash, page) {
			const index = find(hash);
			if (index === FREE) return -1;
			const before = pages[index]!;
			pages[index] = page;
			return before;
		},
		// Where nothing is known, there is nothing to compare with in the end.
		send: size ? sent.add : () => {},
		setAside: size ? setAside.add : () => {},
		compare() {
			const isSent = sent.lookup();
			const isSetAside = setAside.lookup();
			const gone: number[] = [];
			let hasTwin = false;
			for (let index = 0; index < size; index++) {
				const key = keys[index]!;
				if (pages[index] !== 0) hasTwin ||= isSent(key);
				else if (!isSent(key) && !isSetAside(key)) gone.push(key);
			}
			return { gone, hasTwin };
		},
	};
}

/** Keys, which are added one by one and then looked up. */
function createKeys() {
	let keys = new Float64Array(2 ** 10);
	let size = 0;
	return {
		add(key: number): void {
			if (size === keys.length) keys = new Float64Array(keys.buffer.transfer(2 * keys.byteLength));
			keys[size++] = key;
		},
		lookup(): (key: number) => boolean {
			const table = createTable(size);
			/** Scattered, since keys come in runs. */
			const slotOf = (key: number) => (Math.imul(key, 0x9e3779b1) >>> 0) % table.length;
			for (let index = 0; index < size; index++) put(table, slotOf(keys[index]!), index);
			return (key) => {
				for (let slot = slotOf(key); ; slot = after(table, slot)) {
					const index = table[slot]!;
					if (index === FREE || keys[index] === key) return index !== FREE;
				}
			};
		},
	};
}

/** Slots for so many entries, of which a quarter stays free, so that a search is short. */
function createTable(size: number): Int32Array {
	return new Int32Array(Math.ceil((size * 4) / 3) + 1).fill(FREE);
}

/** The slot to look into next; after the last comes the first. */
function after(table: Int32Array, slot: number): number {
	return slot + 1 < table.length ? slot + 1 : 0;
}

/** Puts an entry into the first free slot from its own on. */
function put(table: Int32Array, own: number, index: number): void {
	let slot = own;
	while (table[slot] !== FREE) slot = after(table, slot);
	table[slot] = index;
}
