/** `npm run local` as a process, on the sample and on files: output, results and what is left running. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { Client } from "pg";
import { COUNT_NAMES } from "../../db/counts";
import type { Properties } from "../../local/program/record";
import {
	childrenOf,
	isAlive,
	localFolderForAll,
	localFolderForEach,
	type RunningProcess,
	writeSampleFile,
} from "../support/local";

const TOKEN = "tok-of-a-local-run";

describe("npm run local", function () {
	this.timeout(120_000);
	const { folder, record, json } = localFolderForEach();

	describe("on the sample", () => {
		const { folder, record, json } = localFolderForAll();
		let second: Properties;
		const secrets = () => readFileSync(join(folder().path, ".local/sample/aws/secrets.json"), "utf8");

		it("prints plain lines where there is no terminal", async () => {
			const { status, stdout, stderr } = await folder().run(...record());
			expect(status, stderr).to.equal(0);
			expect(stdout).to.not.include("\x1b").and.not.include("\r");
			expect(stdout).to.match(/made-up sample: January 2024/);
			for (const step of ["Program", "Migrate", "Extract", "Load", "Export", "Report", "Notify success"])
				expect(stdout).to.match(new RegExp(`^ {2}✔ ${step} `, "m"));
			expect(stdout).to.include("✉  EV registrations sample: 25,000 added, 0 removed");
			expect(stdout).to.match(/25,000 vehicles on 1 January 2024/);
		});

		it("ends with the page's address, which a browser can open", async () => {
			const { stdout } = await folder().run(...record(), "--reload");
			const [, address = ""] = /The page: (file:\/\/\S+\/\.local\/sample\/site\/index\.html)\n$/.exec(stdout)!;
			expect(readFileSync(fileURLToPath(address), "utf8")).to.match(/^<!doctype html>/i);
		});

		it("loads the next month the second time", async () => {
			process.env.SODA_APP_TOKEN = TOKEN;
			const { status, stderr, results } = await json().finally(() => delete process.env.SODA_APP_TOKEN);
			expect(status, stderr).to.equal(0);
			expect(secrets(), "the environment's app token is the secret that extract reads").to.include(TOKEN);
			expect(results).to.have.length(1);
			second = results[0]!;
			expect(second).to.include({ status: "loaded" });
			expect(second.manifest).to.match(/^raw\/sample\/\d{8}T\d{6}Z\/csv\/[^/]+\/manifest\.json$/);
			for (const name of ["migrate", "extract", "load", "export", "report"])
				expect(second.peakRssMb[name], name).to.be.within(30, 200);
			expect(second.added).to.be.above(0);
			expect(second.removed).to.be.above(0);
			const { rows, removed, ...parts } = Object.fromEntries(COUNT_NAMES.map((name) => [name, second[name] as number]));
			expect(
				Object.values(parts).reduce((sum, part) => sum + part, 0),
				"each row is counted once",
			).to.equal(rows);
		});

		it("loads the same month again on --reload", async () => {
			const { results } = await json("--reload");
			expect(secrets(), "the token went with its run").to.not.include(TOKEN);
			const { manifest, rows: unchanged } = second;
			expect(results[0]).to.include({ status: "loaded", manifest, unchanged, added: 0, removed: 0 });
		});

		it("says what --fresh removes, and begins anew", async () => {
			const { results, stderr } = await json("--fresh");
			expect(stderr).to.match(/Removing the database and the raw data of earlier runs: \S+\/\.local\/sample\n/);
			expect(results[0]).to.include({ status: "loaded", added: 25_000, removed: 0 });
		});
	});

	describe("on files", () => {
		const { folder, json } = localFolderForAll();
		let files: string[];
		let last: Properties;

		it("loads them in order", async () => {
			files = [0, 1].map((month) => writeSampleFile(folder(), month, 3000));
			const { results } = await json("--source", files[0]!, "--source", files[1]!);
			last = results[1]!;
			expect(results.map(({ status }) => status)).to.deep.equal(["loaded", "loaded"]);
			expect(results[0]).to.include({ added: 3000, rows: 3000, removed: 0, rejected: 0 });
			expect(last.added).to.be.within(1, 2999);
			expect(last.peakRssMb.migrate, "migrate ran once").to.equal(null);
		});

		it("reports the same file as unchanged", async () => {
			const { results } = await json("--source", files[1]!);
			expect(results[0]).to.include({ status: "unchanged", rows: last.rows, added: null });
		});

		it("serves the database to readers at the URL it prints", async () => {
			const serving = folder().start(["--serve-database"]);
			const url = await new Promise<string>((resolve) =>
				serving.process.stdout!.once("data", (text) => resolve(String(text).trim())),
			);
			const client = new Client({ connectionString: url });
			await client.connect();
			const { rows } = await client.query("select count(*)::int as n from ev.current_vehicles");
			expect(rows[0].n).to.equal(last.rows);
			await client.end();
			const children = childrenOf(serving.process.pid!);
			serving.process.kill("SIGTERM");
			expect((await serving.ended).status).to.equal(143);
			expect(children).to.have.length.above(0);
			expect(children.filter(isAlive)).to.deep.equal([]);
		});
	});

	it("rejects a file that is no snapshot, and starts nothing", async () => {
		const file = join(folder().path, "export.csv");
		writeFileSync(file, "name,age\nAda,36\n");
		const { status, stderr, results } = await json("--source", file);
		expect(status).to.equal(1);
		expect(results[0]).to.include({ status: "failed", rows: null, manifest: null });
		expect(results[0]!.message).to.match(/export\.csv is not an export of Electric Vehicle Population Data/);
		expect(stderr).to.not.include(" at ").and.not.include("Migrate");
	});

	it("says in one sentence that the live source cannot be reached", async () => {
		const [, directory = ""] = record();
		const offline = readFileSync(join(directory, "record.json"), "utf8").replaceAll(
			/"SOURCE_URL": "[^"]*"/g,
			'"SOURCE_URL": "https://localhost:1"',
		);
		writeFileSync(join(folder().path, "record.json"), offline);
		const args = ["--json", "--record", folder().path, "--source", "live"];
		const { status, results, stderr } = await folder().run(...args);
		expect(status).to.equal(1);
		expect(results[0]!.message).to.match(/^localhost:1 could not be reached \(.*\); /);
		expect(stderr).to.not.include("Migrate");
	});

	it("exits with 2 for a wrong option and prints the usage", async () => {
		const { status, stderr } = await folder().run("--sauce", "x");
		expect(status).to.equal(2);
		expect(stderr).to.include("--sauce").and.include("npm run local -- [options]");
	});

	it("fails with the pipeline's error and loads no later file", async () => {
		const files = [0, 1].map((month) => writeSampleFile(folder(), month, 3000));
		const drifted = join(folder().path, "2024-01-15.csv");
		writeFileSync(drifted, readFileSync(files[0]!, "utf8").replace("County", "Shire"));
		const { status, results, stderr } = await json("--source", drifted, "--source", files[1]!);
		expect(status).to.equal(1);
		expect(results).to.have.length(1);
		expect(results[0]).to.include({ status: "failed", error: "SchemaDrift", added: null });
		expect(results[0]!.manifest).to.match(/\/csv\/[^/]+\/manifest\.json$/);
		expect(stderr).to.include("FAILED, SchemaDrift").and.include("Nothing was changed");
	});

	it("refuses a second run, and stops everything on Ctrl-C", async () => {
		let children: RunningProcess[] = [];
		let second: Promise<{ status: number | null; results: { message?: string }[] }> | undefined;
		const first = folder().start(["--json", "--verbose", ...record()], (text) => {
			if (second || !text.includes('"event":"fetch started"')) return;
			children = childrenOf(first.process.pid!);
			// It stands still until the other one has looked, however long that takes here.
			for (const { pid, command } of children) if (command.includes("lambda-runtime")) process.kill(pid, "SIGSTOP");
			second = json().then((run) => {
				first.process.kill("SIGINT");
				return run;
			});
		});
		const { status } = await first.ended;
		expect(status).to.equal(130);
		expect(children).to.have.length.above(1);
		expect(children.filter(isAlive)).to.deep.equal([]);
		const refused = await second!;
		expect(refused.status).to.equal(1);
		expect(refused.results[0]!.message).to.match(
			/^`npm run local` or `local:db` is already using .*; wait until it is done, or stop it\.$/,
		);
		expect((await json()).status, "and the next run works").to.equal(0);
	});
});
