/** What `npm run bench` prints and leaves behind. The input is too small for meaningful figures. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { childrenOf, isAlive, LOADER } from "../support/local";
import { programOf } from "../support/program";

const MAIN = resolve(__dirname, "../../bench/main.ts");
const KEYS = ["case", "method", "rows", "seconds", "ratioToFloor", "peakRssMb", "walBytes"];

describe("npm run bench", function () {
	this.timeout(120_000);
	let temporary: string;
	let record: string;

	before(async () => {
		record = (await programOf("dev")).directory;
	});
	beforeEach(() => {
		temporary = mkdtempSync(join(tmpdir(), "ev-registrations-test-"));
	});
	afterEach(() => rmSync(temporary, { recursive: true, force: true }));

	/** Folders that a run left behind; Node's caches do not count. */
	const left = () => readdirSync(temporary).filter((name) => name.startsWith("ev-registrations"));
	const start = (...args: string[]): ChildProcess =>
		spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "-r", LOADER, MAIN, ...args], {
			env: { ...process.env, TMPDIR: temporary },
			stdio: ["ignore", "pipe", "pipe"],
		});
	const run = async (...args: string[]) => {
		const child = start(...args);
		const ended = new Promise<number | null>((done) => child.once("exit", done));
		const [stdout, stderr, status] = await Promise.all([text(child.stdout!), text(child.stderr!), ended]);
		return { stdout, stderr, status };
	};

	it("prints a JSON object per method and leaves no folder", async () => {
		const cases = ["month", "extract", "readers", "cold start"].flatMap((name) => ["--case", name]);
		const { stdout, stderr, status } = await run(
			"--rows",
			"2000",
			"--repeat",
			"1",
			"--json",
			...cases,
			"--record",
			record,
		);
		expect(status, stderr).to.equal(0);
		const rows = stdout
			.trim()
			.split("\n")
			.map((line) => JSON.parse(line));
		expect(rows.map((row) => [row.case, row.method])).to.deep.equal([
			["month", "pipeline"],
			["month", "floor"],
			["month", "drizzle by 1,000"],
			["month", "upsert per row"],
			["extract", "pipeline"],
			["extract", "curl | gzip"],
			["readers", "p99 while idle"],
			["readers", "p99 during a load"],
			["cold start", "export"],
			["cold start", "extract"],
			["cold start", "load"],
			["cold start", "migrate"],
			["cold start", "notify"],
			["cold start", "report"],
			["cold start", "rotate"],
		]);
		for (const row of rows) expect(row, JSON.stringify(row)).to.include.all.keys(KEYS);
		for (const row of rows.slice(0, 4)) {
			expect(row.rows, row.method).to.be.within(1900, 2100);
			for (const figure of ["seconds", "ratioToFloor", "peakRssMb", "walBytes"])
				expect(row[figure], `${row.method}, ${figure}`).to.be.above(0);
		}
		for (const row of rows.slice(-7)) {
			expect(row.seconds, row.method).to.be.within(0.01, 5);
			expect(row.peakRssMb, row.method).to.be.within(30, 200);
		}
		expect(rows.find(({ method }) => method === "floor").ratioToFloor).to.equal(1);
		expect(left()).to.deep.equal([]);
	});

	it("leaves no server and no folder when it is killed", async function () {
		if (process.platform !== "linux") this.skip();
		const child = start("--rows", "2000", "--case", "month", "--record", record);
		let output = "";
		for await (const part of child.stderr!) {
			output += part;
			if (output.includes("Machine")) break;
		}
		const started = childrenOf(child.pid!);
		const data = started.map(({ command }) => / -D (\S+)/.exec(command)?.[1]).find((folder) => folder !== undefined);
		expect(data, "a running server").to.be.a("string").that.satisfies(existsSync);
		child.kill("SIGKILL");
		for (let tries = 0; tries < 100 && (started.some(isAlive) || left().length); tries++) await sleep(100);
		expect(started.filter(isAlive).map(({ command }) => command)).to.deep.equal([]);
		expect(left()).to.deep.equal([]);
		expect(existsSync(data!), "the server's data").to.equal(false);
	});

	it("rejects an unknown case in one sentence", async () => {
		const { status, stderr } = await run("--case", "second load");
		expect(status).to.equal(2);
		expect(stderr).to.include("There is no case second load; there are first load, ");
	});
});
