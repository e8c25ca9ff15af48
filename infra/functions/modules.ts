/** Compiles modules that a function requires at run time, instead of carrying them in its closure. */

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
 * Compiles modules to CommonJS, together with the project's modules that they require.
 * @param names paths without extension, relative to the project's folder
 * @returns the compiled files by their path in the archive
 */
export function compileModules(names: string[]): asset.AssetMap {
	const files: asset.AssetMap = {};
	for (const pending = [...names]; pending.length; ) {
		const name = pending.pop()!;
		const path = `${name}.js`;
		if (path in files) continue;
		const { outputText } = ts.transpileModule(readFileSync(`${name}.ts`, "utf8"), { compilerOptions: OPTIONS });
		files[path] = new asset.StringAsset(outputText);
		for (const [, required] of outputText.matchAll(/\brequire\("(\.[^"]+)"\)/g))
			pending.push(posix.join(posix.dirname(name), required!));
	}
	return files;
}
