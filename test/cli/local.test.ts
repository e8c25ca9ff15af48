/** The whole of `npm run local`, on the sample and on files: what a person sees, what scripts get, what is left behind. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { Client } from "pg";
import { COUNT_NAMES } from "../../db/counts";
import { childrenOf, isAlive, localFolderForEach, type RunningProcess, writeSampleFile } from "../support/local";
import { programOf } from "../support/program";

describe("npm run local", function () {
	this.timeout(120_000);
	const { folder, record, json } = localFolderForEach();

	it("loads the sample, shows an update the second time, and the same month again on --reload", async () => {
		const first = await json();
		expect(first.status, first.stderr).to.equal(0);
		expect(first.results).to.have.length(1);
		expect(first.results[0]).to.deep.include({
			status: "loaded",
			rows: 25_000,
			added: 25_000,
			removed: 0,
			rejected: 0,
		});
		expect(first.results[0]!.manifest).to.match(/^raw\/sample\/\d{8}T\d{6}Z\/csv\/manifest\.json$/);
		for (const name of ["migrate", "extract", "load"])
			expect(first.results[0]!.peakRssMb[name], name).to.be.within(30, 200);

		const second = (await json()).results[0]!;
		expect(second).to.include({ status: "loaded" });
		expect(second.added).to.be.above(0);
		expect(second.removed).to.be.above(0);
		const { rows, removed, ...parts } = Object.fromEntries(COUNT_NAMES.map((name) => [name, second[name] as number]));
		expect(
			Object.values(parts).reduce((sum, part) => sum + part, 0),
			"each row is counted once",
		).to.equal(rows);

		const reloaded = (await json("--reload")).results[0]!;
		expect(reloaded).to.include({
			status: "loaded",
			manifest: second.manifest,
			unchanged: second.rows,
			added: 0,
			removed: 0,
		});
	});

	it("tells it step by step in plain lines where there is no terminal, with what was notified and what is there now", async () => {
		const { status, stdout } = await folder().run(...record());
		expect(status).to.equal(0);
		expect(stdout).to.not.include("\x1b").and.not.include("\r");
		expect(stdout).to.match(/made-up sample: January 2024/);
		for (const step of ["Program", "Migrate", "Extract", "Load", "Notify success"])
			expect(stdout).to.match(new RegExp(`^ {2}✔ ${step} `, "m"));
		expect(stdout).to.include("✉  EV registrations sample: 25,000 added, 0 removed");
		expect(stdout).to.match(/25,000 vehicles on 1 January 2024/);
	});

	it("loads files in order, and the same file again as unchanged", async () => {
		const files = [0, 1].map((month) => writeSampleFile(folder(), month, 3000));
		const both = await json("--source", files[0]!, "--source", files[1]!);
		expect(both.results.map(({ status, added }) => [status, added])).to.deep.equal([
			["loaded", 3000],
			["loaded", both.results[1]!.added],
		]);
		expect(both.results[1]!.peakRssMb.migrate, "migrate ran once").to.equal(null);
		const again = await json("--source", files[1]!);
		expect(again.results[0]).to.include({ status: "unchanged", rows: both.results[1]!.rows, added: null });
	});

	describe("with a source that is no snapshot", () => {
		const cases: [string, () => string | Buffer | undefined, RegExp][] = [
			["that is not there", () => undefined, /is not there/],
			["that is empty", () => "", /is empty/],
			["of another dataset", () => "name,age\nAda,36\n", /is not an export of Electric Vehicle Population Data/],
			[
				"without the key column",
				() => "VIN (1-10),County,City,State,Postal Code,Model Year,Make,Model,Electric Range\n1,2,3,4,5,6,7,8,9\n",
				/lacks the column DOL Vehicle ID/,
			],
			["that is cut off", () => gzipSync("a".repeat(100_000)).subarray(0, 60), /cannot be uncompressed/],
		];
		for (const [what, content, said] of cases)
			it(`says in one sentence that a file ${what} is wrong, and starts nothing`, async () => {
				const file = join(folder().path, "export.csv");
				const bytes = content();
				if (bytes !== undefined) writeFileSync(file, bytes);
				const { status, stderr, results } = await json("--source", file);
				expect(status).to.equal(1);
				expect(results[0]).to.include({ status: "failed", rows: null, manifest: null });
				expect(results[0]!.message).to.match(said).and.include("export.csv");
				expect(stderr).to.not.include(" at ").and.not.include("Migrate");
			});
	});

	it("says in one sentence that the live source could not be reached", async () => {
		const unreachable = await programOf("dev", { sourceUrl: "https://localhost:1" });
		const { status, results, stderr } = await folder().run(
			"--json",
			"--record",
			unreachable.directory,
			"--source",
			"live",
		);
		expect(status).to.equal(1);
		expect(results[0]!.message).to.match(/^localhost:1 could not be reached \(.*\); /);
		expect(stderr).to.not.include("Migrate");
	});

	it("says which option is wrong", async () => {
		const { status, stderr } = await folder().run("--sauce", "x");
		expect(status).to.equal(2);
		expect(stderr).to.include("--sauce").and.include("npm run local -- [options]");
	});

	it("fails with the pipeline's own error, exit status 1, the message that was sent, and no later source", async () => {
		const files = [0, 1].map((month) => writeSampleFile(folder(), month, 3000));
		const drifted = join(folder().path, "2024-01-15.csv");
		writeFileSync(drifted, Buffer.from(require("node:fs").readFileSync(files[0]!, "utf8").replace("County", "Shire")));
		const { status, results, stderr } = await json("--source", drifted, "--source", files[1]!);
		expect(status).to.equal(1);
		expect(results).to.have.length(1);
		expect(results[0]).to.include({ status: "failed", error: "SchemaDrift", added: null });
		expect(results[0]!.manifest).to.include("/csv/manifest.json");
		expect(stderr).to.include("FAILED, SchemaDrift").and.include("Nothing was changed");
	});

	it("says so in one sentence when another one is running, and stops everything on Ctrl-C", async () => {
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
			/^Another local run is using .*; wait until it is done, or stop it\.$/,
		);
		expect((await json()).status, "and the next run works").to.equal(0);
	});

	it("keeps the database up on request, for readers, at the URL it prints", async () => {
		await json("--source", writeSampleFile(folder(), 0, 3000));
		const serving = folder().start(["--serve-database"]);
		const url = await new Promise<string>((resolve) =>
			serving.process.stdout!.once("data", (text) => resolve(String(text).trim())),
		);
		const client = new Client({ connectionString: url });
		await client.connect();
		expect((await client.query("select count(*)::int as n from ev.current_vehicles")).rows[0].n).to.equal(3000);
		await client.end();
		const children = childrenOf(serving.process.pid!);
		serving.process.kill("SIGTERM");
		expect((await serving.ended).status).to.equal(143);
		expect(children).to.have.length.above(0);
		expect(children.filter(isAlive)).to.deep.equal([]);
	});
});
