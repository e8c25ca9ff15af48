/** The output of a local run: bars on a terminal, plain lines elsewhere. */

import { PassThrough } from "node:stream";
import { expect } from "chai";
import { count, createTerminal, size, type Terminal } from "../../cli/terminal";

const progress = (rows: number, of = 1000) => ({ rows, of, bytes: rows * 100, seconds: 2 });

describe("the terminal", () => {
	let written: string;
	let forced: string | undefined;

	/** A terminal on a stream that is or is not one. */
	const open = (about: { isTTY?: boolean; columns?: number }): Terminal => {
		written = "";
		const stream = Object.assign(new PassThrough(), { getColorDepth: () => 8 }, about);
		stream.setEncoding("utf8").on("data", (text: string) => {
			written += text;
		});
		return createTerminal(stream as unknown as NodeJS.WriteStream);
	};
	/** The lines as they end up on a screen: what was drawn over is gone. */
	const screen = () =>
		written.split("\n").map((line) =>
			line
				.slice(line.lastIndexOf("\x1b[2K") + 1)
				.replace(/^\[2K/, "")
				// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are told by one.
				.replace(/\x1b\[\d+m/g, ""),
		);
	const lines = () => written.split("\n").slice(0, -1);

	beforeEach(() => {
		forced = process.env.FORCE_COLOR;
		process.env.FORCE_COLOR = "1";
	});
	afterEach(() => {
		if (forced === undefined) delete process.env.FORCE_COLOR;
		else process.env.FORCE_COLOR = forced;
	});

	describe("on a plain stream", () => {
		it("writes one plain line per event, even if colours are forced", () => {
			const terminal = open({});
			terminal.title("The sample");
			terminal.busy("Program", "evaluating");
			terminal.done("Program", "57 resources", 1.26);
			terminal.trouble("Load", "is tried again");
			terminal.progress("Extract", progress(500));
			expect(lines()).to.deep.equal([
				"",
				"The sample",
				"",
				"  ✔ Program        57 resources  1.3 s",
				"  ✘ Load           is tried again",
				"  … Extract        500 of 1,000 rows, 250 rows/s, 25 kB/s",
			]);
		});

		it("reports each quarter of a step once", () => {
			const terminal = open({});
			for (let rows = 0; rows <= 1000; rows += 10) terminal.progress("Extract", progress(rows));
			terminal.progress("Extract", progress(1000));
			expect(lines().map((line) => /(\S+) of 1,000 rows/.exec(line)?.[1])).to.deep.equal([
				"0",
				"250",
				"500",
				"750",
				"1,000",
			]);
		});

		it("reports the quarters of the next step, too", () => {
			const terminal = open({});
			terminal.progress("Extract", progress(1000));
			terminal.progress("Load", progress(1000));
			expect(lines()).to.have.length(2);
		});
	});

	describe("on a terminal", () => {
		const window = { isTTY: true, columns: 100 };

		it("draws a bar in place", () => {
			const terminal = open(window);
			const bar = (filled: number) => "█".repeat(filled) + "░".repeat(24 - filled);
			for (const [rows, filled] of [
				[0, 0],
				[500, 12],
				[1000, 24],
				[1100, 24],
			] as const) {
				terminal.progress("Extract", progress(rows));
				expect(screen()).to.have.length(1);
				expect(screen()[0])
					.to.match(/^ {2}… Extract {8}[█░]{24} /)
					.and.include(bar(filled));
			}
		});

		it("replaces a running step by its result", () => {
			const terminal = open(window);
			terminal.busy("Extract", "asking when the data last changed");
			terminal.progress("Extract", progress(500));
			terminal.done("Extract", "1,000 rows", 2);
			terminal.trouble("Load", "failed");
			expect(screen()).to.deep.equal(["  ✔ Extract        1,000 rows  2.0 s", "  ✘ Load           failed", ""]);
		});

		it("shows success in green and failure in red", () => {
			const terminal = open(window);
			terminal.done("Extract", "");
			terminal.trouble("Load", "");
			expect(written).to.include("\x1b[32m✔").and.include("\x1b[31m✘");
		});

		it("never draws beyond the window's edge", () => {
			for (const columns of [40, undefined]) {
				const terminal = open({ isTTY: true, ...(columns && { columns }) });
				terminal.busy("Program", "x".repeat(200));
				expect(screen()[0]).to.have.length((columns ?? 80) - 1);
				terminal.progress("Extract", progress(123_456, 1_000_000));
				expect(screen()[0]!.length).to.be.below(columns ?? 80);
			}
		});
	});

	it("shows a step of no rows or no time as complete", () => {
		open({ isTTY: true }).progress("Extract", { rows: 0, of: 0, bytes: 0, seconds: 0 });
		expect(screen()[0]).to.include("█".repeat(24));
		const terminal = open({});
		terminal.progress("Extract", { rows: 0, of: 0, bytes: 0, seconds: 0 });
		expect(lines()).to.have.length(1);
		expect(lines()[0])
			.to.include("0 of 0 rows")
			.and.not.match(/NaN|Infinity/);
	});

	it("indents text, but not empty lines", () => {
		open({}).text("one\n\n  two");
		expect(lines()).to.deep.equal(["    one", "", "      two"]);
	});

	it("formats counts and sizes", () => {
		expect([0, 999, 1234567, 2.6].map(count)).to.deep.equal(["0", "999", "1,234,567", "3"]);
		expect([0, 999, 999_499, 1e6, 12_345_678].map(size)).to.deep.equal(["0 kB", "1 kB", "999 kB", "1.0 MB", "12.3 MB"]);
	});
});
