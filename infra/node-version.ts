/** The Node.js that evaluates the program, which is the machine's own. No resources. */

import * as pulumi from "@pulumi/pulumi";
import { engines } from "@pulumi/pulumi/package.json";

/** The oldest major version that Pulumi supports. */
const OLDEST = Number(/\d+/.exec(engines.node)![0]);

/** @throws RunError if Pulumi found an older Node.js than it supports */
export function checkNode(version = process.versions.node): void {
	if (Number.parseInt(version, 10) >= OLDEST) return;
	throw new pulumi.RunError(
		`Pulumi needs Node.js ${OLDEST} or newer and found ${version} on PATH; run \`npx pulumi\` instead of \`pulumi\`, which finds this project's own, or install a newer one.`,
	);
}
