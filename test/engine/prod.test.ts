/** A stack prod with the real Pulumi engine: it comes up like dev, and does not come down by mistake. */

import { expect } from "chai";
import { bringUp } from "./record";
import { createStack } from "./stack";

describe("a stack prod, with the real engine", function () {
	this.timeout(300_000);

	it("preview works with everything unknown and warns of nothing; up makes what it announced", async () => {
		const empty = await createStack({ stack: "prod" });
		const preview = await empty.run("preview");
		expect(preview.error).to.equal(undefined);
		expect(preview.diagnostics).to.deep.equal([]);
		expect(empty.account.steps).to.deep.equal([]);
		const { up } = await bringUp("prod");
		expect(up.diagnostics).to.deep.equal([]);
		expect(up.changes).to.deep.equal(preview.changes);
	});

	it("destroy is refused, says what to do, and takes nothing down", async () => {
		const { stack } = await bringUp("prod");
		const before = [...stack.account.resources.keys()];
		stack.account.steps.length = 0;
		const { error } = await stack.run("destroy");
		expect(error).to.match(/"urn:pulumi:prod::[^"]+" cannot be deleted\s+because it is protected/);
		expect(error).to.match(/remove the `protect` flag .*\s`pulumi state unprotect/s);
		expect(stack.account.steps).to.deep.equal([]);
		expect([...stack.account.resources.keys()]).to.deep.equal(before);
	});

	it("even a destroy that skips its preview leaves all that holds data, and what guards it", async () => {
		const { stack } = await bringUp("prod");
		const buckets = [...stack.account.resources.keys()].filter((urn) => urn.includes("::aws:s3/"));
		expect(buckets).to.have.length.above(10);
		const { error } = await stack.run("destroy unseen");
		expect(error).to.match(/cannot be deleted\s+because it is protected/);
		const left = [...stack.account.resources.values()];
		expect(left.map(({ urn }) => urn)).to.include.members(buckets);
		const kept = left.map(({ type, name }) => `${type} ${name}`);
		expect(kept).to.include.members(["aws:rds/instance:Instance ev", "aws:kms/key:Key ev"]);
	});
});
