/** Deploys the program on this machine and runs its workflow once for each source. */

import { randomUUID } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { countsOf, type LoadCounts, NOT_COUNTED } from "../db/counts";
import type { ExtractResult, LoadResult, RawFormat } from "../handlers/common/contract";
import { connect, type DatabaseSecret } from "../handlers/common/database";
import { reasonOf } from "../handlers/common/failure";
import { messageOf } from "../handlers/notify";
import { type Aws, startAws } from "../local/aws/services";
import { type Deployment, deploy } from "../local/deployment";
import { removePostgres, startPostgres } from "../local/machine/postgres";
import { find, loadRecord, type ProgramRecord } from "../local/program/record";
import { currentRecord } from "../local/program/record-cache";
import { addFileLines } from "../local/source/file-lines";
import { startSource } from "../local/source/soda-server";
import type { Started } from "./command";
import { datasetOf, type Input, notesOf, openInputs } from "./inputs";
import { ROOT, readLastUsed, writeLastUsed } from "./last-used";
import type { Options } from "./options";
import { createReport, type Report, summarise } from "./report";
import type { Terminal } from "./terminal";

/** The functions whose memory a result names. */
const MEASURED = ["migrate", "extract", "load", "export", "report"] as const;

/** The result of one run, as `--json` prints it. */
interface RunResult extends LoadCounts {
	status: LoadResult["status"] | "failed";
	seconds: number;
	/** Key of the manifest in the raw bucket; null if the run failed before there was one. */
	manifest: string | null;
	/** MB, by function; null if it did not run. */
	peakRssMb: Record<(typeof MEASURED)[number], number | null>;
	error?: string;
	message?: string;
}

/** Runs the workflow for every source. @returns whether all runs succeeded */
export async function runSources(options: Options, terminal: Terminal, started: Started): Promise<boolean> {
	const dataset = options.replay ? readLastUsed().dataset : datasetOf(options);
	const state = join(ROOT, dataset);
	const inputs = openInputs(options, state);
	terminal.title(inputs[0]!.title);
	for (const note of notesOf(inputs)) terminal.text(note);
	const startedAt = Date.now();
	const recording = options.record ? Promise.resolve(loadRecord(options.record)) : evaluateProgram(options);
	if (inputs[0]!.live) await checkReachable(sourceUrl(await recording));
	if (options.fresh) forget(state, terminal);

	terminal.busy("Program", "loading the program, starting PostgreSQL");
	const [record, postgres, aws] = await Promise.all([
		recording,
		started.keep(startPostgres(join(state, "postgres"))),
		started.keep(startAws(join(state, "aws"))),
	]);
	const source = inputs[0]!.snapshot && (await started.keep(startSource(inputs[0]!.snapshot)));
	const report = createReport(terminal, options.verbose);
	const deployment = await started.keep(
		deploy(record, { postgres, aws, sourceUrl: source?.url ?? sourceUrl(record), onLine: report.line }),
	);
	const lambdas = record.resources.filter(({ type }) => type === "aws:lambda/function:Function").length;
	terminal.done(
		"Program",
		`${record.resources.length} resources, ${lambdas} functions, of the stack ${record.stack}`,
		(Date.now() - startedAt) / 1000,
	);
	await migrate(deployment, terminal);
	const { readerSecretArn, sourceSecretArn } = record.outputs;
	passAppToken(aws, sourceSecretArn);
	writeLastUsed({ dataset, readerSecretArn });

	for (const [index, input] of inputs.entries()) {
		if (index > 0) terminal.title(input.title);
		if (input.snapshot) source?.publish(input.snapshot);
		const explained = explainPlaces(report, input, record);
		const result = await runOnce(options, dataset, input, deployment, explained);
		if (options.json) print(result);
		if (result.status === "failed") return false;
	}
	await showDatabase(terminal, aws.secrets.get<DatabaseSecret>(readerSecretArn)!);
	await showPage(terminal, deployment, join(state, "site"));
	return true;
}

/** Removes what earlier runs of a dataset left behind, after saying so. */
function forget(state: string, terminal: Terminal): void {
	if (!existsSync(state)) return;
	terminal.text(`Removing the database and the raw data of earlier runs: ${state}\n`);
	removePostgres(join(state, "postgres"));
	rmSync(state, { recursive: true, force: true });
}

/** Gives extract the app token of the environment. Without one, a token of an earlier run is forgotten. */
function passAppToken(aws: Aws, sourceSecretArn: string): void {
	const appToken = process.env.SODA_APP_TOKEN;
	if (appToken) aws.secrets.put(sourceSecretArn, { appToken });
	else aws.secrets.remove(sourceSecretArn);
}

