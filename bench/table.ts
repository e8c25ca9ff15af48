/** Prints the results for people: the machine, the table and its notes. */

import { availableParallelism, cpus, totalmem } from "node:os";
import { count } from "../cli/terminal";
import type { BenchRow } from "./results";

/** The machine's CPU and memory, and the versions of Node and PostgreSQL. */
export function describeMachine(postgresVersion: string): string {
	const model = cpus()[0]?.model.trim() || "unknown CPU";
	const memory = Math.round(totalmem() / 2 ** 30);
	return `${model}, ${availableParallelism()} cores, ${memory} GB; Node ${process.versions.node}, PostgreSQL ${postgresVersion}`;
}

/** The rows as a Markdown table. */
export function drawTable(rows: BenchRow[]): string {
	const header = ["case", "method", "rows", "seconds", "× floor", "peak MB", "WAL MB"];
	const lines = rows.map((row) => [
		row.case,
		row.method.replaceAll("|", "\\|"),
		figure(row.rows, count),
		figure(row.seconds, (value) => (value < 100 ? value.toPrecision(3) : value.toFixed(0))),
		figure(row.ratioToFloor, (value) => value.toFixed(2)),
		figure(row.peakRssMb, count),
		figure(row.walBytes, (value) => (value / 1e6).toFixed(1)),
	]);
	const widths = header.map((name, at) => Math.max(name.length, ...lines.map((line) => line[at]!.length)));
	const draw = (cells: string[]) =>
		`| ${cells.map((cell, at) => (at < 2 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join(" | ")} |`;
	const rule = `| ${widths.map((width, at) => (at < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
	return [draw(header), rule, ...lines.map(draw), "", ...notesOf(rows), ""].join("\n");
}

/** Notes on the table's figures. */
function notesOf(rows: BenchRow[]): string[] {
	const notes = rows.flatMap(({ case: name, method, note }) => (note ? [`${name}, ${method}: ${note}`] : []));
	return [...notes, ...growthOf(rows)];
}

/** Compares the time per row at ten times the rows. */
function growthOf(rows: BenchRow[]): string[] {
	const perRow = (name: string, method: string) => {
		const row = rows.find((other) => other.case === name && other.method === method);
		return row?.seconds && row.rows ? row.seconds / row.rows : undefined;
	};
	const growths = [
		["first load", "ten times", "floor"],
		["first load", "ten times", "pipeline"],
		["month", "ten times, month", "pipeline"],
		["reload unchanged", "ten times, reload unchanged", "pipeline"],
	].flatMap(([name, tenTimes, method]) => {
		const [before, after] = [perRow(name!, method!), perRow(tenTimes!, method!)];
		return before && after ? [`${method}, ${name}: × ${(after / before).toFixed(2)}`] : [];
	});
	return growths.length ? [`Time per row at ten times the rows: ${growths.join("; ")}`] : [];
}

function figure(value: number | null, draw: (value: number) => string): string {
	return value === null ? "–" : draw(value);
}
