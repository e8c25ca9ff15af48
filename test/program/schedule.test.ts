/** The nightly start, and the rule that reports runs which can no longer report themselves. */

import { expect } from "chai";
import { MACHINE, ROLE, SCHEDULE, SECRET, TOPIC, useProgram } from "../support/use-program";

describe("the schedule", () => {
	const { one, arnOf } = useProgram("dev");

	it("starts the workflow every night at 03:30 in Tokyo", () => {
		const { scheduleExpression, scheduleExpressionTimezone, target } = one(SCHEDULE, "nightly").inputs;
		expect([scheduleExpression, scheduleExpressionTimezone]).to.deep.equal(["cron(30 3 * * ? *)", "Asia/Tokyo"]);
		expect(target).to.include({ arn: arnOf(MACHINE), roleArn: arnOf(ROLE, "schedule") });
	});

	it("hands over the dataset, and secrets by their ARNs", () => {
		expect(JSON.parse(one(SCHEDULE, "nightly").inputs.target.input)).to.deep.equal({
			dataset: "f6w7-q2d2",
			secrets: {
				pipeline: arnOf(SECRET, "pipeline"),
				source: arnOf(SECRET, "source"),
				database: arnOf(SECRET, "database"),
			},
		});
	});

	it("keeps what it could not start in a queue", () => {
		expect(one(SCHEDULE, "nightly").inputs.target.deadLetterConfig).to.deep.equal({
			arn: arnOf("aws:sqs/queue:Queue"),
		});
	});

	it("is accompanied by one that starts the first run", () => {
		const [first, nightly] = [one(SCHEDULE, "first").inputs, one(SCHEDULE, "nightly").inputs];
		expect(first.scheduleExpression).to.match(/^at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)$/);
		expect(first).to.not.have.property("scheduleExpressionTimezone");
		expect(first.target).to.deep.equal(nightly.target);
	});
});

describe("the rule on lost runs", () => {
	const { one, arnOf } = useProgram("dev");

	it("matches runs that timed out, were stopped or broke the workflow", () => {
		expect(JSON.parse(one("aws:cloudwatch/eventRule:EventRule", "lost-runs").inputs.eventPattern)).to.deep.equal({
			source: ["aws.states"],
			"detail-type": ["Step Functions Execution Status Change"],
			detail: {
				stateMachineArn: [arnOf(MACHINE)],
				$or: [
					{ status: ["TIMED_OUT", "ABORTED"] },
					{ status: ["FAILED"], error: ["States.Runtime", "States.DataLimitExceeded"] },
				],
			},
		});
	});

	it("publishes to the topic", () => {
		const { deadLetterConfig, ...target } = one("aws:cloudwatch/eventTarget:EventTarget", "lost-runs").inputs;
		expect(target).to.include({
			rule: one("aws:cloudwatch/eventRule:EventRule", "lost-runs").state.name,
			arn: arnOf(TOPIC),
		});
		expect(deadLetterConfig).to.deep.equal({ arn: arnOf("aws:sqs/queue:Queue") });
	});
});
