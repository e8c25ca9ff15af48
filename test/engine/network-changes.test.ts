/** A network that changes while the stack is up, there and back, with the real Pulumi engine. */

import { expect } from "chai";
import { configure } from "./project";
import { createStack, type EngineStack } from "./stack";

const SUBNET = "aws:ec2/subnet:Subnet";

describe("a network that is changed, with the real engine", function () {
	this.timeout(300_000);
	let stack: EngineStack;

	before(async () => {
		stack = await createStack({ stack: "dev" });
		expect((await stack.run("up")).error).to.equal(undefined);
	});

	const subnets = () =>
		Object.fromEntries(
			[...stack.account.resources.values()]
				.filter(({ type }) => type === SUBNET)
				.map(({ name, id, inputs }) => [name, `${id} ${inputs.cidrBlock}`]),
		);

	for (const [what, settings] of [
		["loses its NAT gateway", { natGateways: "none" }],
		["gets it back, and a third zone", { natGateways: "single", zones: "3" }],
		["is as it was", { natGateways: "single", zones: "2" }],
	] as const)
		it(`keeps the subnets that it has: it ${what}`, async () => {
			const before = subnets();
			configure(stack.project, "dev", settings);
			const { error } = await stack.run("up");
			expect(error).to.equal(undefined);
			const after = subnets();
			for (const [name, subnet] of Object.entries(after)) if (before[name]) expect(subnet, name).to.equal(before[name]);
			expect(Object.keys(after)).to.include.members(["ev-isolated-1", "ev-isolated-2"]);
		});

	it("has its range for ever, and says so before anything is changed", async () => {
		configure(stack.project, "dev", { vpcCidr: "10.30.0.0/16" });
		stack.account.steps.length = 0;
		const { error } = await stack.run("up");
		expect(error).to.include(
			"The setting vpcCidr is 10.30.0.0/16, but the stack's network is 10.20.0.0/16 and cannot be changed; set it back with `pulumi config set vpcCidr 10.20.0.0/16`, or make another stack.",
		);
		expect(stack.account.steps.filter(({ type }) => type.startsWith("aws:ec2/"))).to.deep.equal([]);
	});
});
