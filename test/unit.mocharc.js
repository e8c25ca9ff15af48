/** `npm run test:unit`: the tests that import nothing which starts a server or a process, or evaluates the program. */

const { existsSync, globSync, readFileSync } = require("node:fs");
const { dirname, join } = require("node:path");

const SLOW = ["aws/services", "machine/lambda", "machine/postgres", "program/record"].map((name) => `local/${name}.ts`);

/** Whether a module is one of those, or imports one. Types are not there when it runs. */
function isSlow(file, seen = new Set()) {
	if (SLOW.includes(file)) return true;
	if (seen.has(file)) return false;
	seen.add(file);
	const imported = readFileSync(file, "utf8").matchAll(/^(?:import|\} from|export \{)(?! type)[^;]*?"(\.[^"]*)"/gm);
	return [...imported].some(([, path]) => {
		const target = `${join(dirname(file), path)}.ts`;
		return existsSync(target) && isSlow(target, seen);
	});
}

module.exports = {
	...require("../.mocharc.json"),
	parallel: true,
	jobs: 2,
	require: ["./local/common/typescript.js"],
	spec: globSync("test/{program,handlers,pipeline,cli,local,page}/**/*.test.ts").filter((file) => !isSlow(file)),
};
