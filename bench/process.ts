/** Processes that are measured: how long each takes, and the most memory it ever holds. */

import { type ChildProcess, fork, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Ran {
	seconds: number;
	peakRssMb: number | null;
}

const SAMPLE_MS = 10;
const running = new Set<ChildProcess>();

/** Ends what is still running. */
export function stopProcesses(): void {
	for (const child of running) child.kill("SIGKILL");
}

export function isInstalled(command: string): boolean {
	return spawnSync(command, ["--version"]).error === undefined;
}

/** Starts a command. `ended` throws with its own last words where it fails. */
export function start(command: string, args: string[], options: Pick<SpawnOptions, "stdio" | "env"> = {}) {
	const startedAt = performance.now();
	const child = keep(spawn(command, args, options));
	return { child, ended: endOf(command, child, startedAt) };
}

async function endOf(command: string, child: ChildProcess, startedAt: number): Promise<Ran> {
	let said = "";
	for (const stream of [child.stdout, child.stderr])
		stream?.on("data", (text) => {
			said = `${said}${text}`.slice(-2000);
		});
	let peak: number | null = null;
	const sampler = setInterval(() => {
		peak = peakRssMb(child) ?? peak;
	}, SAMPLE_MS);
	const code = await new Promise((done, fail) => child.once("close", done).once("error", fail)).finally(() =>
		clearInterval(sampler),
	);
	const seconds = (performance.now() - startedAt) / 1000;
	if (code !== 0) throw new Error(`${command} ended with ${code}: ${said.trim()}`);
	return { seconds, peakRssMb: peak };
}

/** A program of ours in a process of its own, which answers each message with one. */
export interface Helper {
	ask<T>(message: object): Promise<T>;
	peakRssMb(): number | null;
	stop(): void;
}

/** @param file of this folder; Node runs it as it is, so that nothing of the project's tooling counts as its memory */
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

/** High-water mark of a process's resident memory; null where the system does not tell (it does on Linux). */
function peakRssMb({ pid }: ChildProcess): number | null {
	try {
		const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
		return kilobytes ? Math.round(Number(kilobytes) / 1024) : null;
	} catch {
		return null;
	}
}
