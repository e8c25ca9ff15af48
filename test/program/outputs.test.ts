/** The stack's outputs: where to find what was deployed. */

import { expect } from "chai";
import { BUCKET, DATABASE, MACHINE, SECRET, TOPIC, useProgram } from "../support/use-program";

describe("the stack's outputs", () => {
	const { record, one, arnOf } = useProgram("dev");

	it("name what people need, and no secret", () => {
		expect(record().outputs).to.include({
			stateMachineArn: arnOf(MACHINE),
			bucketName: one(BUCKET, "raw").id,
			pageUrl: `s3://${one(BUCKET, "site").id}/site/index.html`,
			databaseEndpoint: one(DATABASE).state.endpoint,
			databaseSecretArn: arnOf(SECRET, "database"),
			readerSecretArn: arnOf(SECRET, "reader"),
			sourceSecretArn: arnOf(SECRET, "source"),
			topicArn: arnOf(TOPIC),
			dashboardUrl:
				"https://ap-northeast-1.console.aws.amazon.com/cloudwatch/home?region=ap-northeast-1#dashboards/dashboard/ev-registrations-dev-ap-northeast-1",
		});
		for (const output of Object.values(record().outputs)) expect(output).to.be.a("string");
	});
});
