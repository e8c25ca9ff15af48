/** The output of a local run: progress bars on a terminal, plain lines elsewhere. */

import { styleText } from "node:util";

/** The progress of a step. */
export interface Progress {
	rows: number;
	/** Total rows. */
	of: number;
	/** Compressed bytes so far. */
	bytes: number;
	seconds: number;
}

export interface Terminal {
	/** A heading. */
	title(text: string): void;
	/** A running step; drawn only on a terminal. */
	busy(name: string, text: string): void;
	/** A running step with its progress. */
	progress(name: string, progress: Progress): void;
	/** A finished step, in one line. */
	done(name: string, text: string, seconds?: number): void;
	/** A step that failed or is retried. */
	trouble(name: string, text: string, seconds?: number): void;
	/** Text as it is, indented. */
	text(text: string): void;
}

const NAME_WIDTH = 14;
const BAR_WIDTH = 24;

/**
 * Writes to a stream: in place, with colours and bars, on a terminal; one plain line per event elsewhere.
 * @param stream stdout, or stderr if stdout is used by `--json`
 */
export function createTerminal(stream: NodeJS.WriteStream): Terminal {
	const live = stream.isTTY === true;
	const style = (format: Parameters<typeof styleText>[0], text: string) =>
		live ? styleText(format, text, { stream }) : text;
	const named = (name: string) => name.padEnd(NAME_WIDTH);
	const clear = () => {
		if (live) stream.write("\r\x1b[2K");
	};
	const line = (text: string) => {
		clear();
		stream.write(`${text}\n`);
	};
	/** Draws one line, which the next one replaces; never wider than the window, or it could not be cleared. */
	const draw = (text: string) => {
		if (!live) return;
		clear();
		stream.write(text.slice(0, (stream.columns ?? 80) - 1));
	};
	const took = (seconds?: number) => (seconds === undefined ? "" : style("dim", `  ${seconds.toFixed(1)} s`));
	let lastPlainProgress = "";

	return {
		title: (text) => line(`\n${style("bold", text)}\n`),
		busy: (name, text) => draw(`  … ${named(name)} ${text}`),
		progress: (name, { rows, of, bytes, seconds }) => {
			const share = of > 0 ? Math.min(1, rows / of) : 1;
			const filled = Math.round(share * BAR_WIDTH);
			const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
			const rate = seconds > 0 ? `${count(rows / seconds)} rows/s, ${size(bytes / seconds)}/s` : "";
			draw(`  … ${named(name)} ${bar} ${count(rows)} of ${count(of)} rows, ${rate}`);
			// Without a terminal, one line for each quarter is enough.
			const quarter = `${name} ${Math.floor(share * 4)}`;
			if (live || quarter === lastPlainProgress) return;
			lastPlainProgress = quarter;
			line(`  … ${named(name)} ${count(rows)} of ${count(of)} rows, ${rate}`);
		},
		done: (name, text, seconds) =>
			line(`  ${style("green", "✔")} ${style("bold", named(name))} ${text}${took(seconds)}`),
		trouble: (name, text, seconds) =>
			line(`  ${style("red", "✘")} ${style("bold", named(name))} ${text}${took(seconds)}`),
		text: (text) => line(text.replace(/^(?=.)/gm, "    ")),
	};
}

/** A whole number with separators. */
export function count(value: number): string {
	return Math.round(value).toLocaleString("en-US");
}

/** Bytes as kB or MB. */
export function size(bytes: number): string {
	return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
