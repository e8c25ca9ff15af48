/** A function's own program, as it is deployed. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** The file in each archive that holds the serialised handler. */
const CLOSURE = "__index.js";

/**
 * A hash of the program that runs: what it made is to be made anew once the program has changed.
 * @param modules further files of the archive that decide what is made
 */
export function hashProgram(...modules: string[]): string {
	const hash = createHash("sha256");
	for (const file of [CLOSURE, ...modules]) hash.update(readFileSync(resolve(file)));
	return hash.digest("hex");
}
