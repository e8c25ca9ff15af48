/** Runs a function's unpacked archive in its own process, with its environment, memory limit and timeout. */

import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { platform } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface LambdaFunction {
	name: string;
	/** Folder of the unpacked archive. */
	code: string;
	/** `file.export` */
	handler: string;
	environment: Record<string, string>;
	timeoutSeconds: number;
	memoryMb: number;
}

export interface Invoker {
	/** Invokes the function. @throws an error named as Step Functions would see it */
	invoke(event: unknown): Promise<unknown>;
	/** Peak resident memory of its process in MB; null before it ran. */
	peakRssMb(): number | null;
	/** Process id of the warm function, if there is one. */
	pid(): number | undefined;
	/** Ends its process and resets the peak: the next invocation starts cold. */
	stop(): void;
}

/** Lambda's answer for an error of a function, which Step Functions passes on as the cause. */
interface FunctionError {
	errorType: string;
	errorMessage: string;
	trace?: string[];
}

type Answer = { ready: true } | { result: string } | { error: FunctionError };

const SAMPLE_MS = 100;
const START_MS = 10_000;

/**
 * Makes a function invokable. Its process starts with the first invocation and stays warm for the next.
 * @param aws environment variables that direct the SDK to the local services
 * @param onLine receives what the function prints, line by line
 */
export function createInvoker(
	lambda: LambdaFunction,
	aws: Record<string, string>,
	onLine: (line: string) => void,
): Invoker {
	let child: ChildProcess | undefined;
	let peak: number | null = null;
	let outOfMemory = false;

	const start = async (): Promise<ChildProcess> => {
		outOfMemory = false;
		const started = fork(join(__dirname, "lambda-runtime.js"), {
			cwd: lambda.code,
			env: functionEnvironment(lambda, aws),
			...endingWithRunner(["--disable-warning=ExperimentalWarning", ...heapLimits(lambda.memoryMb)]),
			stdio: ["ignore", "pipe", "pipe", "ipc"],
			// Ctrl-C reaches the runner, which then stops its functions.
			detached: true,
		});
		for (const stream of [started.stdout!, started.stderr!])
			createInterface({ input: stream }).on("line", (line) => {
				outOfMemory ||= line.includes("heap out of memory");
				onLine(line);
			});
		// Set at once, so that it can be stopped while it starts.
		child = started;
		started.once("exit", () => {
			if (child === started) child = undefined;
		});
		await answerOf(started, START_MS, () => lambdaError("Runtime.ExitError", `did not start in ${START_MS / 1000} s`));
		return started;
	};

	/** The next message of the process; its exit and its timeout are errors. */
	const answerOf = (of: ChildProcess, withinMs: number, onTimeout: () => Error) =>
		new Promise<Answer>((resolve, reject) => {
			const sampler = setInterval(sample, SAMPLE_MS);
			const timer = setTimeout(() => {
				settle();
				of.kill("SIGKILL");
				// It may take a while to end, and must not be invoked again meanwhile.
				if (child === of) child = undefined;
				reject(onTimeout());
			}, withinMs);
			const onMessage = (answer: Answer) => {
				settle();
				resolve(answer);
			};
			// Not "exit", which may come before its last lines, which say why it ended.
			const onClose = (code: number | null, signal: string | null) => {
				settle();
				reject(crash(code, signal));
			};
			const settle = () => {
				sample();
				clearInterval(sampler);
				clearTimeout(timer);
				of.off("message", onMessage).off("close", onClose);
			};
			of.once("message", onMessage).once("close", onClose);
		});

	const sample = () => {
		const rss = child?.pid === undefined ? undefined : peakRss(child.pid);
		if (rss !== undefined) peak = Math.max(peak ?? 0, rss);
	};

	const crash = (code: number | null, signal: string | null) => {
		const how = outOfMemory
			? `ran out of memory (${lambda.memoryMb} MB)`
			: signal
				? `was ended by ${signal}`
				: `exited with ${code}`;
		return lambdaError("Runtime.ExitError", `RequestId: ${lambda.name} Error: Runtime ${how}`);
	};

	return {
		async invoke(event) {
			const warm = child ?? (await start());
			const timeoutMs = lambda.timeoutSeconds * 1000;
			const answering = answerOf(warm, timeoutMs, () =>
				lambdaError("Sandbox.Timedout", `Task timed out after ${lambda.timeoutSeconds.toFixed(2)} seconds`),
			);
			// Only what JSON can express reaches a function.
			const payload = JSON.parse(JSON.stringify(event));
			warm.send({ event: payload, requestId: randomUUID(), deadline: Date.now() + timeoutMs });
			const answer = await answering;
			if ("error" in answer) throw lambdaError(answer.error.errorType, answer.error.errorMessage);
			return "result" in answer ? JSON.parse(answer.result) : undefined;
		},
		peakRssMb: () => peak,
		pid: () => child?.pid,
		stop: () => {
			child?.kill("SIGKILL");
			child = undefined;
			peak = null;
		},
	};
}

function lambdaError(name: string, message: string): Error {
	const error = new Error(message);
	error.name = name;
	return error;
}

/** The environment of a function on Lambda: its own variables and those of the runtime. */
function functionEnvironment(lambda: LambdaFunction, aws: Record<string, string>): NodeJS.ProcessEnv {
	return {
		...lambda.environment,
		...aws,
		_HANDLER: lambda.handler,
		AWS_LAMBDA_FUNCTION_NAME: lambda.name,
		AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(lambda.memoryMb),
		LAMBDA_TASK_ROOT: lambda.code,
		LANG: "en_US.UTF-8",
		PATH: "/usr/local/bin:/usr/bin:/bin",
		TZ: ":UTC",
	};
}

/** Whether setpriv is installed and knows the option; checked once. */
let canBind: boolean | undefined;

/**
 * The command that starts Node so that it ends with the runner. A function notices when the runner is killed, unless it
 * blocks its event loop; then Linux ends it. https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
 */
function endingWithRunner(flags: string[]): { execPath: string; execArgv: string[] } {
	const bound = ["--pdeathsig", "KILL"];
	canBind ??= platform() === "linux" && spawnSync("setpriv", [...bound, "true"]).status === 0;
	if (!canBind) return { execPath: process.execPath, execArgv: flags };
	return { execPath: "setpriv", execArgv: [...bound, process.execPath, ...flags] };
}

/** Divides a function's memory as Lambda's start script does: a tenth for young objects, most of the rest for old ones. */
function heapLimits(memoryMb: number): string[] {
	const young = Math.floor(memoryMb / 10);
	return [`--max-semi-space-size=${Math.max(1, Math.floor(young / 2))}`, `--max-old-space-size=${memoryMb - young}`];
}

/** High-water mark of a process's resident memory in MB (Linux), or what it holds now (elsewhere). */
function peakRss(pid: number): number | undefined {
	let kilobytes: string | undefined;
	if (platform() === "linux") {
		try {
			kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
		} catch {
			// The process has ended.
		}
	} else kilobytes = spawnSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" }).stdout.trim();
	return kilobytes ? Math.round(Number(kilobytes) / 1024) : undefined;
}