function evaluateProgram({ format }: Options): Promise<ProgramRecord> {
	return currentRecord({ stack: "dev", ...(format && { settings: { format } }) });
}

/** The URL of the open-data API that extract is deployed with. */
function sourceUrl(record: ProgramRecord): string {
	return find(record, "aws:lambda/function:Function", "extract").inputs.environment.variables.SOURCE_URL;
}

/** Reports at once that the source is unreachable, instead of after extract's retries. */
async function checkReachable(url: string): Promise<void> {
	try {
		await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(15_000) });
	} catch (error) {
		throw new Error(
			`${new URL(url).host} could not be reached (${reasonOf((error as Error).cause ?? error)}); go online, or leave out --source live for the sample.`,
		);
	}
}

async function migrate(deployment: Deployment, terminal: Terminal): Promise<void> {
	const startedAt = Date.now();
	terminal.busy("Migrate", "started");
	const { applied } = await deployment.migrate();
	const what = applied ? `${applied} migrations applied` : "the schema is up to date";
	terminal.done("Migrate", what, (Date.now() - startedAt) / 1000);
}

/** Adds to each place in a raw page the line of the file that was loaded. */
function explainPlaces(report: Report, { snapshot }: Input, { config }: ProgramRecord): Report {
	if (!snapshot || !config) return report;
	const paging = { format: config.format as RawFormat, pageRows: Number(config.pageRows) };
	const explain = (text: string) => addFileLines(text, snapshot, paging);
	return {
		...report,
		failed: (state, error, seconds) =>
			report.failed(state, Object.assign(new Error(explain(error.message)), { name: error.name }), seconds),
		notified: (notifications) =>
			report.notified(notifications.map((one) => ({ ...one, message: explain(one.message) }))),
	};
}

/** Runs the workflow once and shows the messages it sent. */
async function runOnce(
	options: Options,
	dataset: string,
	input: Input,
	deployment: Deployment,
	report: Report,
): Promise<RunResult> {
	const startedAt = Date.now();
	let manifest: string | null = null;
	const watcher: Report = {
		...report,
		finished(state, result, seconds) {
			manifest = (result as Partial<ExtractResult> | null)?.manifestKey ?? manifest;
			report.finished(state, result, seconds);
		},
	};
	input.begin?.();
	const { refetch, reload, accept, replay } = options;
	const overrides = replay ? { replay } : { refetch, reload, accept };
	const outcome = await deployment.run(randomUUID(), { dataset, ...overrides }, watcher);
	report.notified(deployment.notifications());
	const peakRssMb = measured(deployment.peakRssMb);
	deployment.stopFunctions();
	const about = { seconds: (Date.now() - startedAt) / 1000, manifest, peakRssMb };
	if ("error" in outcome)
		return { status: "failed", ...NOT_COUNTED, ...about, error: outcome.error, message: messageOf(outcome.cause) };
	const loaded = (outcome.output as { load: LoadResult }).load;
	input.end?.(loaded.rowsUpdatedAt);
	return { status: loaded.status, ...countsOf(loaded), ...about };
}

function measured(peakOf: Deployment["peakRssMb"]): RunResult["peakRssMb"] {
	return Object.fromEntries(MEASURED.map((name) => [name, peakOf(name)])) as RunResult["peakRssMb"];
}

/** Prints a run's result for `--json`. */
function print(result: RunResult): void {
	process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** Prints, for `--json`, a failure outside of the workflow. */
export function printFailure({ name, message }: Error, seconds: number): void {
	const peakRssMb = measured(() => null);
	print({ status: "failed", ...NOT_COUNTED, seconds, manifest: null, peakRssMb, error: name, message });
}

/** Copies the site out of its bucket and shows the page's address, if there is a page: one of an earlier run if need be. */
async function showPage(terminal: Terminal, deployment: Deployment, directory: string): Promise<void> {
	await deployment.copySite(directory);
	const page = join(directory, "index.html");
	if (existsSync(page)) terminal.text(`The page: ${pathToFileURL(page)}`);
}

/** Shows what the database holds, as its reader. */
async function showDatabase(terminal: Terminal, secret: DatabaseSecret): Promise<void> {
	const client = await connect(secret, 30_000);
	try {
		await summarise(terminal, client);
	} finally {
		await client.end();
	}
	terminal.text("");
	terminal.text("npm run local      runs it again        npm run local:db   keeps the database up for your queries");
}
