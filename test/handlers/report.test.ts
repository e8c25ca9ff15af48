/** report: when the page is made, from what, and how it is stored. Runs the archive, which holds the page. */

import { HeadObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { expect } from "chai";
import type { ReportResult } from "../../handlers/common/contract";
import type { DatabaseSecret } from "../../handlers/common/database";
import { type Bucket, openBucket } from "../../handlers/raw/bucket";
import { sha256 } from "../../handlers/raw/manifest";
import type { Invoker } from "../../local/machine/lambda";
import { invokerOf } from "../support/archives";
import { failed } from "../support/assertions";
import { type TestBed, type TestDatabase, testBed } from "../support/bed";
import { programOf } from "../support/program";
import { vehicles } from "../support/snapshots";

const PAGE = "site/index.html";
const PACKAGE = "site/data/datapackage.json";

describe("report", function () {
	this.timeout(60_000);
	let bed: TestBed;
	let database: TestDatabase;
	let bucket: string;
	let site: Bucket;
	let report: Invoker;
	let buckets = 0;

	before(async () => {
		bed = await testBed();
	});
	beforeEach(async () => {
		database = await bed.newDatabase();
		bucket = `site-${++buckets}`;
		bed.aws.createBucket(bucket);
		site = openBucket(bucket);
		const reader = `arn:reader:${database.name}`;
		bed.aws.secrets.put(reader, { ...bed.aws.secrets.get<DatabaseSecret>("arn:reader"), dbname: database.name });
		report = invokerOf(await programOf("dev"), "report", {
			aws: bed.aws.environment,
			environment: { SITE_BUCKET: bucket, READER_SECRET_ARN: reader },
		});
	});
	afterEach(() => report?.stop());

	const invoke = async (dataset = "f6w7-q2d2") => (await report.invoke({ runId: "run-1", dataset })) as ReportResult;
	const readPage = async () => (await site.read(PAGE))?.toString();
	const storePackage = (dataPackage: object | string) => {
		const body = Buffer.from(typeof dataPackage === "string" ? dataPackage : JSON.stringify(dataPackage));
		return site.write(PACKAGE, body, { contentType: "application/json", sha256: sha256(body) });
	};

	it("makes a page of an empty database", async () => {
		const { seconds, ...result } = await invoke();
		const page = await readPage();
		expect(result).to.deep.equal({ made: true, bytes: Buffer.byteLength(page!) });
		expect(page).to.match(/^<!doctype html>/i);
	});

	it("names the snapshot that the page shows", async () => {
		await database.load({ day: 0, pages: [vehicles(1, 30)] });
		expect(await invoke()).to.include({ made: true, snapshotAt: "2024-01-01T00:00:00.000Z" });
	});

	it("stores the page as HTML, checked, and cached for minutes", async () => {
		await invoke();
		const client = new S3Client({ forcePathStyle: true });
		const stored = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: PAGE }));
		expect(stored).to.include({ ContentType: "text/html; charset=utf-8", CacheControl: "public, max-age=300" });
		expect(stored.Metadata).to.have.all.keys("identity");
	});

	it("makes a page for each snapshot, once", async () => {
		await database.load({ day: 0, pages: [vehicles(1, 30)] });
		expect(await invoke()).to.include({ made: true });
		const { bytes, ...again } = await invoke();
		expect(again).to.include({ made: false, snapshotAt: "2024-01-01T00:00:00.000Z" });
		expect(bytes).to.equal(Buffer.byteLength((await readPage())!));
		await database.load({ day: 30, pages: [vehicles(1, 40)] });
		expect(await invoke()).to.include({ made: true, snapshotAt: "2024-01-31T00:00:00.000Z" });
	});

	it("makes the page again once other data files are stored", async () => {
		await database.load({ day: 0, pages: [vehicles(1, 30)] });
		await invoke();
		const files = { snapshot: "2024-01-01T00:00:00.000Z", resources: [{ path: "a.csv.gz", title: "All", bytes: 7 }] };
		await storePackage(files);
		expect(await invoke()).to.include({ made: true });
		await storePackage({ ...files, profile: "data-package" });
		expect(await invoke()).to.include({ made: false });
	});

	it("fails if the list of files cannot be read, and keeps the page", async () => {
		await invoke();
		const page = await readPage();
		await storePackage("{");
		const error = await failed(invoke());
		expect(error).to.have.property("name", "StorageUnavailable");
		expect(error.message).to.include("datapackage.json is not JSON");
		expect(await readPage()).to.equal(page);
	});

	it("reads with the rights of ev_reader", async () => {
		await database.query("revoke select on ev.snapshot_counts from ev_reader");
		await database.load({ day: 0, pages: [vehicles(1, 3)] });
		expect((await failed(invoke())).message).to.match(/permission denied for table snapshot_counts/);
	});
});
