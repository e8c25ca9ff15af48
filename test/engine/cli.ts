/** Where the Pulumi CLI is. */

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { reasonOf } from "../../handlers/common/failure";

/** The npm package's launcher is there under the CLI's name, and hides it. */
const LAUNCHERS = join("node_modules", ".bin");

/** Folders of PATH in which the CLI itself may be. */
export function searchPath(path = process.env.PATH ?? ""): string[] {
	return path.split(delimiter).filter((folder) => folder && !folder.endsWith(LAUNCHERS));
}

/**
 * Finds the CLI: the one on PATH, else that of the npm package `pulumi`.
 * @param download brings the package's CLI, and says where it is
 * @throws one sentence that says how to get it
 */
export async function findCli(path = process.env.PATH, download = downloadCli): Promise<string> {
	const onPath = searchPath(path)
		.map((folder) => join(folder, "pulumi"))
		.find(isExecutable);
	if (onPath) return onPath;
	try {
		return await download();
	} catch (error) {
		throw new Error(
			`There is no Pulumi CLI on PATH, and it could not be downloaded (${reasonOf(error)}): install it (https://www.pulumi.com/docs/install/), or build it with test/engine/build-cli.sh where there is Go.`,
		);
	}
}

/** The package has no other way to say where it keeps what it downloads; its version is exact. */
function downloadCli(): Promise<string> {
	const { resolve } = require("pulumi/lib/resolve") as { resolve(): Promise<string> };
	return resolve();
}

function isExecutable(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}
