/** A manifest is read whole, or refused by name: nothing after it has to look again. */

import { expect } from "chai";
import fc from "fast-check";
import { isFailure } from "../../../handlers/common/failure";
import { type Manifest, manifestKey, parseManifest } from "../../../handlers/raw/manifest";

const page = { key: "raw/x/1.csv.gz", bytes: 3, sha256: "0".repeat(64), rows: 2 };
const good: Manifest = {
	dataset: "f6w7-q2d2",
	rowsUpdatedAt: 1_728_691_200,
	format: "csv",
	header: ["dol_vehicle_id"],
	rows: 2,
	pages: [page],
	fetchedAt: "2024-10-12T03:30:00.000Z",
};
const keyOf = ({ dataset, rowsUpdatedAt, format }: Manifest) => manifestKey(dataset, rowsUpdatedAt, format);

describe("a manifest", () => {
	it("is what it says", () => {
		expect(parseManifest(JSON.stringify(good), keyOf(good))).to.deep.equal(good);
	});

	/** Anything in the place of one of its values, of one of a page's, or of all of it. */
	const anything = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 1.5, 9e15, 8.64e12 + 1, "", [], {}, null, [null]));
	const wrong = fc.oneof(
		fc.tuple(fc.constantFrom(...Object.keys(good)), anything).map(([name, value]) => ({ ...good, [name]: value })),
		fc
			.tuple(fc.constantFrom(...Object.keys(page)), anything)
			.map(([name, value]) => ({ ...good, pages: [{ ...page, [name]: value }] })),
		anything,
	);

	it("with anything in a value's place is refused as ManifestInvalid, naming its key, unless it is whole all the same", () => {
		let refused = 0;
		fc.assert(
			fc.property(wrong, (manifest) => {
				try {
					const { rows, pages } = parseManifest(JSON.stringify(manifest), keyOf(good));
					expect(pages.reduce((sum, one) => sum + one.rows, 0)).to.equal(rows);
				} catch (error) {
					if (!isFailure(error, "ManifestInvalid")) throw error;
					expect((error as Error).message).to.include(keyOf(good));
					refused++;
				}
			}),
			{ seed: 20241012, numRuns: 2_000 },
		);
		expect(refused).to.be.above(1_000);
	});

	it("that breaks off anywhere is refused", () => {
		const text = JSON.stringify(good);
		for (let length = 0; length < text.length; length++)
			expect(() => parseManifest(text.slice(0, length), keyOf(good))).to.throw(/is not JSON; fetch the snapshot again/);
	});
});
