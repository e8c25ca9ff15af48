/** The seven functions, each declared in its own file with its memory, timeout, packages, environment and permissions. */

import type { FunctionDependencies } from "./create";
import { createExport } from "./export";
import { createExtract } from "./extract";
import { createLoad } from "./load";
import { createMigrate } from "./migrate";
import { createNotify } from "./notify";
import { createReport } from "./report";
import { createRotate } from "./rotate";

export type Functions = ReturnType<typeof createFunctions>;

/** Creates all functions. */
export function createFunctions(dependencies: FunctionDependencies) {
	return {
		extract: createExtract(dependencies),
		load: createLoad(dependencies),
		export: createExport(dependencies),
		report: createReport(dependencies),
		notify: createNotify(dependencies),
		migrate: createMigrate(dependencies),
		rotate: createRotate(dependencies),
	};
}
