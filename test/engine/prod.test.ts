/** A stack prod with the real Pulumi engine: it comes up like dev, and does not come down by mistake. */

import { expect } from "chai";
import { configure } from "./project";
import { bringUp } from "./record";
import { createStack, type EngineStack } from "./stack";

describe("a stack prod, with the real engine", function () {
	this.timeout(300_000);

	it("comes up as its preview announced, without a warning", async () => {
		const empty = await createStack({ stack: "prod" });
		const preview = await empty.run("preview");
		expect(preview.error).to.equal(undefined);
		expect(preview.diagnostics).to.deep.equal([]);
		expect(empty.account.steps).to.deep.equal([]);
		const { up } = await bringUp("prod");
		expect(up.diagnostics).to.deep.equal([]);
		expect(up.changes).to.deep.equal(preview.changes);
	});

	it("refuses destroy, takes nothing down and says what to do", async () => {
		const { stack } = await bringUp("prod");
		const before = [...stack.account.resources.keys()];
		stack.account.steps.length = 0;
		const { error } = await stack.run("destroy");
		expect(error).to.match(/"urn:pulumi:prod::[^"]+" cannot be deleted\s+because it is protected/);
		expect(error).to.match(/remove the `protect` flag .*\s`pulumi state unprotect/s);
		expect(stack.account.steps).to.deep.equal([]);
		expect([...stack.account.resources.keys()]).to.deep.equal(before);
	});

	it("keeps all data even when destroy skips its preview", async () => {
		const { stack } = await bringUp("prod");
		const kept = dataOf(stack);
		const { error } = await stack.run("destroy unseen");
		expect(error).to.match(/cannot be deleted\s+because it is protected/);
		expect([...stack.account.resources.keys()]).to.include.members([...kept, urnOf("aws:rds/instance:Instance", "ev")]);
	});

	it("comes down without protect, but for buckets and key", async () => {
		const { stack } = await bringUp("prod");
		const kept = dataOf(stack);
		configure(stack.project, "prod", { protect: "false" });
		for (const action of ["up", "destroy"] as const) {
			const { error, diagnostics } = await stack.run(action);
			expect(error).to.equal(undefined);
			expect(diagnostics).to.deep.equal([]);
		}
		expect([...stack.account.resources.keys()]).to.have.members(kept);
	});

	it("comes up and down once more, leaving another snapshot", async () => {
		const { stack } = await bringUp("prod");
		for (const action of ["up", "destroy"] as const) {
			const { error } = await stack.run(action);
			expect(error).to.equal(undefined);
		}
		expect(stack.account.snapshots.size).to.equal(2);
	});

	it("raises its storage by a tenth or more, and says so before RDS does", async () => {
		const { stack } = await bringUp("prod");
		expect((await stack.run("up")).error).to.equal(undefined);
		for (const [gb, problem] of [
			[
				54,
				"but the database has 50 GB, which RDS raises by a tenth at least; set it with `pulumi config set databaseStorageGb 55`",
			],
			[55, undefined],
			[400, undefined],
		] as const) {
			configure(stack.project, "prod", {
				protect: "false",
				databaseStorageGb: String(gb),
				databaseMaxStorageGb: "1000",
			});
			const { error } = await stack.run("up");
			if (problem) expect(error).to.include(problem);
			else expect(error, String(gb)).to.equal(undefined);
		}
	});
});

/** URNs of the buckets with all that guards them, and of the key. */
function dataOf({ account }: EngineStack): string[] {
	const buckets = [...account.resources.keys()].filter((urn) => urn.includes("::aws:s3/bucket"));
	expect(buckets).to.have.length(23);
	return [...buckets, urnOf("aws:kms/key:Key", "ev")];
}

function urnOf(type: string, name: string): string {
	return `urn:pulumi:prod::ev-registrations::${type}::${name}`;
}
