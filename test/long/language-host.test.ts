/**
 * Loads the program with ts-node and type checks, as Pulumi's language host for Node.js does. All other tests load it
 * without type checks. https://www.pulumi.com/docs/iac/languages-sdks/javascript/#typescript
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type ProgramRecord, recordProgram } from "../../local/program/record";
import { programOf } from "../support/program";

/** The program's resources, in an order that does not depend on timing. */
const declared = ({ resources }: ProgramRecord) =>
	resources
		.map((resource) => ({ ...resource, dependsOn: resource.dependsOn.toSorted() }))
		.sort((one, other) => (one.urn < other.urn ? -1 : 1));

describe("the program loaded with type checks", function () {
	// Type checks take 10 seconds and 1.1 GB on a quiet machine.
	this.timeout(300_000);
	const directory = mkdtempSync(join(tmpdir(), "ev-registrations-language-host-"));
	after(() => rmSync(directory, { recursive: true, force: true }));

	for (const stack of ["dev", "prod"] as const)
		it(`declares the same resources in ${stack}`, async () => {
			const checked = await recordProgram(join(directory, stack), { stack, typeCheck: true });
			const unchecked = await programOf(stack);
			expect(declared(checked)).to.deep.equal(declared(unchecked));
			expect(checked.outputs).to.deep.equal(unchecked.outputs);
		});
});
