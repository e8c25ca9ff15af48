/** Asks every control of a record, wherever that comes from: each is a test of its own. */

import { expect } from "chai";
import type { ProgramRecord } from "../../../local/program/record";
import type { Control } from "./control";
import { CONTROLS, hasComponents, problemsOf, waiverOf } from "./table";
import type { Where } from "./waivers";

/** @param makeRecord of that stack; what only the real engine registers is asked of a record that has it, and skipped otherwise */
export function askControls(where: Where, makeRecord: () => Promise<ProgramRecord>): void {
	describe(`the controls of ${where}`, () => {
		let record: ProgramRecord;
		before(async function () {
			this.timeout(300_000);
			record = await makeRecord();
		});

		for (const control of CONTROLS)
			it(`${control.ids.join(", ")}: each ${control.promise}${noteOf(control, where)}`, async function () {
				if (control.insideComponent && !hasComponents(record)) this.skip();
				expect(await problemsOf(control, record, where)).to.deep.equal([]);
			});
	});
}

/** What is said of a waived control, where people read the tests. */
function noteOf({ ids }: Control, where: Where): string {
	const waiver = waiverOf(ids, where);
	if (!waiver) return "";
	return ` (waived${waiver.names ? ` for ${waiver.names.join(" and ")}` : ""}: ${waiver.reason})`;
}
