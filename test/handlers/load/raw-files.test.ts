/** Raw files that are not what the manifest says. */

import { expect } from "chai";
import { failed } from "../../support/assertions";
import { FIELDS, pageOf, storeSnapshot, vehicle, vehicles } from "../../support/snapshots";
import { useDatabase } from "../../support/use-database";

describe("load: raw files", () => {
	const { database, bed } = useDatabase();

	const store = (manifest: object) => storeSnapshot(bed().storage, { day: 0, pages: [vehicles(1, 3)], manifest });
	const cases: [string, object, string][] = [
		["a page is missing", { key: "raw/none.csv.gz" }, "is missing"],
		["a page has another size", { bytes: 1 }, "has"],
		["a page has another checksum", { sha256: "0".repeat(64) }, "wrong checksum"],
	];
	for (const [what, wrong, said] of cases)
		it(`refuses it when ${what}`, async () => {
			const { pages } = JSON.parse(String(await bed().storage.read(await store({}))));
			const manifestKey = await store({ pages: [{ ...pages[0], ...wrong }] });
			const error = await failed(database().loadManifest(manifestKey));
			expect(error).to.deep.include({ name: "PageDamaged" });
			expect(error.message).to.include(said);
		});

	it("refuses a page with another header", async () => {
		const other = pageOf([vehicle(1)], "csv", [...FIELDS].reverse());
		expect(await failed(database().load({ day: 0, pages: [other] }))).to.deep.include({ name: "PageDamaged" });
	});

	it("refuses a page of more than 128 MB", async () => {
		const error = await failed(database().load({ day: 0, pages: [Buffer.alloc(129 * 1024 * 1024)] }));
		expect(error).to.deep.include({ name: "PageDamaged" });
		expect(error.message).to.match(/cannot be uncompressed \(.*larger than 134217728 bytes/);
	});

	it("names page and line where JSON breaks off", async () => {
		const whole = pageOf(vehicles(1, 3), "json");
		const error = await failed(
			database().load({ day: 0, format: "json", pages: [whole.subarray(0, whole.length - 40)] }),
		);
		expect(error).to.deep.include({ name: "PageDamaged" });
		expect(error.message).to.match(/Page 1 .* its array is not closed on line 3, after 3 rows/);
	});

	it("refuses a page with too few rows", async () => {
		const content = pageOf(vehicles(1, 3), "csv");
		const { pages } = JSON.parse(
			String(await bed().storage.read(await storeSnapshot(bed().storage, { day: 0, pages: [content] }))),
		);
		const manifestKey = await storeSnapshot(bed().storage, {
			day: 0,
			pages: [content],
			manifest: { rows: 4, pages: [{ ...pages[0], rows: 4 }] },
		});
		const error = await failed(database().loadManifest(manifestKey));
		expect(error).to.deep.include({ name: "SourceIncomplete" });
		expect(error.message).to.include("has 3 rows, but the manifest says 4");
	});

	it("names the key of a missing manifest", async () => {
		const error = await failed(database().loadManifest("raw/nothing/manifest.json"));
		expect(error).to.deep.include({ name: "ManifestInvalid" });
		expect(error.message).to.include("raw/nothing/manifest.json is missing");
	});

	it("refuses a manifest that is not the one that was named", async () => {
		const manifestKey = await store({});
		const error = await failed(database().loadManifest(manifestKey, { manifestSha256: "0".repeat(64) }));
		expect(error).to.deep.include({ name: "ManifestInvalid" });
		expect(error.message).to.include(manifestKey).and.include("is not the one that was recorded");
	});

	it("reads a manifest of the time before pointers", async () => {
		const key = await storeSnapshot(bed().storage, { day: 0, pages: [vehicles(1, 3)], beforePointers: true });
		expect(await database().loadManifest(key)).to.include({ status: "loaded", added: 3 });
		expect(await database().loadManifest(key)).to.include({ status: "unchanged" });
	});

	it("refuses a schema that is not its own", async () => {
		const schema = "public" as "ev";
		const error = await failed(database().loadManifest(await store({}), { schema }));
		expect(error).to.deep.include({ name: "ConfigurationInvalid" });
		expect(error.message).to.equal('Unknown schema "public". Valid schemas: ev, ev_next.');
	});
});
