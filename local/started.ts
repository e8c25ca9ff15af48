/** What a command has started: stopped in the opposite order, however the command ends. */

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
