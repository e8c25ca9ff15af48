/** The commands that a stack's outputs print for people, as a shell runs them. */

import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect } from "chai";
import { programOf } from "../support/program";
import { WITH_OPTIONS } from "../support/use-program";

/** Stands for the AWS CLI: prints what a shell made of its arguments, and refuses a parameter that is no JSON, as it does. */
const AWS = `#!${process.execPath}
const [, , ...given] = process.argv;
for (const [at, option] of given.entries())
	if (option === "--parameters" || option === "--input") JSON.parse(given[at + 1]);
console.log(JSON.stringify(given));
`;

describe("a command that the outputs print", function () {
	this.timeout(60_000);
	let folder: string;
	let outputs: Record<string, string>;

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), "ev-registrations-test-"));
		writeFileSync(join(folder, "aws"), AWS);
		chmodSync(join(folder, "aws"), 0o755);
		outputs = (await programOf("dev", WITH_OPTIONS)).outputs as Record<string, string>;
	});
	after(() => rmSync(folder, { recursive: true, force: true }));

	const shell = (script: string, output: string): string[] => {
		const env = { PATH: `${folder}${delimiter}${process.env.PATH}`, OUTPUT: output };
		return JSON.parse(execFileSync("sh", ["-c", script], { env, encoding: "utf8", stdio: "pipe" }));
	};

	for (const name of ["startCommand", "tunnelCommand"])
		it(`gives the AWS CLI the same arguments pasted and by eval: ${name}`, () => {
			const command = outputs[name]!;
			const pasted = shell(command, "");
			expect(pasted.slice(0, 2).join(" ")).to.match(/^(stepfunctions|ssm) start-/);
			// As docs/deploying.md has it.
			expect(shell('eval "$(printenv OUTPUT)"', command)).to.deep.equal(pasted);
		});

	it("would be refused with its quotes", () => {
		expect(() => shell("$(printenv OUTPUT)", outputs.tunnelCommand!)).to.throw("SyntaxError");
	});
});
