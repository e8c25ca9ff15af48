import { expect } from "chai";
import fc from "fast-check";
import { createKnownRowsReader } from "../../../handlers/rows/known-rows";

interface Vehicle {
	key: number;
	hash: bigint;
}

/**
 * Vehicles in COPY's binary format, `toRow` to a row, as PostgreSQL sends them.
 * https://www.postgresql.org/docs/18/sql-copy.html
 */
function binaryCopy(vehicles: Vehicle[], toRow = 7): Buffer {
	const rows: Buffer[] = [];
	for (let first = 0; first < vehicles.length; first += toRow) {
		const some = vehicles.slice(first, first + toRow);
		const row = Buffer.alloc(6 + 16 * some.length);
		row.writeInt16BE(1);
		row.writeInt32BE(16 * some.length, 2);
		some.forEach(({ key, hash }, index) => {
			row.writeBigInt64BE(BigInt(key), 6 + 16 * index);
			row.writeBigUInt64BE(hash, 14 + 16 * index);
		});
		rows.push(row);
	}
	return Buffer.concat([
		Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"),
		Buffer.alloc(8),
		...rows,
		Buffer.from([255, 255]),
	]);
}

function read(vehicles: Vehicle[], chunkBytes = 1_000) {
	const reader = createKnownRowsReader();
	const bytes = binaryCopy(vehicles);
	for (let at = 0; at < bytes.length; at += chunkBytes) reader.add(bytes.subarray(at, at + chunkBytes));
	return reader.index();
}

/** Few halves and few keys, so that many collide. */
const half = fc.constantFrom(0n, 1n, 2n ** 31n, 2n ** 32n - 1n);
const hash = fc.tuple(half, half).map(([high, low]) => (high << 32n) | low);
const key = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(2 ** 32 + 1, 999_999_999_999_999));
const vehicles = fc
	.uniqueArray(fc.record({ key, hash }), { selector: (one) => one.key })
	.map((all) => all.filter((one, index) => all.findIndex((other) => other.hash === one.hash) === index));
const event = fc.oneof(
	fc.record({ what: fc.constant("markSeen" as const), hash, page: fc.integer({ min: 1, max: 3 }) }),
	fc.record({ what: fc.constantFrom("markCopied" as const, "markRejected" as const), key }),
);

describe("known rows", () => {
	it("finds seen, conflicting and gone vehicles after any marks", () => {
		fc.assert(
			fc.property(vehicles, fc.array(event), fc.integer({ min: 1, max: 60 }), (known, events, chunkBytes) => {
				const rows = read(known, chunkBytes);
				const pages = new Map<number, number>();
				const [sent, met] = [new Set<number>(), new Set<number>()];
				for (const one of events) {
					if (one.what === "markSeen") {
						const owner = known.find((vehicle) => vehicle.hash === one.hash)?.key;
						expect(rows.markSeen(one.hash, one.page)).to.equal(owner === undefined ? -1 : (pages.get(owner) ?? 0));
						if (owner !== undefined) pages.set(owner, one.page);
					} else {
						rows[one.what](one.key);
						met.add(one.key);
						if (one.what === "markCopied") sent.add(one.key);
					}
				}
				expect(rows.size).to.equal(known.length);
				const hasConflictingRow = known.some((vehicle) => pages.has(vehicle.key) && sent.has(vehicle.key));
				const gone = known.map((vehicle) => vehicle.key).filter((one) => !pages.has(one) && !met.has(one));
				expect(rows.compare()).to.deep.equal({ gone, hasConflictingRow });
			}),
		);
	});

	it("finds each of 150,000 rows and nothing else", () => {
		const many = Array.from({ length: 150_000 }, (_, index) => ({
			key: 100_000_000 + index,
			hash: BigInt.asUintN(64, BigInt(index) * 0x9e3779b97f4a7c15n),
		}));
		const rows = read(many, 65_536);
		for (const one of many) expect(rows.markSeen(one.hash, 1)).to.equal(0);
		for (const one of many) expect(rows.markSeen(one.hash + 1n, 1)).to.equal(-1);
		expect(rows.compare()).to.deep.equal({ gone: [], hasConflictingRow: false });
	});

	it("remembers each of 75,000 copied vehicles", () => {
		const many = Array.from({ length: 150_000 }, (_, index) => ({ key: 3 * index + 1, hash: BigInt(index) }));
		const rows = read(many, 65_536);
		for (const { key } of many) if (key % 2) rows.markCopied(key);
		rows.markSeen(0n, 1);
		const gone = many.map(({ key }) => key).filter((key) => key % 2 === 0);
		expect(rows.compare()).to.deep.equal({ gone, hasConflictingRow: true });
	});

	it("is empty when no rows are known", () => {
		const rows = read([]);
		expect(rows.markSeen(0n, 1)).to.equal(-1);
		rows.markCopied(1);
		expect([rows.size, rows.compare()]).to.deep.equal([0, { gone: [], hasConflictingRow: false }]);
	});
});
