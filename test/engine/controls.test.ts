/** The controls once more, asked of all that the real engine registered: awsx's children included. */

import { expect } from "chai";
import { CONTROLS, problemsOf } from "../program/controls/table";
import type { Where } from "../program/controls/waivers";
import { WITH_OPTIONS, WITHOUT_NAT } from "../support/use-program";
import { engineRecordOf } from "./record";

const STACKS: Record<Where, Parameters<typeof engineRecordOf>> = {
	dev: ["dev"],
	prod: ["prod"],
	"dev without NAT": ["dev", WITHOUT_NAT],
	"dev with options": ["dev", WITH_OPTIONS],
};

describe("the controls, with the real engine", function () {
	this.timeout(300_000);

	for (const [where, stack] of Object.entries(STACKS) as [Where, (typeof STACKS)[Where]][])
		it(`hold for every resource of ${where}`, async () => {
			const record = await engineRecordOf(...stack);
			const problems = await Promise.all(CONTROLS.map((control) => problemsOf(control, record, where)));
			expect(problems.flat()).to.deep.equal([]);
		});
});
