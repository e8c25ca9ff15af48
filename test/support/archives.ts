/** Runs the functions' archives, and lists their contents in a form for code review. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { filesBelow } from "../../infra/functions/archive";
import type { FunctionName } from "../../local/deployment";
import { createInvoker, type Invoker } from "../../local/machine/lambda";
import { find, type ProgramRecord } from "../../local/program/record";

export interface ArchiveOptions {
	/** Environment variables that point the SDK at the local services. */
	aws: Record<string, string>;
	/** More environment variables for the function. */
	environment?: Record<string, string>;
	onLine?(line: string): void;
}

/** Creates an invoker for a recorded function, which runs its archive in a process of its own. */
export function invokerOf(record: ProgramRecord, name: FunctionName, options: ArchiveOptions): Invoker {
	const { inputs } = find(record, "aws:lambda/function:Function", name);
	const lambda = {
		name,
		code: join(record.directory, inputs.code),
		handler: inputs.handler,
		environment: { ...inputs.environment?.variables, ...options.environment },
		timeoutSeconds: inputs.timeout,
		memoryMb: inputs.memorySize,
	};
	return createInvoker(lambda, options.aws, options.onLine ?? (() => {}));
}

export interface ShippedPackage {
	name: string;
	version: string;
	files: number;
}

export interface Contents {
	packages: ShippedPackage[];
	/** Files outside of packages. */
	files: string[];
	zippedBytes: number;
}

/** Reads what an archive contains. @param folder the unpacked archive */
export function contentsOf(folder: string): Contents {
	const files = filesBelow(folder);
	const byPackage = Map.groupBy(files, (file) => packageOf(file) ?? "");
	const own = byPackage.get("") ?? [];
	byPackage.delete("");
	const packages = [...byPackage].map(([path, { length }]) => {
		const { name, version } = JSON.parse(readFileSync(join(folder, path, "package.json"), "utf8"));
		return { name, version, files: length };
	});
	packages.sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1));
	return { packages, files: own, zippedBytes: zippedBytes(folder, files) };
}

/** The folder of the innermost package that a file is in. */
function packageOf(file: string): string | undefined {
	return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

/**
 * Size as a zip file: each file deflated, with two headers each.
 * https://pkwaredownloads.blob.core.windows.net/pem/APPNOTE.txt
 */
function zippedBytes(folder: string, files: string[]): number {
	const [LOCAL_HEADER, CENTRAL_HEADER, END] = [30, 46, 22];
	const sizes = files.map((file) => {
		const { length } = deflateRawSync(readFileSync(join(folder, file)));
		return length + LOCAL_HEADER + CENTRAL_HEADER + 2 * Buffer.byteLength(file);
	});
	return sizes.reduce((sum, size) => sum + size, END);
}

/** A function's lines of the list: maximum size, own files, packages. */
export function describeContents(name: string, { packages, files, zippedBytes }: Contents): string {
	// Rounded up to half a megabyte, so that the line changes only when an archive grows.
	const most = (Math.ceil(zippedBytes / 500_000) / 2).toFixed(1);
	const lines = packages.map(
		(one) => `  ${one.name} ${one.version}, ${one.files} ${one.files === 1 ? "file" : "files"}`,
	);
	return [`${name}: at most ${most} MB zipped`, ...files.map((file) => `  ${file}`), ...lines, ""].join("\n");
}
