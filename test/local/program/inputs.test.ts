/** What a process reads is recorded, and whatever changes of it is noticed. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { expect } from "chai";
import { areCurrent, type Inputs } from "../../../local/program/inputs";
import { LOADER } from "../../support/local";

const INPUTS = resolve(__dirname, "../../../local/program/inputs.ts");

/** A project of a few files, one for each way to read something. */
const FILES = {
	"project/package.json": "{}",
	"project/main.js": `
		const inputs = require(${JSON.stringify(INPUTS)}).watchInputs(process.cwd(), process.cwd() + "/ignored");
		const fs = require("node:fs");
		require("./lib/module");
		require("some-package");
		try { require("optional") } catch {}
		fs.readFileSync("read.txt", "utf8");
		fs.readFileSync("ignored/state.txt");
		fs.readFile("callback.txt", () => {});
		fs.createReadStream("stream.txt").resume();
		fs.readdirSync("listed", { recursive: true });
		fs.existsSync("absent.txt");
		fs.linkSync("linked.txt", "ignored/link.txt");
		Promise.all([fs.promises.readFile("promise.txt"), import("./lib/es-module.mjs")])
			.then(() => fs.writeFileSync("ignored/inputs.json", JSON.stringify(inputs())));`,
	"project/lib/module.js": "exports.value = 1;",
	"project/lib/es-module.mjs": 'import { value } from "./es-other.mjs"; export default value;',
	"project/lib/es-other.mjs": "export const value = 1;",
	"project/node_modules/some-package/package.json": '{ "main": "lib/index.js" }',
	"project/node_modules/some-package/lib/index.js": "",
	"project/listed/deep/file.txt": "",
	...Object.fromEntries(
		["read", "callback", "stream", "promise", "linked"].map((name) => [`project/${name}.txt`, "before"]),
	),
	"project/ignored/state.txt": "before",
	"project/unread.txt": "before",
};

describe("the inputs of a process", () => {
	let directory: string;
	let inputs: Inputs;
	const write = (file: string, content: string) => {
		mkdirSync(dirname(join(directory, file)), { recursive: true });
		writeFileSync(join(directory, file), content);
	};

	beforeEach(() => {
		directory = realpathSync(mkdtempSync(join(tmpdir(), "ev-registrations-inputs-")));
		for (const [file, content] of Object.entries(FILES)) write(file, content);
		const cwd = join(directory, "project");
		const { status, stderr } = spawnSync(process.execPath, ["-r", LOADER, "main.js"], { cwd, encoding: "utf8" });
		expect(status, stderr).to.equal(0);
		inputs = JSON.parse(readFileSync(join(cwd, "ignored/inputs.json"), "utf8"));
		expect(areCurrent(inputs)).to.equal(true);
	});
	afterEach(() => rmSync(directory, { recursive: true, force: true }));

	const changed: Record<string, string> = {
		"the process's own script": "main.js",
		"a module": "lib/module.js",
		"an ES module that another one imports": "lib/es-other.mjs",
		"a package's code": "node_modules/some-package/lib/index.js",
		"a package's manifest": "node_modules/some-package/package.json",
		"a file that was read": "read.txt",
		"a file that was read with a callback": "callback.txt",
		"a file that was read as a stream": "stream.txt",
		"a file that was read by a promise": "promise.txt",
		"a file that was linked": "linked.txt",
	};
	for (const [what, file] of Object.entries(changed))
		it(`change with ${what}`, () => {
			write(`project/${file}`, `${readFileSync(join(directory, "project", file), "utf8")} `);
			expect(areCurrent(inputs)).to.equal(false);
		});

	const added: Record<string, string> = {
		"a file in a folder that was listed": "project/listed/new.txt",
		"a file further below it": "project/listed/deep/new.txt",
		"a file that was looked for": "project/absent.txt",
		"a module that would be found first": "project/lib/module",
		"a package that was looked for": "project/node_modules/optional/index.js",
		"a package that was looked for outside the project": "node_modules/optional/index.js",
		"a package inside another one": "project/node_modules/some-package/node_modules/other/index.js",
	};
	for (const [what, file] of Object.entries(added))
		it(`change with ${what}`, () => {
			write(file, "");
			expect(areCurrent(inputs)).to.equal(false);
		});

	it("change with a file that is gone", () => {
		rmSync(join(directory, "project/read.txt"));
		expect(areCurrent(inputs)).to.equal(false);
	});

	it("change with a name in a folder that was listed", () => {
		renameSync(join(directory, "project/listed/deep/file.txt"), join(directory, "project/listed/deep/other.txt"));
		expect(areCurrent(inputs)).to.equal(false);
	});

	it("stay the same when other files change", () => {
		write("project/unread.txt", "after");
		write("project/ignored/state.txt", "after");
		expect(areCurrent(inputs)).to.equal(true);
	});
});
