/**
 * The registered vehicles, as the database holds them: each one's key, and the hash of the raw row it was brought up to
 * date from. A row whose hash is known is unchanged, and need neither be read nor sent.
 *
 * 64 bits: among 300,000 rows the chance that any changed row passes for a known one is below one in a hundred million.
 */

export interface KnownRows {
	/** How many there are. */
	readonly size: number;
	/** Whether a vehicle's known row was seen and another row of it was sent: then the two must be compared. */
	readonly hasTwin: boolean;
	/**
	 * Notes that a row with this hash stands on a page (from 1).
	 * @returns the page it was seen on before, or 0; -1 where no such row is known
	 */
	see(hash: bigint, page: number): number;
	/** Notes that a row of this vehicle is sent to the database. */
	send(key: number): void;
	/** Notes that a row of this vehicle was set aside. */
	setAside(key: number): void;
	/** Keys of the vehicles of which no row was seen, sent or set aside. */
	gone(): number[];
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

const SENT = 1;
const SET_ASIDE = 2;

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

/** Open-addressing tables in typed arrays: about 30 bytes a row. @param hashes low and high half of each, in turn */
function indexKnownRows(keys: Float64Array, hashes: Uint32Array, size: number): KnownRows {
	// A quarter of the slots stays free, so that a search is short.
	const slots = Math.ceil((size * 4) / 3) + 1;
	const byHash = new Int32Array(slots).fill(-1);
	const byKey = new Int32Array(slots).fill(-1);
	const pages = new Uint16Array(size);
	const marks = new Uint8Array(size);
	const hashed = new BigUint64Array(1);
	const halves = new Uint32Array(hashed.buffer);
	let hasTwin = false;

	const slotOfHash = (low: number) => low % slots;
	/** Scattered, since keys come in runs. */
	const slotOfKey = (key: number) => (Math.imul(key, 0x9e3779b1) >>> 0) % slots;
	const after = (slot: number) => (slot + 1 < slots ? slot + 1 : 0);

	const put = (table: Int32Array, index: number, first: number) => {
		let slot = first;
		while (table[slot] !== -1) slot = after(slot);
		table[slot] = index;
	};
	for (let index = 0; index < size; index++) {
		put(byHash, index, slotOfHash(hashes[2 * index]!));
		put(byKey, index, slotOfKey(keys[index]!));
	}

	const findHash = (hash: bigint) => {
		hashed[0] = hash;
		const low = halves[0]!;
		const high = halves[1]!;
		for (let slot = slotOfHash(low); ; slot = after(slot)) {
			const index = byHash[slot]!;
			if (index === -1 || (hashes[2 * index] === low && hashes[2 * index + 1] === high)) return index;
		}
	};

	const findKey = (key: number) => {
		for (let slot = slotOfKey(key); ; slot = after(slot)) {
			const index = byKey[slot]!;
			if (index === -1 || keys[index] === key) return index;
		}
	};

	return {
		size,
		get hasTwin() {
			return hasTwin;
		},
		see(hash, page) {
			const index = findHash(hash);
			if (index === -1) return -1;
			const before = pages[index]!;
			pages[index] = page;
			if (marks[index]! & SENT) hasTwin = true;
			return before;
		},
		send(key) {
			const index = findKey(key);
			if (index === -1) return;
			marks[index]! |= SENT;
			if (pages[index] !== 0) hasTwin = true;
		},
		setAside(key) {
			const index = findKey(key);
			if (index !== -1) marks[index]! |= SET_ASIDE;
		},
		gone() {
			const found: number[] = [];
			for (let index = 0; index < size; index++) if (pages[index] === 0 && marks[index] === 0) found.push(keys[index]!);
			return found;
		},
	};
}
