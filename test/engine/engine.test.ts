/** Both stacks, brought up, changed and taken down by the real Pulumi engine. */

import { expect } from "chai";
import { localFolder } from "../support/local";
import { engineRecordOf } from "./record";

describe("record", function () {
	this.timeout(300_000);
	it("what the provider received loads the sample as the mocks' record does", async () => {
		const record = await engineRecordOf("dev");
		const folder = localFolder();
		try {
			const { status, results, stderr } = await folder.run("--json", "--record", record.directory);
			expect(status, stderr).to.equal(0);
			expect(results[0]).to.include({ status: "loaded" });
		} finally {
			folder.remove();
		}
	});
});
