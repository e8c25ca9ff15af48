/** Modules of the project that a function requires when it runs: they ship compiled, and not as part of its closure. */

import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { asset } from "@pulumi/pulumi";
import ts from "typescript";

const OPTIONS: ts.CompilerOptions = {
	target: ts.ScriptTarget.ES2022,
	module: ts.ModuleKind.CommonJS,
	esModuleInterop: true,
	removeComments: true,
};

/**
 * Compiles modules to CommonJS, with all of the project that they require in their turn.
 * @param names paths without extension, from the project's folder
 * @returns files by their path in the archive
 */
export function compileModules(names: string[]): asset.AssetMap {
	const files: asset.AssetMap = {};
	for (const waiting = [...names]; waiting.length; ) {
		const name = waiting.pop()!;
		const path = `${name}.js`;
		if (path in files) continue;
		const { outputText } = ts.transpileModule(readFileSync(`${name}.ts`, "utf8"), { compilerOptions: OPTIONS });
		files[path] = new asset.StringAsset(outputText);
		for (const [, required] of outputText.matchAll(/\brequire\("(\.[^"]+)"\)/g))
			waiting.push(posix.join(posix.dirname(name), required!));
	}
	return files;
}
