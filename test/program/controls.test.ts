/** Controls of Security Hub, cdk-nag and checkov, asked of every resource of both stacks; and each of them seen to fail. */

import { expect } from "chai";
import type { ProgramRecord, RecordedResource } from "../../local/program/record";
import { programOf } from "../support/program";
import { askControls } from "./controls/ask";
import { asRecorded, type Break, type Control } from "./controls/control";
import { CONTROLS } from "./controls/table";
import { WAIVERS, type Where } from "./controls/waivers";

const RECORDS: Record<Where, () => Promise<ProgramRecord>> = {
	dev: () => programOf("dev"),
	prod: () => programOf("prod"),
	"dev without NAT": () => programOf("dev", { natGateways: "none" }),
	"dev with access": () => programOf("dev", { access: "true" }),
};

describe("the controls", () => {
	it("are asked once each, and waived where there is such a control", () => {
		const ids = CONTROLS.flatMap((control) => control.ids);
		expect(new Set(ids)).to.have.property("size", ids.length);
		expect(ids).to.include.members(WAIVERS.flatMap((waiver) => waiver.ids.split(" ")));
	});
});

for (const [where, makeRecord] of Object.entries(RECORDS) as [Where, () => Promise<ProgramRecord>][])
	askControls(where, makeRecord);

describe("each control fails", () => {
	let records: ProgramRecord[];
	before(async function () {
		this.timeout(180_000);
		// Together they hold all that there is, with and without what only production has.
		records = await Promise.all([RECORDS["dev with access"](), RECORDS.prod()]);
	});

	for (const control of CONTROLS)
		it(`${control.ids.join(", ")}: when something is not so that it ${control.promise}`, async () => {
			expect(control.breaks).to.not.be.empty;
			for (const breakIt of control.breaks) {
				let broken = 0;
				for (const record of records) broken ||= await countBroken(control, record, breakIt);
				expect(broken, String(breakIt)).to.be.greaterThan(0);
			}
		});
});

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
