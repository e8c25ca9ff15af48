/** Evaluations only for the long tests: the same program twice, and the program with rare settings. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type ProgramRecord, recordProgram } from "../../local/program/record";
import { programOf } from "../support/program";
import { ALARM, FUNCTION, FUNCTION_NAMES, useProgram } from "../support/use-program";

describe("evaluating the program twice", function () {
	this.timeout(120_000);
	const directory = mkdtempSync(join(tmpdir(), "ev-registrations-evaluation-"));
	let once: ProgramRecord;
	let again: ProgramRecord;

	before(async () => {
		once = await programOf("prod");
		again = await recordProgram(join(directory, "record"), { stack: "prod" });
	});
	after(() => rmSync(directory, { recursive: true, force: true }));

	it("declares the same resources with the same inputs", () => {
		const declared = ({ resources }: ProgramRecord) =>
			resources
				.map((resource) => ({ ...resource, dependsOn: resource.dependsOn.toSorted() }))
				.sort((one, other) => (one.urn < other.urn ? -1 : 1));
		expect(once.resources).to.have.length.above(80);
		expect(declared(again)).to.deep.equal(declared(once));
		expect(again.outputs).to.deep.equal(once.outputs);
	});

	it("makes the same archives, byte for byte", () => {
		const files = filesOf(once);
		expect(files).to.include("migrate/__index.js");
		expect(filesOf(again)).to.deep.equal(files);
		for (const file of files) {
			const [bytes, others] = [once, again].map((record) => readFileSync(join(record.directory, "archives", file)));
			expect(bytes!.equals(others!), file).to.equal(true);
		}
	});
});

describe("the program with rare settings", () => {
	const settings = { schedule: "cron(30 3 1 * ? *)", silentDays: "0", reservedConcurrency: "2" };
	const { all } = useProgram("dev", settings);

	it("creates no alarm on silence when silentDays is 0", () => {
		const names = all(ALARM).map(({ name }) => name);
		expect(names).to.include.members(["run-failed", "source-stale"]).and.not.include("no-run-succeeded");
	});

	it("reserves concurrency for each function when it is set", () => {
		const reserved = all(FUNCTION).map(({ inputs }) => inputs.reservedConcurrentExecutions);
		expect(reserved).to.deep.equal(FUNCTION_NAMES.map(() => 2));
	});
});

/** Paths of all files in the record's archives. */
function filesOf({ directory }: ProgramRecord): string[] {
	const archives = join(directory, "archives");
	const entries = readdirSync(archives, { recursive: true, withFileTypes: true });
	const files = entries.filter((entry) => entry.isFile());
	return files.map(({ parentPath, name }) => join(parentPath, name).slice(archives.length + 1)).sort();
}
