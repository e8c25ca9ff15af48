/** A resource's inputs in a record: without the marks of secrets, and with archives unpacked into folders. */

import { copyFileSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Properties } from "./record";

/** Inputs without the marks of secrets, and the names of those that had one anywhere inside. */
export function unwrapSecrets(inputs: Properties) {
	const secretInputs = new Set<string>();
	const unwrap = (name: string, value: unknown): unknown => {
		if (pulumi.runtime.isRpcSecret(value)) {
			secretInputs.add(name);
			return unwrap(name, pulumi.runtime.unwrapRpcSecret(value));
		}
		if (Array.isArray(value)) return value.map((part) => unwrap(name, part));
		if (value?.constructor !== Object) return value;
		return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, unwrap(name, part)]));
	};
	const unwrapped = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, unwrap(name, value)]));
	return { inputs: unwrapped as Properties, secretInputs: [...secretInputs] };
}

/**
 * Unpacks every archive among the inputs and replaces it by the name of its folder.
 * @param project the folder in which the program was evaluated; paths of files are relative to it
 */
export async function unpackArchives(
	inputs: Properties,
	folder: string,
	archive: string,
	project: string,
): Promise<Properties> {
	const kept = Object.entries(inputs).map(async ([name, value]) => {
		if (!pulumi.asset.Archive.isInstance(value)) return [name, value];
		await unpack(value, join(folder, archive), project);
		return [name, archive];
	});
	return Object.fromEntries(await Promise.all(kept));
}

async function unpack(archive: pulumi.asset.Archive, target: string, project: string): Promise<void> {
	if (!(archive instanceof pulumi.asset.AssetArchive))
		throw new Error(`${target} would come from a ${archive.constructor.name}, which cannot be unpacked here.`);
	for (const [path, part] of Object.entries(await archive.assets)) {
		const file = join(target, path);
		mkdirSync(dirname(file), { recursive: true });
		if (part instanceof pulumi.asset.StringAsset) writeFileSync(file, await part.text);
		else if (part instanceof pulumi.asset.FileAsset) linkOrCopy(resolve(project, await part.path), file);
		else throw new Error(`${file} would come from a ${part.constructor.name}, which cannot be unpacked here.`);
	}
}

/** A hard link takes no time; on another file system the file is copied. */
function linkOrCopy(source: string, target: string): void {
	try {
		linkSync(source, target);
	} catch {
		copyFileSync(source, target);
	}
}

export function withoutArchives(state: Record<string, unknown>): Record<string, unknown> {
	return Object.fromEntries(Object.entries(state).filter(([, value]) => !pulumi.asset.Archive.isInstance(value)));
}
