/** Logs: one JSON object a line, with the run's id. What a terminal shows is drawn from the same lines. */

export interface Log {
	/** Something happened. `event` is a short name in the past tense or a gerund: "page stored", "loading". */
	info(event: string, fields?: Record<string, unknown>): void;
	warn(event: string, fields?: Record<string, unknown>): void;
	/** Like `info`, but at most once a second, for what moves all the time; the last line may be left out. */
	progress(event: string, fields: Record<string, unknown>): void;
}

/**
 * A log whose lines all carry `fields`.
 *
 * Written to stdout directly: under Lambda's JSON log format `console.log` nests what it prints below `message`,
 * while a line that is JSON already passes as it is.
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
