/** Controls of Security Hub, cdk-nag and checkov, asked of every resource; and each of them seen to fail. */

import { expect } from "chai";
import type { ProgramRecord, RecordedResource } from "../../local/program/record";
import { useProgram, WITH_OPTIONS, WITHOUT_NAT } from "../support/use-program";
import { asRecorded, type Break, type Control } from "./controls/control";
import { CONTROLS, CONTROLS_ON, problemsOf, waiversOf } from "./controls/table";
import { WAIVERS, type Where } from "./controls/waivers";

describe("the controls", () => {
	const programs: Record<Where, { record(): ProgramRecord }> = {
		dev: useProgram("dev"),
		prod: useProgram("prod"),
		"dev without NAT": useProgram("dev", WITHOUT_NAT),
		"dev with options": useProgram("dev", WITH_OPTIONS),
	};
	const records = () => Object.entries(programs).map(([where, { record }]) => [where as Where, record()] as const);

	it("are asked once each, and waived where there is such a control", () => {
		const ids = CONTROLS.flatMap((control) => control.ids);
		expect(new Set(ids)).to.have.property("size", ids.length);
		expect(ids).to.include.members(WAIVERS.flatMap((waiver) => waiver.ids.split(" ")));
	});

	for (const [what, controls] of Object.entries(CONTROLS_ON))
		describe(`on ${what}: each`, () => {
			for (const control of controls)
				it(`${control.promise} (${control.ids[0]})${noteOf(control)}`, async () => {
					for (const [where, record] of records())
						expect(await problemsOf(control, record, where), where).to.deep.equal([]);
				});
		});

	it("fail at each resource that is broken", async () => {
		// Together they hold all that there is, with and without what only prod has.
		const all = [programs["dev with options"].record(), programs.prod.record()];
		for (const control of CONTROLS) {
			expect(control.breaks, String(control.ids)).to.not.be.empty;
			for (const breakIt of control.breaks) {
				let broken = 0;
				for (const record of all) broken ||= await countBroken(control, record, breakIt);
				expect(broken, `${control.ids}: ${breakIt}`).to.be.greaterThan(0);
			}
		}
	});
});

/** Where a control is waived; controls/waivers.ts says why. */
function noteOf(control: Control): string {
	const waived = waiversOf(control).map(({ names = [], where = [] }) => names.join(", ") || where.join(", "));
	return waived.length > 0 ? `, waived${waived.join("") && ` for ${waived.join(", ")}`}` : "";
}

/** Breaks each resource by itself for which the control holds. @returns how many there were @throws if one still holds */
async function countBroken(control: Control, record: ProgramRecord, breakIt: Break): Promise<number> {
	let count = 0;
	for (const at of askedOf(control, structuredClone(record)).keys()) {
		const copy = structuredClone(record);
		const resource = askedOf(control, copy)[at]!;
		if (!(await control.holds(resource, copy))) control.mend?.(resource, copy);
		if (!(await control.holds(resource, copy))) continue;
		breakIt(resource, copy);
		expect(await control.holds(resource, copy), `${resource.type} ${resource.name}: ${breakIt}`).to.equal(false);
		count++;
	}
	return count;
}

/** What a control looks at; where that is nothing, its specimen. */
function askedOf({ looksAt, specimen }: Control, record: ProgramRecord): RecordedResource[] {
	if (specimen && looksAt(record).length === 0) record.resources.push(asRecorded(specimen));
	return looksAt(record);
}
