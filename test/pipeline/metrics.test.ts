/** Metrics: the log line that CloudWatch reads, and that the functions' archives write it. */

import { join } from "node:path";
import { expect } from "chai";
import { createReport } from "../../cli/report";
import type { Terminal } from "../../cli/terminal";
import type { ExtractResult, LoadResult } from "../../handlers/common/contract";
import { metricLine, NAMESPACE } from "../../handlers/common/metrics";
import type { Invoker } from "../../local/machine/lambda";
import type { Properties } from "../../local/program/record";
import { invokerOf } from "../support/archives";
import { BUCKET, type TestBed, type TestDatabase, testBed } from "../support/bed";
import { programOf } from "../support/program";
import { type FaultySource, sampleSnapshot, startFaultySource } from "../support/source";

const SOURCE = { function: "load", stack: "dev", runId: "run-1" };
const AT = Date.UTC(2024, 9, 12);

/** Reads a line as CloudWatch does: names, units, values and dimensions. Checks what the specification requires. */
function metricsOf(line: Properties) {
	const { Timestamp, CloudWatchMetrics, ...beside } = line._aws;
	expect(beside, "members that are not in the specification").to.deep.equal({});
	expect(Timestamp).to.equal(Date.parse(line.timestamp));
	expect(CloudWatchMetrics).to.have.length(1);
	const [{ Namespace, Dimensions, Metrics }] = CloudWatchMetrics;
	expect(Namespace).to.equal(NAMESPACE);
	expect(Dimensions).to.have.length(1);
	const values: Record<string, [number, string]> = {};
	for (const { Name, Unit } of Metrics) {
		expect(line[Name], Name).to.be.a("number");
		values[Name] = [line[Name], Unit];
	}
	const dimensions = Object.fromEntries((Dimensions[0] as string[]).map((name) => [name, line[name]]));
	return { dimensions, values };
}

describe("a metric line", () => {
	it("has each value with its unit, by stack and function", () => {
		const line = metricLine(SOURCE, { rows: 3, bytes: 4, seconds: 0.5 }, AT);
		expect(metricsOf(JSON.parse(line))).to.deep.equal({
			dimensions: { stack: "dev", function: "load" },
			values: { rows: [3, "Count"], bytes: [4, "Bytes"], seconds: [0.5, "Seconds"] },
		});
	});

	it("is a log line with the run's id", () => {
		const line = metricLine(SOURCE, { rows: 3 }, AT);
		expect(line).to.match(/^[^\n]+\n$/);
		expect(JSON.parse(line)).to.include({
			timestamp: "2024-10-12T00:00:00.000Z",
			level: "INFO",
			event: "metrics",
			runId: "run-1",
		});
	});

	it("has a metric for zero, and none for null", () => {
		const line = JSON.parse(metricLine(SOURCE, { added: null, removed: 0 }, AT));
		expect(metricsOf(line).values).to.deep.equal({ removed: [0, "Count"] });
		expect(line).to.not.have.any.keys("added");
	});

	for (const verbose of [false, true])
		it(`is not shown by a local run${verbose ? " with --verbose" : ""}`, () => {
			const shown: string[] = [];
			const show = (...args: unknown[]) => shown.push(args.join(" "));
			const report = createReport({ text: show, progress: show, busy: show } as unknown as Terminal, verbose);
			report.line(metricLine(SOURCE, { rows: 3 }).trim());
			expect(shown).to.deep.equal([]);
			report.line("Killed");
			expect(shown).to.deep.equal(["Killed"]);
		});
});

describe("the archives, with Lambda's console", function () {
	this.timeout(120_000);
	let bed: TestBed;
	let database: TestDatabase;
	let source: FaultySource;
	let extract: Invoker;
	let load: Invoker;
	let manifestKey: string;
	let lines: Properties[];

	const secrets = { pipeline: "arn:pipeline", source: "arn:source" };
	const deployed = async (name: "extract" | "load", environment: Record<string, string>) =>
		invokerOf(await programOf("dev"), name, {
			aws: bed.aws.environment,
			environment: {
				...environment,
				NODE_OPTIONS: `--require ${JSON.stringify(join(__dirname, "../support/lambda-console.ts"))}`,
			},
			onLine: (line) => lines.push(JSON.parse(line)),
		});

	before(async () => {
		[bed, source] = await Promise.all([testBed(), startFaultySource(sampleSnapshot(50))]);
		bed.aws.createBucket(BUCKET);
		database = await bed.newDatabase();
		extract = await deployed("extract", { SOURCE_URL: source.url });
		load = await deployed("load", {});
	});
	beforeEach(() => {
		lines = [];
	});
	after(async () => {
		extract?.stop();
		load?.stop();
		await source?.stop();
	});

	const written = () =>
		lines
			.filter(({ _aws }) => _aws)
			.map(metricsOf)
			.map(withoutAge);
	const consoleIsPatched = () =>
		expect(
			lines.filter(({ message }) => message?._aws),
			"the console nests its output below `message`",
		).to.have.length(1);

	it("write extract's metrics at the root of a line", async () => {
		const result = (await extract.invoke({ runId: "metrics-1", dataset: "sample", secrets })) as ExtractResult;
		manifestKey = result.manifestKey;
		consoleIsPatched();
		expect(written()).to.deep.equal([
			{
				dimensions: { stack: "dev", function: "extract" },
				values: {
					rows: [50, "Count"],
					bytes: [result.bytes, "Bytes"],
					seconds: [result.seconds, "Seconds"],
				},
			},
		]);
	});

	it("write load's metrics once per run", async () => {
		const event = { manifestKey, secrets: { pipeline: secrets.pipeline, database: database.secretArn } };
		const loaded = (await load.invoke({ ...event, runId: "metrics-1" })) as LoadResult;
		consoleIsPatched();
		const counts = { rows: 50, added: 50, returned: 0, changed: 0, regeocoded: 0, removed: 0, rejected: 0 };
		const dimensions = { stack: "dev", function: "load" };
		expect(written()).to.deep.equal([
			{
				dimensions,
				values: {
					...Object.fromEntries(Object.entries({ ...counts, duplicates: 0 }).map(([name, n]) => [name, [n, "Count"]])),
					seconds: [loaded.seconds, "Seconds"],
				},
			},
		]);

		lines = [];
		await load.invoke({ ...event, runId: "metrics-1" });
		expect(written(), "a run whose result was lost").to.deep.equal([]);

		const unchanged = (await load.invoke({ ...event, runId: "metrics-2" })) as LoadResult;
		expect(unchanged.status).to.equal("unchanged");
		expect(written()).to.deep.equal([
			{ dimensions, values: { rows: [50, "Count"], seconds: [unchanged.seconds, "Seconds"] } },
		]);
	});

	it("write no metrics if load fails", async () => {
		const event = { secrets: { pipeline: secrets.pipeline, database: database.secretArn } };
		const failed = await load.invoke({ ...event, runId: "metrics-3", manifestKey: "raw/none.json" }).then(
			() => undefined,
			(error: Error) => error.name,
		);
		expect(failed).to.equal("ManifestInvalid");
		expect(written()).to.deep.equal([]);
	});
});

/** The metrics without the age of the sample's first month, which grows while the test runs. */
function withoutAge<M extends { dimensions: Record<string, unknown>; values: Record<string, [number, string]> }>(
	metrics: M,
): M {
	const { ageDays, ...values } = metrics.values;
	if (metrics.dimensions.function === "load")
		expect(ageDays![0]).to.be.closeTo((Date.now() - Date.UTC(2024, 0, 1)) / 86_400_000, 0.1);
	return { ...metrics, values };
}
