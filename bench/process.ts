/** Starts processes and measures their time and peak memory. */

import { type ChildProcess, fork, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Ran {
	seconds: number;
	peakRssMb: number | null;
}

const SAMPLE_MS = 10;
const running = new Set<ChildProcess>();

/** Kills all processes that are still running. */
export function stopProcesses(): void {
	for (const child of running) child.kill("SIGKILL");
}

export function isInstalled(command: string): boolean {
	return spawnSync(command, ["--version"]).error === undefined;
}

/** Starts a command. `ended` rejects with the command's last output if it fails. */
export function start(command: string, args: string[], options: Pick<SpawnOptions, "stdio" | "env"> = {}) {
	const startedAt = performance.now();
	const child = keep(spawn(command, args, options));
	return { child, ended: endOf(command, child, startedAt) };
}

async function endOf(command: string, child: ChildProcess, startedAt: number): Promise<Ran> {
	let output = "";
	for (const stream of [child.stdout, child.stderr])
		stream?.on("data", (text) => {
			output = `${output}${text}`.slice(-2000);
		});
	let peak: number | null = null;
	const sampler = setInterval(() => {
		peak = peakRssMb(child) ?? peak;
	}, SAMPLE_MS);
	const code = await new Promise((done, fail) => child.once("close", done).once("error", fail)).finally(() =>
		clearInterval(sampler),
	);
	const seconds = (performance.now() - startedAt) / 1000;
	if (code !== 0) throw new Error(`${command} ended with ${code}: ${output.trim()}`);
	return { seconds, peakRssMb: peak };
}

/** A file of this folder in a process of its own, which answers each message with one. */
export interface Helper {
	ask<T>(message: object): Promise<T>;
	peakRssMb(): number | null;
	stop(): void;
}

/** @param file in this folder. Node runs it directly, so that its memory does not include the project's tooling. */
export function startHelper(file: string): Helper {
	const child = keep(
		fork(join(__dirname, file), {
			execArgv: ["--disable-warning=ExperimentalWarning", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"],
		}),
	);
	return {
		ask: <T>(message: object) =>
			new Promise<T>((resolve, reject) => {
				const onExit = () => reject(new Error(`${file} ended without an answer.`));
				child.once("exit", onExit).once("error", reject);
				child.once("message", (answer: { error?: string }) => {
					child.off("exit", onExit).off("error", reject);
					if (answer.error === undefined) resolve(answer as T);
					else reject(new Error(`${file}: ${answer.error}`));
				});
				child.send(message);
			}),
		peakRssMb: () => peakRssMb(child),
		stop: () => {
			child.kill("SIGKILL");
		},
	};
}

function keep(child: ChildProcess): ChildProcess {
	running.add(child);
	child.once("exit", () => running.delete(child));
	return child;
}

/** Peak resident memory of a process in MB; null except on Linux. */
function peakRssMb({ pid }: ChildProcess): number | null {
	try {
		const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
		return kilobytes ? Math.round(Number(kilobytes) / 1024) : null;
	} catch {
		return null;
	}
}
