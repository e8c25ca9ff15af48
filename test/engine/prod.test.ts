/** A stack prod with the real Pulumi engine: it comes up like dev, and does not come down by mistake. */

import { expect } from "chai";
import { createStack, type EngineStack } from "./stack";

describe("a stack prod, with the real engine", function () {
	this.timeout(300_000);
	let stack: EngineStack;

	before(async () => {
		stack = await createStack({ stack: "prod" });
	});
	after(() => stack?.stop());

	it("preview works with everything unknown and warns of nothing; up makes what it announced", async () => {
		const preview = await stack.run("preview");
		expect(preview.error).to.equal(undefined);
		expect(preview.diagnostics).to.deep.equal([]);
		expect(stack.account.steps).to.deep.equal([]);
		const up = await stack.run("up");
		expect(up.error).to.equal(undefined);
		expect(up.diagnostics).to.deep.equal([]);
		expect(up.changes).to.deep.equal(preview.changes);
	});

	it("destroy is refused, says what to do, and takes nothing down", async () => {
		const before = [...stack.account.resources.keys()];
		stack.account.steps.length = 0;
		const { error } = await stack.run("destroy");
		expect(error).to.match(/"urn:pulumi:prod::[^"]+" cannot be deleted because it is protected/);
		expect(error).to.match(/pulumi state unprotect/);
		expect(stack.account.steps).to.deep.equal([]);
		expect([...stack.account.resources.keys()]).to.deep.equal(before);
	});
});
