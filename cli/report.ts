/** Shows a run's progress and result on a terminal, from the functions' log lines and the workflow's steps. */

import type { Client } from "pg";
import type { ExportResult, ExtractResult, LoadResult, NotifyResult, ReplayPlan } from "../handlers/common/contract";
import type { Notification } from "../local/aws/services";
import type { TaskWatcher } from "../local/aws/step-functions";
import { count, size, type Terminal } from "./terminal";

/** The fields of the functions' log lines that are shown. */
interface LogLine {
	event?: string;
	rows?: number;
	of?: number;
	pages?: number;
	page?: number;
	bytes?: number;
	/** A metric for CloudWatch, which is not shown. */
	_aws?: object;
}

export interface Report extends TaskWatcher {
	/** Shows a line that a function printed. */
	line(line: string): void;
	notified(notifications: Notification[]): void;
}

/** Draws the steps of a run on a terminal. @param verbose whether the functions' lines are shown, too */
export function createReport(terminal: Terminal, verbose: boolean): Report {
	let state = "";
	let startedAt = 0;
	let expected = 0;
	const draw = (line: LogLine) => {
		const seconds = (Date.now() - startedAt) / 1000;
		const { event, rows = 0, bytes = 0 } = line;
		if (event === "fetch started" || event === "load started") expected = rows;
		if (event === "page stored" || event === "loading")
			terminal.progress(state, { rows, of: line.of ?? expected, bytes, seconds });
		if (event === "merging" || event === "committing" || event === "staging again") terminal.busy(state, event);
	};
	return {
		line(line) {
			const parsed = parse(line);
			if (parsed?._aws) return;
			// A line that is not JSON is a warning of Node's or the error of a process that crashes.
			if (verbose || !parsed) terminal.text(line);
			if (parsed) draw(parsed);
		},
		started(name) {
			state = name;
			startedAt = Date.now();
			terminal.busy(name, "started");
		},
		finished: (name, result, seconds) => terminal.done(name, describe(result), seconds),
		failed: (name, error, seconds) => terminal.trouble(name, `${error.name}: ${error.message}`, seconds),
		notified(notifications) {
			for (const { subject, message } of notifications) {
				terminal.title(`✉  ${subject}`);
				terminal.text(message);
			}
		},
	};
}

/** A log line of a function; undefined for any other line. */
function parse(line: string): LogLine | undefined {
	try {
		return JSON.parse(line);
	} catch {
		return undefined;
	}
}

/** A task's result in a few words. */
function describe(result: unknown): string {
	const { fetched, status, rows, bytes, made, files, published, subject, runs, token } = (result ?? {}) as Partial<
		Omit<ExtractResult, "rows"> & LoadResult & ExportResult & NotifyResult & ReplayPlan
	>;
	if (fetched !== undefined)
		return fetched
			? `fetched ${count(rows!)} rows, ${size(bytes!)} compressed`
			: `${count(rows!)} rows are stored already`;
	if (status === "loaded") return `loaded ${count(rows!)} rows`;
	if (status === "unchanged") return "unchanged: this version is published already";
	if (made !== undefined) {
		const what = files === undefined ? "the page" : `${files} data files`;
		return made ? `made ${what}, ${size(bytes!)}` : `${what} ${files === undefined ? "is" : "are"} up to date`;
	}
	if (published !== undefined) return published ? "published" : `nothing to report (${subject})`;
	if (runs !== undefined) return `${count(runs.length)} ${runs.length === 1 ? "load" : "loads"} to repeat`;
	return token === undefined ? "" : "the new tables are in place of the old ones";
}

/** Shows what the database holds, queried as an analyst would. */
export async function summarise(terminal: Terminal, reader: Client): Promise<void> {
	const { rows: snapshots } = await reader.query<{ day: string; vehicles: number; bev: number; snapshots: number }>(`
		select to_char(max(s.snapshot_at), 'FMDD Month YYYY') as day,
			(select count(*)::int from ev.current_vehicles) as vehicles,
			(select count(*)::int from ev.current_vehicles where vehicle_type = 'BEV') as bev,
			count(*)::int as snapshots
		from ev.snapshots s`);
	const { day, vehicles, bev, snapshots: published } = snapshots[0]!;
	if (!published) return;
	const { rows: makes } = await reader.query<{ make: string; n: number }>(
		"select make, count(*)::int as n from ev.current_vehicles group by make order by n desc, make limit 5",
	);
	const share = (n: number) => `${((100 * n) / vehicles).toFixed(0)} %`;
	terminal.title(`${count(vehicles)} vehicles on ${day.replace(/ +/g, " ")}`);
	terminal.text(
		`${share(bev)} run on batteries alone; ${published} ${published === 1 ? "snapshot" : "snapshots"} so far.`,
	);
	terminal.text("");
	for (const { make, n } of makes)
		terminal.text(
			`${make.padEnd(12)} ${count(n).padStart(8)}  ${"█".repeat(Math.max(1, Math.round((40 * n) / makes[0]!.n)))}`,
		);
}
