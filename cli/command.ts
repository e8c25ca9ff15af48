/** Runs a command, from its command line to its exit status, and stops all that it started. */

import { constants } from "node:os";

export interface Started {
	/** Stops a server at the end, even if it is still starting by then. */
	keep<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T>;
	/** Calls a function at the end, in reverse order with the servers. */
	defer(stop: () => void | Promise<void>): void;
	/** Whether stopping has begun: what fails from then on is a consequence of it. */
	readonly isStopping: boolean;
	stop(): Promise<void>;
}

/** Created once by a command. SIGINT, SIGTERM and SIGHUP stop everything and end the process; a second one ends it at once. */
export function createStarted(): Started {
	const stack = new AsyncDisposableStack();
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
		process.once(signal, async () => {
			await stack.disposeAsync();
			process.exit(128 + constants.signals[signal]);
		});
	return {
		keep(starting) {
			stack.defer(async () => (await starting.catch(() => undefined))?.stop());
			return starting;
		},
		defer: (stop) => stack.defer(stop),
		get isStopping() {
			return stack.disposed;
		},
		stop: () => stack.disposeAsync(),
	};
}

export interface Command<O> {
	/** @throws an error with one sentence about the command line */
	parse(args: string[]): O;
	usage: string;
	/** @returns the process's exit status */
	run(options: O): Promise<number>;
	/** Reports an error of `run`. */
	failed(error: Error, options: O): void;
}

/** Runs a command and always stops what it started. */
export async function runCommand<O extends { help: boolean }>(started: Started, command: Command<O>): Promise<void> {
	process.exitCode = await statusOf(started, command);
}

async function statusOf<O extends { help: boolean }>(started: Started, command: Command<O>): Promise<number> {
	let options: O;
	try {
		options = command.parse(process.argv.slice(2));
	} catch (error) {
		process.stderr.write(`${(error as Error).message}\n\n${command.usage}`);
		return 2;
	}
	if (options.help) {
		process.stdout.write(command.usage);
		return 0;
	}
	try {
		return await command.run(options);
	} catch (error) {
		if (!started.isStopping) command.failed(error as Error, options);
		return 1;
	} finally {
		await started.stop();
	}
}
