/**
 * An error in a stack's settings, as the engine shows it: the program's own and those that Pulumi finds. Which settings are
 * refused and in which words, test/program/settings.test.ts tries.
 */

import { expect } from "chai";
import { configure, edit } from "./project";
import { createStack, type EngineStack } from "./stack";

describe("a wrong setting, with the real engine", function () {
	this.timeout(120_000);
	let stack: EngineStack;

	before(async () => {
		stack = await createStack({ stack: "dev" });
	});

	const wrong: [what: string, settings: Record<string, string>, sentence: RegExp][] = [
		["of the wrong type", { pageRows: "many" }, /configuration key 'pageRows' must be of type 'integer'$/],
		["out of range", { pageRows: "3" }, /^The setting pageRows is "3" and must be .+; correct it with .+\.$/],
	];
	for (const [what, settings, sentence] of wrong)
		it(`${what} fails with one sentence before anything is made`, async () => {
			configure(stack.project, "dev", settings);
			await expectRefused(sentence);
			const none = Object.keys(settings).map((name) => [name, undefined]);
			configure(stack.project, "dev", Object.fromEntries(none));
		});

	it("without a value fails with one sentence", async () => {
		edit(stack.project, "Pulumi.yaml", (text) => text.replace("    default: f6w7-q2d2\n", ""));
		await expectRefused(/^error: validating stack config: Stack 'dev' is missing configuration value 'dataset'$/);
	});

	const expectRefused = async (sentence: RegExp) => {
		const { error } = await stack.run("up");
		// The engine repeats what the program ended with.
		expect([...new Set(error?.split("\n"))]).to.have.length(1);
		expect(error!.split("\n")[0]).to.match(sentence);
		expect(stack.account.steps).to.deep.equal([]);
	};
});
