/** Loads that need much memory: runs the deployed archive in a process with the function's memory limit. */

import { join } from "node:path";
import { expect } from "chai";
import type { LoadEvent, LoadResult } from "../../handlers/common/contract";
import { createInvoker, type LambdaFunction } from "../../local/machine/lambda";
import { find } from "../../local/program/record";
import { failed } from "../support/assertions";
import { type TestBed, type TestDatabase, testBed } from "../support/bed";
import { untilNoSessions } from "../support/faults";
import { programOf } from "../support/program";
import { dayOf, FIELDS, type Row, storeSnapshot, vehicles } from "../support/snapshots";
import { expectFailureNotified, expectSuccessNotified, runDeployedWorkflow } from "../support/workflow-run";

/** Rejected rows stay in memory until their page is read. A real snapshot has far fewer. */
const MISFITS = 40_000;
const TOO_LITTLE_MB = 24;
/** Far from the days of other tests, which share the bucket. */
const DAY = 900_000;

describe("load: large pages and memory limits", function () {
	this.timeout(120_000);
	let bed: TestBed;
	let database: TestDatabase;
	let lambda: LambdaFunction;

	before(async () => {
		bed = await testBed();
		const record = await programOf("dev");
		const { inputs } = find(record, "aws:lambda/function:Function", "load");
		lambda = {
			name: "load",
			code: join(record.directory, inputs.code),
			handler: inputs.handler,
			environment: inputs.environment?.variables ?? {},
			timeoutSeconds: inputs.timeout,
			memoryMb: inputs.memorySize,
		};
	});

	beforeEach(async () => {
		database = await bed.newDatabase();
	});

	/** Invokes the function with a cold start. @param onPeak gets its peak memory in MB */
	const invoke = async (
		event: Omit<LoadEvent, "secrets">,
		memoryMb = lambda.memoryMb,
		onPeak: (mb: number | null) => void = () => {},
	): Promise<LoadResult> => {
		const invoker = createInvoker({ ...lambda, memoryMb }, bed.aws.environment, () => {});
		const secrets = { pipeline: "arn:pipeline", database: database.secretArn };
		try {
			return (await invoker.invoke({ ...event, secrets })) as LoadResult;
		} finally {
			onPeak(invoker.peakRssMb());
			invoker.stop();
		}
	};

	/** Loads a first snapshot, whatever share of it is rejected. @returns the result and the peak memory in MB */
	const loadPages = async (runId: string, pages: (Row[] | Buffer)[]) => {
		const manifestKey = await storeSnapshot(bed.storage, { day: DAY, pages });
		let peakRssMb: number | null = null;
		const result = await invoke({ runId, manifestKey, accept: ["TooManyRejects"] }, lambda.memoryMb, (peak) => {
			peakRssMb = peak;
		});
		return { result, peakRssMb };
	};

	it("rejects a page of huge rows within 75 % of its memory", async () => {
		const huge = { city: "x".repeat(1024 * 1024) };
		const { result, peakRssMb } = await loadPages("huge", [[...vehicles(1, 9), ...vehicles(10, 69, huge)]]);
		expect(result).to.include({ status: "loaded", added: 9, rejected: 60 });
		expect(peakRssMb).to.be.below(lambda.memoryMb * 0.75);
		const rejects = "select count(*)::int as rows, min(length(raw)) > 1024 * 1024 as whole from ev.rejected_rows";
		expect(await database.query(rejects)).to.deep.equal([{ rows: 60, whole: true }]);
	});

	it("rejects a page of 200,000 tiny rows within 45 % of its memory", async () => {
		const tiny = Buffer.from(`${FIELDS.join(",")}\n${"x\n".repeat(200_000)}`);
		const { result, peakRssMb } = await loadPages("tiny", [tiny, vehicles(1, 9)]);
		expect(result).to.include({ status: "loaded", added: 9, rejected: 200_000 });
		expect(peakRssMb).to.be.below(lambda.memoryMb * 0.45);
		const rejects = "select count(*)::int as rows, max(line) as last from ev.rejected_rows";
		expect(await database.query(rejects)).to.deep.equal([{ rows: 200_000, last: 200_001 }]);
	});

	it("leaves the old snapshot when it runs out of memory", async () => {
		await database.load({ day: DAY, pages: [vehicles(1, 9)] });
		const old = await database.contents();
		const misfits = vehicles(10, 9 + MISFITS, { model_year: "20255" });
		const manifestKey = await storeSnapshot(bed.storage, { day: DAY + 30, pages: [misfits, vehicles(1, 5)] });
		const rowsUpdatedAt = dayOf(DAY + 30).getTime() / 1000;
		const extracted = { manifestKey, fetched: true, rows: MISFITS + 5, bytes: 1, rowsUpdatedAt, seconds: 1 };

		let error: Error | undefined;
		const first = await runDeployedWorkflow(bed.aws, "too little", extracted, async (event) => {
			error = await failed(invoke(event, TOO_LITTLE_MB));
			throw error;
		});
		expect(error).to.have.property("name", "Runtime.ExitError");
		expect(error!.message).to.include(`ran out of memory (${TOO_LITTLE_MB} MB)`);
		expectFailureNotified(first, error!);
		await untilNoSessions(bed.postgres, database);
		expect(await database.contents()).to.deep.equal(old);
		const runs = "select run_id, status, rejected from ev.runs where rejected is distinct from 0 order by started_at";
		expect(await database.query(runs)).to.deep.equal([{ run_id: "too little", status: "running", rejected: null }]);

		const second = await runDeployedWorkflow(bed.aws, "enough", extracted, (event) =>
			invoke({ ...event, accept: ["TooManyRejects", "SuspiciousShrink"] }),
		);
		expectSuccessNotified(second);
		expect(await database.query(runs)).to.deep.equal([
			{ run_id: "too little", status: "abandoned", rejected: null },
			{ run_id: "enough", status: "loaded", rejected: MISFITS },
		]);
		expect(await database.query("select count(*)::int as rows from ev.rejected_rows")).to.deep.equal([
			{ rows: MISFITS },
		]);
		expect(await database.query("select count(*)::int as left from ev.current_vehicles")).to.deep.equal([{ left: 5 }]);
	});
});
