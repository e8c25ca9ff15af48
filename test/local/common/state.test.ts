/** What local runs leave behind: one run at a time has it, and a file is there whole or not at all. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
	chmodSync,
	closeSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { lockState, readJson, writeFile, writeJson } from "../../../local/common/state";

const STATE = resolve(__dirname, "../../../local/common/state.ts");

/** Another process that takes the lock and keeps it until it is killed, or until this process is gone. */
async function holderOf(root: string): Promise<ChildProcess> {
	const script = `
		require(${JSON.stringify(STATE)}).lockState(${JSON.stringify(root)});
		process.stdin.on("end", () => process.exit()).resume();
		process.stdout.write("held");`;
	const child = spawn(process.execPath, ["--no-warnings", "-e", script], { stdio: ["pipe", "pipe", "inherit"] });
	const ended = once(child, "exit").then(([status]) => Promise.reject(new Error(`the holder ended with ${status}`)));
	ended.catch(() => {});
	await Promise.race([once(child.stdout!, "data"), ended]);
	return child;
}

describe("the state of local runs", () => {
	let root: string;
	let file: string;

	beforeEach(() => {
		root = mkdtempSync(join(tmpdir(), "ev-registrations-state-"));
		file = join(root, "deep", "state.json");
	});
	afterEach(() => {
		rmSync(root, { recursive: true, force: true });
	});

	describe("is locked", () => {
		it("for one process until the lock is released", () => {
			const first = lockState(root);
			const refusal = `\`npm run local\` or \`local:db\` is already using ${root}; wait until it is done, or stop it.`;
			expect(() => lockState(root)).to.throw(refusal);
			first.release();
			lockState(root).release();
		});

		it("by another process until that is killed", async () => {
			const holder = await holderOf(root);
			try {
				expect(() => lockState(root)).to.throw(
					/^`npm run local` or `local:db` is already using [^\n]*; wait until it is done, or stop it\.$/,
				);
			} finally {
				holder.kill("SIGKILL");
				await once(holder, "exit");
			}
			lockState(root).release();
		});

		it("in a new folder, whatever other folders' locks", () => {
			const [one, other] = ["one", "other"].map((name) => lockState(join(root, name)));
			one!.release();
			other!.release();
		});
	});

	describe("as JSON", () => {
		it("is read as it was written, in new folders", () => {
			const value = { versions: [1, 2], name: "Doña Ana", none: null };
			writeJson(file, value);
			expect(readJson(file)).to.deep.equal(value);
		});

		it("is undefined for a missing, half-written or empty file", () => {
			expect(readJson(file)).to.equal(undefined);
			mkdirSync(join(root, "deep"));
			for (const content of ['{"versions":[1,', "", "\0\0\0\0"]) {
				writeFileSync(file, content);
				expect(readJson(file), content).to.equal(undefined);
			}
		});

		it("is an error where something else is in its place", () => {
			mkdirSync(file, { recursive: true });
			expect(() => readJson(file)).to.throw(/EISDIR/);
		});

		it("is replaced at once, never half-written", () => {
			writeJson(file, "the old value");
			const reader = openSync(file, "r");
			try {
				writeJson(file, "the new value, which is longer");
				expect(JSON.parse(readFileSync(reader, "utf8"))).to.equal("the old value");
			} finally {
				closeSync(reader);
			}
			expect(readJson(file)).to.equal("the new value, which is longer");
			expect(readdirSync(join(root, "deep"))).to.deep.equal(["state.json"]);
		});

		it("stays as it was when a value cannot be written", () => {
			writeJson(file, "the old value");
			expect(() => writeJson(file, { count: 1n })).to.throw(TypeError);
			mkdirSync(`${file}.${process.pid}.new`);
			expect(() => writeJson(file, "the new value")).to.throw();
			expect(readJson(file)).to.equal("the old value");
		});
	});

	describe("is readable only for its owner", () => {
		const modeOf = (path: string) => statSync(path).mode & 0o777;

		it("whatever the umask and the file before", () => {
			const umask = process.umask(0);
			try {
				writeJson(file, "a secret");
				expect(modeOf(file)).to.equal(0o600);
				chmodSync(file, 0o644);
				writeFile(file, "another secret");
				expect(modeOf(file)).to.equal(0o600);
			} finally {
				process.umask(umask);
			}
		});

		it("even if a killed run left a readable half-written file", () => {
			mkdirSync(join(root, "deep"));
			writeFileSync(`${file}.${process.pid}.new`, "half of a se", { mode: 0o644 });
			writeFile(file, "a secret");
			expect(modeOf(file)).to.equal(0o600);
			expect(readFileSync(file, "utf8")).to.equal("a secret");
		});
	});
});
