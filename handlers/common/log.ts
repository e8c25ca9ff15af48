/** Logs: one JSON object per line, with the run's id. Local runs draw their progress from the same lines. */

export interface Log {
	/** @param event a short name in the past tense or the progressive: "page stored", "loading" */
	info(event: string, fields?: Record<string, unknown>): void;
	warn(event: string, fields?: Record<string, unknown>): void;
	/** Like `info`, but at most once per second; later lines within it are dropped, the last one included. */
	progress(event: string, fields: Record<string, unknown>): void;
}

/**
 * Creates a log whose lines all have `fields`.
 *
 * Writes to stdout directly: with Lambda's JSON log format, `console.log` nests its output below `message`, and a line
 * that is already JSON is kept as it is.
 */
export function createLog(fields: Record<string, unknown>): Log {
	let lastProgress = 0;
	const write = (level: string, event: string, more: Record<string, unknown> = {}) => {
		const line = { timestamp: new Date().toISOString(), level, event, ...fields, ...more };
		process.stdout.write(`${JSON.stringify(line)}\n`);
	};
	return {
		info: (event, more) => write("INFO", event, more),
		warn: (event, more) => write("WARN", event, more),
		progress: (event, more) => {
			const now = Date.now();
			if (now - lastProgress < 1000) return;
			lastProgress = now;
			write("INFO", event, more);
		},
	};
}
