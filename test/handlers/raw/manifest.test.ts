/** `parseManifest` returns a valid manifest or throws ManifestInvalid, so later code need not check it again. */

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
const keyOf = (manifest: Manifest) => manifestKey(manifest, "first");

describe("parseManifest", () => {
	it("returns a valid manifest unchanged", () => {
		expect(parseManifest(JSON.stringify(good), keyOf(good))).to.deep.equal(good);
	});

	/** Any JSON in place of one of the manifest's values, one of a page's values, or the whole manifest. */
	const anything = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 1.5, 9e15, 8.64e12 + 1, "", [], {}, null, [null]));
	const wrong = fc.oneof(
		fc.tuple(fc.constantFrom(...Object.keys(good)), anything).map(([name, value]) => ({ ...good, [name]: value })),
		fc
			.tuple(fc.constantFrom(...Object.keys(page)), anything)
			.map(([name, value]) => ({ ...good, pages: [{ ...page, [name]: value }] })),
		anything,
	);

	it("rejects invalid values with ManifestInvalid and the key", () => {
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

	it("rejects a manifest that is cut off anywhere", () => {
		const text = JSON.stringify(good);
		for (let length = 0; length < text.length; length++)
			expect(() => parseManifest(text.slice(0, length), keyOf(good))).to.throw(/is not JSON; fetch the snapshot again/);
	});
});
