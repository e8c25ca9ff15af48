/** extract: writes a complete snapshot and its manifest to S3, or no manifest. */

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { DeleteObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { expect } from "chai";
import sinon from "sinon";
import type { ExtractEvent, RawFormat } from "../../handlers/common/contract";
import { type ExtractSettings, extractHandler } from "../../handlers/extract";
import { type Bucket, openBucket } from "../../handlers/raw/bucket";
import { type Manifest, parseManifest } from "../../handlers/raw/manifest";
import { readManifest } from "../../handlers/raw/stored-manifest";
import { frameCsv, frameJson } from "../../handlers/rows/page-records";
import { type Aws, startAws } from "../../local/aws/services";
import { createSnapshot, type Snapshot } from "../../local/source/snapshot";
import { failed } from "../support/assertions";
import { silently } from "../support/output";
import { createRowReader, type Row } from "../support/rows";
import {
	answers,
	cuts,
	type FaultySource,
	isDescription,
	isPage,
	rowsOf,
	sampleSnapshot,
	startFaultySource,
} from "../support/source";

const SECRETS = { pipeline: "arn:pipeline", source: "arn:source" };
const FOLDER = "raw/sample/20240101T000000Z";
/** Points to the latest manifest. */
const POINTER = `${FOLDER}/csv/manifest.json`;

describe("extract", () => {
	let directory: string;
	const snapshot = sampleSnapshot(250);
	const lines = snapshot.content.toString("utf8").split("\n");
	let outside: NodeJS.ProcessEnv;
	let aws: Aws;
	let s3: S3Client;
	let source: FaultySource;
	let bucket: string;
	let storage: Bucket;
	let runs = 0;
	/** Log lines of the last run. */
	let logged: string;

	before(async function () {
		this.timeout(60_000);
		outside = { ...process.env };
		directory = mkdtempSync(join(tmpdir(), "ev-registrations-test-"));
		aws = await startAws(directory);
		Object.assign(process.env, aws.environment);
		s3 = new S3Client({});
	});
	after(async () => {
		process.env = outside;
		s3.destroy();
		await aws.stop();
		rmSync(directory, { recursive: true, force: true });
	});

	beforeEach(async () => {
		source = await startFaultySource(snapshot);
		process.env.SOURCE_URL = source.url;
		bucket = `raw-${++runs}`;
		aws.createBucket(bucket);
		aws.secrets.put(SECRETS.pipeline, { bucket });
		storage = openBucket(bucket);
	});
	afterEach(async () => {
		sinon.restore();
		await source.stop();
	});

	/** Runs extract over three pages: two of a hundred rows, and one of fifty. */
	const extract = ({ settings, timeLeft = () => 60_000, ...event }: Partial<ExtractEvent> & ExtractOptions = {}) => {
		const usual: ExtractSettings = {
			stack: "test",
			sourceFormat: "csv",
			sodaVersion: "2.1",
			pageRows: 100,
			concurrency: 1,
		};
		const handler = extractHandler({ ...usual, ...settings });
		const run = { runId: `run-${++runs}`, dataset: "sample", secrets: SECRETS, ...event };
		return silently(async () => {
			const output = sinon.spy(process.stdout, "write");
			try {
				return await handler(run, { awsRequestId: "test", getRemainingTimeInMillis: timeLeft });
			} finally {
				output.restore();
				logged = output.args.map(([line]) => line).join("");
			}
		});
	};
	interface ExtractOptions {
		settings?: Partial<ExtractSettings>;
		timeLeft?: () => number;
	}
	const keys = async () =>
		((await s3.send(new ListObjectsV2Command({ Bucket: bucket }))).Contents ?? []).map(({ Key }) => Key!);
	const manifests = async () => (await keys()).filter((key) => key.endsWith("manifest.json"));
	const pagesAsked = () => source.asked.filter(isPage).length;
	const manifestOf = async (key: string): Promise<Manifest> =>
		parseManifest((await storage.read(key))!.toString("utf8"), key);
	const pageOf = async (key: string) => gunzipSync((await storage.read(key))!);
	const overwrite = (key: string, text: string) => {
		const content = Buffer.from(text);
		const sha256 = createHash("sha256").update(content).digest("hex");
		return storage.write(key, content, { contentType: "text/plain", sha256 });
	};
	/** Does something when the first page is requested, before the source responds. */
	const duringFetch = (what: () => unknown) =>
		source.fail(async () => Boolean(await what()) && false, { what: isPage, times: 1 });

	describe("for a new version", () => {
		it("stores the source's bytes, gzipped, and a manifest", async () => {
			const result = await extract({ runId: "first", settings: { concurrency: 3 } });
			const { pages, header, ...manifest } = await manifestOf(result.manifestKey);
			expect(manifest).to.deep.include({ dataset: "sample", format: "csv", rows: 250 });
			expect(manifest.rowsUpdatedAt).to.equal(snapshot.rowsUpdatedAt);
			expect(Date.parse(manifest.fetchedAt)).to.be.closeTo(Date.now(), 60_000);
			expect(header.slice(0, 3)).to.deep.equal(["dol_vehicle_id", "vin_1_10", "county"]);
			expect(pages.map((page) => page.rows)).to.deep.equal([100, 100, 50]);

			let rows = "";
			for (const [index, page] of pages.entries()) {
				expect(page.key).to.match(new RegExp(`^${FOLDER}/csv/first-[0-9a-z]+/0000${index + 1}\\.csv\\.gz$`));
				const stored = (await storage.read(page.key))!;
				expect(page.bytes).to.equal(stored.length);
				expect(page.sha256).to.equal(createHash("sha256").update(stored).digest("hex"));
				const query = `$order=:id&$limit=100&$offset=${index * 100}`;
				const sent = await (await fetch(`${source.url}/resource/sample.csv?${query}`)).text();
				expect(gunzipSync(stored).toString("utf8")).to.equal(sent);
				rows += sent.slice(sent.indexOf("\n") + 1);
			}
			expect(rows).to.equal(rowsOf(snapshot));
			expect(await keys()).to.have.members([...pages.map((page) => page.key), result.manifestKey, POINTER]);
		});

		it("returns what it fetched", async () => {
			const result = await extract();
			const { pages } = await manifestOf(result.manifestKey);
			expect(result).to.deep.include({
				fetched: true,
				rows: 250,
				rowsUpdatedAt: snapshot.rowsUpdatedAt,
				bytes: pages.reduce((sum, page) => sum + page.bytes, 0),
			});
			expect(result.manifestKey).to.match(new RegExp(`^${FOLDER}/csv/run-\\d+-[0-9a-z]+/manifest\\.json$`));
			expect(result.seconds).to.be.within(0, 60);
		});

		it("writes the manifest last, after checking the source", async () => {
			let stored: string[] = [];
			// The metadata is requested before the pages, and after them.
			source.fail(() => false, { what: isDescription, times: 1 });
			source.fail(
				async () => {
					stored = await keys();
					return false;
				},
				{ what: isDescription },
			);
			await extract();
			expect(stored.map((key) => key.slice(-12))).to.deep.equal(["00001.csv.gz", "00002.csv.gz", "00003.csv.gz"]);
			expect(await manifests()).to.have.length(2);
		});

		it("lets the version point to the attempt's manifest, by key and SHA-256", async () => {
			const { manifestKey } = await extract();
			const sha256 = createHash("sha256")
				.update((await storage.read(manifestKey))!)
				.digest("hex");
			expect(JSON.parse(String(await storage.read(POINTER)))).to.deep.equal({ manifest: manifestKey, sha256 });
		});

		it("gets the same rows and header as JSON", async () => {
			const rows = async (format: RawFormat) => {
				const { manifestKey } = await extract({ settings: { sourceFormat: format } });
				expect(manifestKey).to.include(`${FOLDER}/${format}/`);
				const { header, pages } = await manifestOf(manifestKey);
				const read = createRowReader(format, header);
				const found: unknown[] = [];
				// JSON has no zeros at the end of a number.
				const plain = (row: Row) => JSON.stringify(row).replace(/(\.\d*?)0+(?=\\t)/g, "$1");
				for (const { key } of pages) {
					const page = await pageOf(key);
					const take = (from: number, to: number) => found.push(plain(read(page.subarray(from, to))));
					if (format === "json") frameJson(page, take);
					else frameCsv(page, page.indexOf("\n") + 1, header.length, take);
				}
				return { header, found };
			};
			const csv = await rows("csv");
			expect(csv.found).to.have.length(250);
			expect(csv.found.join()).to.not.include("reason");
			expect(await rows("json")).to.deep.equal(csv);
		});

		it("fetches over SODA 3 with the secret's app token", async () => {
			const soda2 = await manifestOf((await extract()).manifestKey);
			aws.secrets.put("arn:token", { appToken: "tok-f3a91c" });
			source.asked.length = 0;
			const secrets = { ...SECRETS, source: "arn:token" };
			const result = await extract({ secrets, refetch: true, settings: { sodaVersion: "3" } });
			const soda3 = await manifestOf(result.manifestKey);
			expect(soda3.pages.map((page) => page.sha256)).to.deep.equal(soda2.pages.map((page) => page.sha256));
			for (const { headers } of source.asked) expect(headers).to.include({ "x-app-token": "tok-f3a91c" });
			const stored = JSON.stringify([result, (await storage.read(result.manifestKey))!.toString("utf8")]);
			expect(stored).to.not.include("tok-f3a91c");
		});

		it("stores no byte of an attempt that broke off", async () => {
			sinon.stub(Math, "random").returns(0);
			source.fail(cuts("dol_vehicle_id\n1\n2\n"), { what: isPage, times: 2 });
			const { manifestKey } = await extract();
			const { pages } = await manifestOf(manifestKey);
			const texts = await Promise.all(pages.map(async ({ key }) => (await pageOf(key)).toString("utf8")));
			expect(texts.map((text) => text.slice(text.indexOf("\n") + 1)).join("")).to.equal(rowsOf(snapshot));
			expect(pagesAsked()).to.equal(5);
		});

		it("limits the pages fetched at a time", async () => {
			for (const concurrency of [1, 2, 9]) {
				let open = 0;
				let most = 0;
				source.fail(
					async (_, __, response) => {
						most = Math.max(most, ++open);
						response.once("close", () => open--);
						await sleep(20);
						return false;
					},
					{ what: isPage },
				);
				await extract({ refetch: true, settings: { concurrency } });
				expect(most).to.equal(Math.min(concurrency, 3));
				source.recover();
			}
		});
	});

	describe("for a version that was fetched", () => {
		it("returns its manifest without fetching a page", async () => {
			const first = await extract();
			expect(pagesAsked()).to.equal(3);
			const written = (await storage.read(first.manifestKey))!;
			const second = await extract();
			expect(pagesAsked()).to.equal(3);
			expect(second).to.deep.equal({ ...first, fetched: false, seconds: second.seconds });
			expect(await storage.read(first.manifestKey)).to.deep.equal(written);
			expect(await keys()).to.have.length(5);
		});

		it("fetches it again if the source has more rows by now", async () => {
			source.publish(createSnapshot({ ...snapshot, content: Buffer.from(lines.toSpliced(-11, 10).join("\n")) }));
			const first = await extract();
			expect(first.rows).to.equal(240);
			source.publish(snapshot);
			const second = await extract();
			expect(second).to.include({ fetched: true, rows: 250 });
			expect(logged).to.match(/manifest\.json has 240 rows, but the source reports 250/);
			expect((await manifestOf(first.manifestKey)).rows, "the first manifest is still there").to.equal(240);
			expect(await extract()).to.include({ fetched: false, manifestKey: second.manifestKey });
		});

		describe("before there were pointers", () => {
			/** Leaves S3 as the version before would. */
			const fetchedBefore = async () => {
				const { manifestKey } = await extract();
				const manifest = (await storage.read(manifestKey))!;
				await overwrite(POINTER, manifest.toString("utf8"));
				await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: manifestKey }));
				return manifest;
			};

			it("returns its manifest where it stands", async () => {
				const manifest = await fetchedBefore();
				expect(await extract()).to.include({ fetched: false, manifestKey: POINTER });
				const { sha256 } = await readManifest(storage, POINTER);
				expect(sha256).to.equal(createHash("sha256").update(manifest).digest("hex"));
			});

			it("keeps its manifest for who knows that key, however often it is fetched again", async () => {
				const manifest = await fetchedBefore();
				const sha256 = createHash("sha256").update(manifest).digest("hex");
				for (const _ of [1, 2]) {
					const { manifestKey } = await extract({ refetch: true });
					expect(await extract()).to.include({ fetched: false, manifestKey });
					expect(await readManifest(storage, POINTER, sha256)).to.have.property("sha256", sha256);
				}
			});
		});

		it("fetches it again on request, under new page keys", async () => {
			const before = await manifestOf((await extract()).manifestKey);
			const again = await extract({ refetch: true });
			const after = await manifestOf(again.manifestKey);
			expect(again.fetched).to.equal(true);
			expect(pagesAsked()).to.equal(6);
			const pageKeys = [...before.pages, ...after.pages].map((page) => page.key);
			expect(new Set(pageKeys).size).to.equal(6);
			expect(after.pages.map((page) => page.sha256)).to.deep.equal(before.pages.map((page) => page.sha256));
		});

		it("keeps the manifest when fetching again fails", async () => {
			const { manifestKey } = await extract();
			const written = (await storage.read(manifestKey))!;
			source.fail(answers(404), { what: isPage });
			expect(await failed(extract({ refetch: true }))).to.have.property("name", "SourceRefused");
			expect(await storage.read(manifestKey)).to.deep.equal(written);
		});

		const damages: [string, (manifest: Manifest, key: string) => Promise<unknown>, RegExp][] = [
			[
				"a page is missing",
				({ pages }) => s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: pages[1]!.key })),
				/00002\.csv\.gz has no bytes instead of \d+/,
			],
			[
				"a page has another size",
				({ pages }) => overwrite(pages[2]!.key, "short"),
				/00003\.csv\.gz has 5 bytes instead of \d+/,
			],
			["the manifest is another one", (_, key) => overwrite(key, "{}"), /is not the one that was recorded/],
			[
				"the manifest is missing",
				(_, key) => s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })),
				/manifest\.json is missing/,
			],
			["the pointer is not JSON", () => overwrite(POINTER, "{"), /is not JSON/],
			[
				"there is a manifest of another version in the pointer's place",
				(manifest) => overwrite(POINTER, JSON.stringify({ ...manifest, rowsUpdatedAt: 1 })),
				/does not belong there/,
			],
		];
		for (const [what, damage, reason] of damages)
			it(`fetches it again if ${what}`, async () => {
				const { manifestKey } = await extract();
				await damage(await manifestOf(manifestKey), manifestKey);
				const again = await extract();
				expect(again).to.include({ fetched: true });
				expect(logged).to.match(reason);
				const { pages } = await manifestOf(again.manifestKey);
				expect(await extract()).to.include({ fetched: false, manifestKey: again.manifestKey });
				for (const page of pages) expect(await storage.size(page.key)).to.equal(page.bytes);
			});
	});

	describe("writes no manifest", () => {
		afterEach(async () => {
			expect(await manifests()).to.deep.equal([]);
		});

		it("if a page fails", async () => {
			source.fail(answers(404), { what: ({ what }) => what.endsWith("$offset=200") });
			const error = await failed(extract());
			expect(error.name).to.equal("SourceRefused");
			expect(error.message).to.include("$offset=200: 404");
			expect(await keys()).to.have.length(2);
		});

		it("if a page has no header line", async () => {
			sinon.stub(Math, "random").returns(0);
			source.fail(answers(200, "", { "content-type": "text/csv" }), { what: isPage });
			const error = await failed(extract());
			expect(error.name).to.equal("SourceUnavailable");
			expect(error.message).to.include("the page has no header line");
		});

		it("and requests no further page after an error", async () => {
			source.fail(answers(404), { what: ({ what }) => what.endsWith("$offset=0") });
			source.fail(() => sleep(20, false), { what: isPage });
			await silently(async () => {
				await failed(extract({ settings: { concurrency: 2 } }));
				// The page that was requested at the same time still arrives.
				for (let waits = 0; waits < 100 && !(await keys()).length; waits++) await sleep(10);
				await sleep(20);
			});
			expect(await keys()).to.have.length(1);
			expect(pagesAsked()).to.equal(2);
		});

		const next = (about: Partial<Snapshot>) => createSnapshot({ ...snapshot, ...about });
		const changes: [string, Snapshot, RegExp][] = [
			[
				"gets a new version",
				next({ rowsUpdatedAt: snapshot.rowsUpdatedAt + 86_400 }),
				/from version 20240101T000000Z with 250 rows to version 20240102T000000Z with 250 rows/,
			],
			[
				"changes its rows within a version",
				next({ content: Buffer.from(lines.toSpliced(240, 1).join("\n")) }),
				/from version 20240101T000000Z with 250 rows to version 20240101T000000Z with 249 rows/,
			],
		];
		for (const [what, changed, message] of changes)
			it(`if the source ${what} during the fetch`, async () => {
				duringFetch(() => source.publish(changed));
				const error = await failed(extract());
				expect(error.name).to.equal("SourceChanged");
				expect(error.message).to.match(message);
			});

		it("if the source's columns change during the fetch", async () => {
			const content = Buffer.from(lines.map((line) => line.replace(/^.*?,/, "")).join("\n"));
			source.fail(
				() => {
					source.publish(next({ content }));
					return false;
				},
				{ what: ({ what }) => what.endsWith("$offset=100") },
			);
			const error = await failed(extract());
			expect(error.name).to.equal("SourceChanged");
			expect(error.message).to.match(/^Page 2 of the source has a different header/);
		});

		it("if the source has no rows", async () => {
			source.publish(next({ content: Buffer.from(`${lines[0]}\n`) }));
			const error = await failed(extract());
			expect(error.name).to.equal("SourceIncomplete");
			expect(error.message).to.match(/no rows for dataset sample/);
			expect(pagesAsked()).to.equal(0);
		});

		it("if it runs out of time, and says how far it got", async () => {
			const timeLeft = () => (pagesAsked() < 2 ? 60_000 : 4_000);
			const error = await failed(extract({ timeLeft }));
			expect(error.name).to.equal("OutOfTime");
			expect(error.message).to.match(/after fetching 2 of 3 pages/);
			expect(pagesAsked()).to.equal(2);
		});
	});
});
