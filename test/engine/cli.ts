/** Where the Pulumi CLI is. */

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The npm package's launcher is there under the CLI's name, and hides it. */
const LAUNCHERS = join("node_modules", ".bin");

/** Folders of PATH in which the CLI itself may be. */
export function searchPath(path = process.env.PATH ?? ""): string[] {
	return path.split(delimiter).filter((folder) => folder && !folder.endsWith(LAUNCHERS));
}

/**
 * Finds the CLI: the one on PATH, else that of the npm package `pulumi`, which downloads it the first time.
 * @throws one sentence that says how to get it
 */
export async function findCli(): Promise<string> {
	const onPath = searchPath()
		.map((folder) => join(folder, "pulumi"))
		.find(isExecutable);
	if (onPath) return onPath;
	try {
		// The package has no other way to say where it keeps the CLI; its version is exact.
		const { resolve } = require("pulumi/lib/resolve") as { resolve(): Promise<string> };
		return await resolve();
	} catch (error) {
		throw new Error(
			`There is no Pulumi CLI on PATH, and it could not be downloaded (${(error as Error).message}): install it (https://www.pulumi.com/docs/install/), or build it with test/engine/build-cli.sh where there is Go.`,
		);
	}
}

function isExecutable(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}
