/** A kept record of the program is used only while everything that it depends on is the same. */

import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect } from "chai";
import { loadInputs, PROJECT_ROOT, type ProgramRecord, type RecordOptions } from "../../../local/program/record";
import { currentRecord, keyOf } from "../../../local/program/record-cache";
import { programOf } from "../../support/program";

describe("a kept record", function () {
	this.timeout(120_000);
	const options: RecordOptions = { stack: "dev", environment: { AWS_REGION: "eu-north-1", HOME: "/home/ada" } };
	let record: ProgramRecord;
	before(async () => {
		record = await programOf("dev");
	});

	const others: [string, RecordOptions][] = [
		["stack", { ...options, stack: "prod" }],
		["setting", { ...options, settings: { format: "json" } }],
		["AWS variable", { ...options, environment: { AWS_REGION: "eu-north-2" } }],
		["Pulumi variable", { ...options, environment: { ...options.environment, PULUMI_OPTION: "true" } }],
	];
	for (const [what, other] of others)
		it(`differs for another ${what}`, () => {
			expect(keyOf(other)).to.not.equal(keyOf(options));
		});

	for (const name of ["version", "platform", "arch"] as const)
		it(`differs for another ${name} of Node`, () => {
			const other = { version: process.version, platform: process.platform, arch: process.arch, [name]: "other" };
			expect(keyOf(options, other)).to.not.equal(keyOf(options));
		});

	it("is the same for variables that the program can't see", () => {
		const environment = { HOME: "/home/bea", AWS_REGION: "eu-north-1" };
		expect(keyOf({ ...options, settings: {}, environment })).to.equal(keyOf(options));
	});

	it("depends on the program, its settings, packages and migrations", () => {
		const inputs = Object.keys(loadInputs(record.directory));
		const files = ["index.ts", "Pulumi.yaml", "Pulumi.dev.yaml", "package.json", "tsconfig.json", "db/migrations"];
		const modules = ["handlers/load.ts", "handlers/rows/page-records.ts", "infra/network.ts", "local/program/mocks.ts"];
		// esbuild reads these in a process of its own.
		const page = ["page/render.ts", "page/browser/start.ts", "page/styles/tokens.css"];
		const packages = ["node_modules/.package-lock.json", "node_modules/pg/lib/client.js"];
		for (const path of [...files, ...modules, ...page, ...packages, "local/common/typescript.js"])
			expect(inputs, path).to.include(`content ${join(PROJECT_ROOT, path)}`);
		for (const folder of ["", "handlers", "infra/functions", "node_modules/pg"])
			expect(inputs, folder).to.include(`modules ${join(PROJECT_ROOT, folder)}`);
	});

	it("is not used while it is being written", async () => {
		const key = keyOf({ stack: "dev", environment: {} });
		const unfinished = join(dirname(record.directory), `${key}-half.new`);
		mkdirSync(unfinished, { recursive: true });
		try {
			writeFileSync(join(unfinished, "inputs.json"), "{}");
			const found = await currentRecord({ stack: "dev", environment: {} });
			expect(found.resources).to.have.length.above(80);
			expect(found.directory).to.not.equal(unfinished);
		} finally {
			rmSync(unfinished, { recursive: true, force: true });
		}
	});

	it("is replaced when an input changes, and removed when unused", async () => {
		// An evaluation by itself is a long test; a setting that is refused ends it after the removal.
		const folder = dirname(record.directory);
		const refused: RecordOptions = { stack: "dev", settings: { pageRows: "none" }, environment: {} };
		const [stale, unused] = [`${keyOf(refused)}-stale`, "unused"].map((name) => join(folder, name));
		mkdirSync(stale!, { recursive: true });
		writeFileSync(join(stale!, "record.json"), readFileSync(join(record.directory, "record.json")));
		const input = `content ${join(PROJECT_ROOT, "index.ts")}`;
		writeFileSync(join(stale!, "inputs.json"), JSON.stringify({ ...loadInputs(record.directory), [input]: "other" }));
		mkdirSync(unused!, { recursive: true });
		utimesSync(unused!, 0, 0);
		try {
			const error = await currentRecord(refused).then(
				() => undefined,
				(error: Error) => error,
			);
			expect(error?.message).to.include("pageRows");
			expect(existsSync(unused!)).to.equal(false);
			expect(existsSync(record.directory), basename(record.directory)).to.equal(true);
		} finally {
			rmSync(stale!, { recursive: true, force: true });
		}
	});
});
