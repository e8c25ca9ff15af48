/** The page in a run: made after each load, and once more where it failed; nothing that breaks fails the run. */

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { expect } from "chai";
import type { CaughtError, ExportResult, LoadResult, ReportResult } from "../../handlers/common/contract";
import type { DatabaseSecret } from "../../handlers/common/database";
import type { Deployment } from "../../local/deployment";
import { find, type ProgramRecord } from "../../local/program/record";
import { makeSample } from "../../local/source/sample";
import { type Machine, runOnce, startMachine } from "../support/deployed";
import { lacking } from "../support/policy-pieces";
import { programOf } from "../support/program";
import { sampleSnapshot } from "../support/source";

const VEHICLES = 60;

interface Output {
	load: LoadResult;
	export: ExportResult | null;
	exportError: CaughtError | null;
	report: ReportResult | null;
	reportError: CaughtError | null;
}

describe("the page", function () {
	this.timeout(120_000);
	let machine: Machine;
	let program: ProgramRecord;
	let deployment: Deployment;
	let folder: string;
	let month = 0;

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), "ev-registrations-page-"));
		[machine, program] = await Promise.all([startMachine(nextMonth()), programOf("dev")]);
		deployment = await machine.deploy(program);
		await deployment.migrate();
	});
	after(async () => {
		await machine?.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	function nextMonth() {
		return sampleSnapshot(VEHICLES, makeSample(month++, VEHICLES));
	}

	/** Runs the workflow. @returns its output, the last message if there is one, and the page as it is then */
	async function run() {
		const outcome = await runOnce(deployment);
		expect(outcome).to.have.property("output");
		const message = deployment.notifications().at(-1);
		return { ...(outcome as { output: Output }).output, message, page: await readPage() };
	}

	async function readPage(): Promise<string | undefined> {
		const site = join(folder, "site");
		await deployment.copySite(site);
		const page = join(site, "index.html");
		return existsSync(page) ? readFileSync(page, "utf8") : undefined;
	}

	it("is made of what was loaded", async () => {
		expect(await readPage()).to.equal(undefined);
		const { load, report, page } = await run();
		expect(report).to.deep.include({ made: true, snapshotAt: new Date(load.rowsUpdatedAt * 1000).toISOString() });
		expect(page)
			.to.match(/^<!doctype html>/i)
			.and.include("Electric");
		expect(Buffer.byteLength(page!)).to.equal(report!.bytes);
	});

	it("is not made again in a night without news", async () => {
		const { load, report, message } = await run();
		expect(load.status).to.equal("unchanged");
		expect(report).to.include({ made: false });
		expect(message).to.equal(undefined);
	});

	it("is made again after a replay", async () => {
		const { output } = (await runOnce(deployment, { replay: true })) as { output: Output };
		expect(output.report).to.include({ made: true });
		deployment.notifications();
	});

	const breakages: [how: string, error: RegExp, breakIt: () => Promise<() => Promise<unknown>>][] = [
		[
			"report's archive throws",
			/^Error: the page cannot be drawn$/m,
			async () => {
				deployment = await machine.deploy(withThrowingPage(program));
				return async () => {
					deployment = await machine.deploy(program);
				};
			},
		],
		[
			"the bucket refuses it",
			/^StorageUnavailable: s3:\/\/ev-registrations-dev-site-\w+\/site\/index\.html could not be written: .*may not s3:PutObject/m,
			async () => {
				machine.aws.enforce(await lacking(program, "report", "s3:PutObject"), machine.onLine);
				return async () => machine.aws.enforce(program, machine.onLine);
			},
		],
		[
			"the database is away",
			/^DatabaseUnavailable: The database \(.*:1\/ev\) is not available/m,
			async () => {
				const secret = program.outputs.readerSecretArn as string;
				const login = machine.aws.secrets.get<DatabaseSecret>(secret)!;
				machine.aws.secrets.put(secret, { ...login, port: 1 });
				return async () => machine.aws.secrets.put(secret, login);
			},
		],
	];
	for (const [how, error, breakIt] of breakages)
		it(`stays as it was if ${how}, and is made the next night`, async () => {
			const before = await readPage();
			const mend = await breakIt();
			machine.publish(nextMonth());
			const broken = await run();
			expect(broken.load.status).to.equal("loaded");
			expect(broken.report).to.equal(null);
			expect(broken.page).to.equal(before);
			expect(broken.message!.subject).to.match(/ added, \d+ removed, but the page is old$/);
			expect(broken.message!.message)
				.to.include("The page could not be made, so the old one stays. ")
				.and.match(new RegExp(error.source.replace("^", ""), "m"));

			const again = await run();
			expect(again.load.status).to.equal("unchanged");
			expect(again.message!.subject, "it still fails").to.equal(
				"EV registrations sample: nothing new, but the page is old",
			);

			await mend();
			const mended = await run();
			expect(mended.load.status).to.equal("unchanged");
			expect(mended.report).to.include({ made: true });
			expect(mended.message).to.equal(undefined);
			expect(mended.page).to.not.equal(before);
		});

	it("lists the old data files if the new ones cannot be written, and the new ones the next night", async () => {
		machine.aws.enforce(await lacking(program, "export", "s3:PutObject"), machine.onLine);
		machine.publish(nextMonth());
		const broken = await run();
		expect(broken.report).to.include({ made: true });
		expect(broken.exportError).to.have.property("Error", "StorageUnavailable");
		expect(broken.message!.subject).to.match(/, but the data files are old$/);

		machine.aws.enforce(program, machine.onLine);
		const mended = await run();
		expect(mended.load.status).to.equal("unchanged");
		expect([mended.export, mended.report]).to.satisfy((made: { made: boolean }[]) => made.every(({ made }) => made));
		expect(mended.page).to.not.equal(broken.page);
	});

	/** The program with a page that throws; the record's own archive is shared. */
	function withThrowingPage(record: ProgramRecord): ProgramRecord {
		const copy = structuredClone(record);
		const { inputs } = find(copy, "aws:lambda/function:Function", "report");
		const archive = join(folder, "archive");
		cpSync(join(record.directory, inputs.code), archive, { recursive: true });
		writeFileSync(
			join(archive, "page/render.js"),
			'exports.renderPage = () => { throw new Error("the page cannot be drawn"); };',
		);
		inputs.code = relative(record.directory, archive);
		return copy;
	}
});
