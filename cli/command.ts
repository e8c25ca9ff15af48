/** A command of this machine: from its command line to its exit status, with all that it started stopped again. */

import { constants } from "node:os";

export interface Started {
	/** Sees to it that what is being started is stopped, even if it is not up yet by then. */
	keep<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T>;
	/** Does something in its turn when everything is stopped. */
	defer(stop: () => void | Promise<void>): void;
	/** Whether stopping has begun: what fails then, fails because of that. */
	readonly isStopping: boolean;
	stop(): Promise<void>;
}

/** Made once by a command. Ctrl-C and its like stop everything and end the process; a second time, at once. */
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
	/** @throws one sentence that says what is wrong with the command line */
	parse(args: string[]): O;
	usage: string;
	/** @returns the process's exit status */
	run(options: O): Promise<number>;
	/** Told of what `run` failed with. */
	failed(error: Error, options: O): void;
}

/** Runs a command, and stops what it started however it ends. */
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
