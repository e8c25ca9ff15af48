/** A function in a process of its own: what it is given, what comes back, and how its failures are named. */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { createInvoker, type Invoker, type LambdaFunction } from "../../../local/machine/lambda";
import { failed } from "../../support/assertions";
import { isAlive, LOADER } from "../../support/local";

/** What a handler says of its context. */
interface Counted {
	first: number;
	then: number;
	awsRequestId: string;
}

describe("a function on this machine", () => {
	let code: string;
	let invoker: Invoker | undefined;
	let lines: string[];

	/** A function whose archive holds this one file, which is to export `handler`. */
	const make = (source: string, about: Partial<LambdaFunction> = {}, aws: Record<string, string> = {}): Invoker => {
		writeFileSync(join(code, "index.js"), source);
		const lambda = { name: "tiny", code, handler: "index.handler", environment: {}, timeoutSeconds: 10, memoryMb: 128 };
		invoker = createInvoker({ ...lambda, ...about }, aws, (line) => lines.push(line));
		return invoker;
	};
	/** What it prints is on its way beside its answer. */
	const untilPrinted = async (line: RegExp) => {
		for (let tries = 0; tries < 100 && !lines.some((each) => line.test(each)); tries++) await sleep(10);
		expect(lines.join("\n")).to.match(line);
	};

	beforeEach(() => {
		code = mkdtempSync(join(tmpdir(), "ev-registrations-lambda-"));
		lines = [];
	});
	afterEach(() => {
		invoker?.stop();
		rmSync(code, { recursive: true, force: true });
	});

	describe("receives", () => {
		it("the event as JSON, and returns its result as JSON", async () => {
			const { invoke } = make(
				"exports.handler = async (event) => ({ event, keys: Object.keys(event), at: new Date(0), none: undefined });",
			);
			expect(await invoke({ text: "Doña", list: [1, null], none: undefined, at: new Date(0) })).to.deep.equal({
				event: { text: "Doña", list: [1, null], at: "1970-01-01T00:00:00.000Z" },
				keys: ["text", "list", "at"],
				at: "1970-01-01T00:00:00.000Z",
			});
		});

		it("nothing, and returns null for undefined", async () => {
			expect(await make("exports.handler = async () => {};").invoke({})).to.equal(null);
		});

		it("its own environment and Lambda's, not the runner's", async () => {
			process.env.EV_RUNNERS_OWN = "secret";
			try {
				const environment = { DATABASE_HOST: "db", AWS_REGION: "overridden" };
				const { invoke } = make(
					"exports.handler = async () => process.env;",
					{ environment, memoryMb: 256 },
					{ AWS_REGION: "ap-northeast-1", AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1" },
				);
				// Node itself hands this one down, where coverage is measured.
				const { NODE_V8_COVERAGE: _, ...given } = (await invoke({})) as Record<string, string>;
				expect(given).to.deep.equal({
					DATABASE_HOST: "db",
					AWS_REGION: "ap-northeast-1",
					AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1",
					_HANDLER: "index.handler",
					AWS_LAMBDA_FUNCTION_NAME: "tiny",
					AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
					LAMBDA_TASK_ROOT: code,
					LANG: "en_US.UTF-8",
					PATH: "/usr/local/bin:/usr/bin:/bin",
					TZ: ":UTC",
				});
			} finally {
				delete process.env.EV_RUNNERS_OWN;
			}
		});

		it("a context with a request id and the time left", async () => {
			const { invoke } = make(
				`exports.handler = async (_, context) => {
					const first = context.getRemainingTimeInMillis();
					await new Promise((done) => setTimeout(done, 30));
					return { first, then: context.getRemainingTimeInMillis(), ...context };
				};`,
				{ timeoutSeconds: 3 },
			);
			const [one, two] = [await invoke({}), await invoke({})] as Counted[];
			for (const context of [one!, two!]) {
				expect(context.first).to.be.within(1000, 3000);
				expect(context.first - context.then).to.be.within(25, 1000);
				expect(context).to.include({ functionName: "tiny", memoryLimitInMB: "128" });
			}
			expect(one!.awsRequestId).to.be.a("string").and.not.equal(two!.awsRequestId);
		});

		it("streams that pass its output on, line by line", async () => {
			await make(
				`exports.handler = async () => {
					process.stdout.write('{"message":"one"}\\n{"mess');
					process.stdout.write('age":"two"}\\n');
					console.error("three");
				};`,
			).invoke({});
			await untilPrinted(/two/);
			await untilPrinted(/three/);
			expect(lines.filter((line) => line !== "three")).to.deep.equal(['{"message":"one"}', '{"message":"two"}']);
		});
	});

	describe("stays warm", () => {
		const counting = "let count = 0; exports.handler = async () => ({ count: ++count, pid: process.pid });";

		it("in one process until it is stopped", async () => {
			const { invoke, pid, stop } = make(counting);
			expect(pid()).to.equal(undefined);
			const first = (await invoke({})) as { count: number; pid: number };
			expect(first).to.deep.equal({ count: 1, pid: pid() });
			expect(await invoke({})).to.deep.equal({ count: 2, pid: first.pid });
			stop();
			expect(pid()).to.equal(undefined);
			const cold = (await invoke({})) as { count: number; pid: number };
			expect(cold.count).to.equal(1);
			expect(cold.pid).to.not.equal(first.pid);
		});

		it("after an error", async () => {
			const { invoke } = make(
				'let count = 0; exports.handler = async () => { if (++count === 1) throw new Error("once"); return count; };',
			);
			await failed(invoke({}));
			expect(await invoke({})).to.equal(2);
		});

		it("and reports its peak memory while it does", async () => {
			const { invoke, peakRssMb, stop } = make(
				`exports.handler = async ({ mb }) => { Buffer.alloc(mb * 2 ** 20, 1); };`,
			);
			expect(peakRssMb()).to.equal(null);
			await invoke({ mb: 0 });
			const small = peakRssMb();
			expect(small).to.be.a("number").within(20, 200);
			await invoke({ mb: 100 });
			expect(peakRssMb()! - small!).to.be.within(60, 150);
			stop();
			expect(peakRssMb()).to.equal(null);
		});
	});

	describe("fails", () => {
		it("with its error's name and message, whatever it throws", async () => {
			const { invoke } = make(
				`exports.handler = async ({ what }) => {
					if (what === "named") throw Object.assign(new Error("429 for an hour"), { name: "SourceThrottled" });
					if (what === "built in") null.length;
					throw "just text";
				};`,
			);
			expect(await failed(invoke({ what: "named" }))).to.include({
				name: "SourceThrottled",
				message: "429 for an hour",
			});
			expect(await failed(invoke({ what: "built in" }))).to.include({ name: "TypeError" });
			expect(await failed(invoke({ what: "text" }))).to.include({ name: "Error", message: "just text" });
		});

		it("with Sandbox.Timedout at its timeout, and starts again", async () => {
			const { invoke, pid } = make(
				"exports.handler = ({ hang }) => (hang ? new Promise(() => {}) : Promise.resolve(process.pid));",
				{ timeoutSeconds: 0.25 },
			);
			const first = (await invoke({})) as number;
			const error = await failed(invoke({ hang: true }));
			expect(error).to.include({ name: "Sandbox.Timedout", message: "Task timed out after 0.25 seconds" });
			expect(await invoke({}))
				.to.equal(pid())
				.and.not.equal(first);
			expect(() => process.kill(first, 0)).to.throw(/ESRCH/);
		});

		it("with Sandbox.Timedout when it blocks its event loop", async () => {
			const { invoke } = make("exports.handler = async () => { for (;;); };", { timeoutSeconds: 0.2 });
			expect(await failed(invoke({}))).to.have.property("name", "Sandbox.Timedout");
		});

		it("with Runtime.ExitError when it runs out of memory", async () => {
			const { invoke, pid } = make(
				"exports.handler = async () => { const all = []; for (;;) all.push({ text: String(all.length) }); };",
				{ memoryMb: 24 },
			);
			const error = await failed(invoke({}));
			expect(error.name).to.equal("Runtime.ExitError");
			expect(error.message).to.match(/ran out of memory \(24 MB\)$/);
			expect(pid()).to.equal(undefined);
		});

		it("with Runtime.ExitError after a long stack trace", async () => {
			const { invoke } = make(
				`exports.handler = async () => {
					console.error("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory");
					for (let frame = 1; frame <= 5000; frame++) console.error(frame + ": 0x1012345 node::OOMErrorHandler [node]");
					process.abort();
				};`,
			);
			expect((await failed(invoke({}))).message).to.match(/ran out of memory \(128 MB\)$/);
		});

		it("with Runtime.ExitError when it exits, and starts again", async () => {
			const { invoke } = make(
				`exports.handler = async ({ exit, kill }) => {
					if (kill) process.kill(process.pid, "SIGKILL");
					if (exit !== undefined) process.exit(exit);
					return "well";
				};`,
			);
			for (const [event, how] of [
				[{ exit: 3 }, "exited with 3"],
				[{ exit: 0 }, "exited with 0"],
				[{ kill: true }, "was ended by SIGKILL"],
			] as const) {
				const error = await failed(invoke(event));
				expect(error).to.include({ name: "Runtime.ExitError" });
				expect(error.message)
					.to.match(/^RequestId: \S+ Error: Runtime /)
					.and.include(how);
				expect(await invoke({})).to.equal("well");
			}
		});

		it("with Runtime.ExitError naming a missing package", async () => {
			const { invoke, pid } = make('require("a-package-left-out"); exports.handler = async () => {};');
			expect(await failed(invoke({}))).to.have.property("name", "Runtime.ExitError");
			await untilPrinted(/Cannot find module 'a-package-left-out'/);
			expect(pid()).to.equal(undefined);
		});
	});

	it("ends with a killed runner, even in a busy loop", async function () {
		if (spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status !== 0) this.skip();
		writeFileSync(join(code, "index.js"), "exports.handler = async () => { for (;;); };");
		const lambda = { name: "busy", code, handler: "index.handler", environment: {}, timeoutSeconds: 60, memoryMb: 128 };
		const runner = spawn(
			process.execPath,
			[
				...["--disable-warning=ExperimentalWarning", "-r", LOADER, "-e"],
				`const { createInvoker } = require(${JSON.stringify(resolve(__dirname, "../../../local/machine/lambda"))});
				const invoker = createInvoker(${JSON.stringify(lambda)}, {}, () => {});
				invoker.invoke({});
				setInterval(() => invoker.pid() && console.log(invoker.pid()), 100);`,
			],
			{ stdio: ["ignore", "pipe", "inherit"] },
		);
		const [said] = await once(runner.stdout!, "data");
		const pid = Number.parseInt(String(said), 10);
		// It is in its loop by then, and would not hear of anything.
		await sleep(500);
		expect(isAlive({ pid }), "it runs").to.equal(true);
		runner.kill("SIGKILL");
		for (let tries = 0; tries < 100 && isAlive({ pid }); tries++) await sleep(20);
		const survived = isAlive({ pid });
		if (survived) process.kill(pid, "SIGKILL");
		expect(survived).to.equal(false);
	});
});
