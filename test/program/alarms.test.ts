/** The alarms: when they fire, that they reach people, and that they say what to do. */

import { expect } from "chai";
import { metricLine } from "../../handlers/common/metrics";
import { silence } from "../../infra/alarms";
import type { Properties } from "../../local/program/record";
import { ALARM, DATABASE, FUNCTION, MACHINE, TOPIC, useProgram } from "../support/use-program";

const EVENT_RULE = "aws:cloudwatch/eventRule:EventRule";
const EVENT_TARGET = "aws:cloudwatch/eventTarget:EventTarget";
const HOUR = 3600;
const DAY = 24 * HOUR;

/** What most alarms have in common: they fire at one occurrence, until a day has passed without. */
const AT_ONE = {
	comparisonOperator: "GreaterThanThreshold",
	threshold: 0,
	statistic: "Sum",
	period: DAY,
	evaluationPeriods: 1,
	treatMissingData: "notBreaching",
};

describe("the alarms", () => {
	const { one, all, arnOf } = useProgram("dev");
	const alarm = (name: string) => one(ALARM, name).inputs;
	/** What the alarms do not have in common. */
	const about = (name: string) => {
		const { name: _, alarmDescription, alarmActions, ...own } = alarm(name);
		return own;
	};
	const ofRuns = () => ({ ...AT_ONE, namespace: "AWS/States", dimensions: { StateMachineArn: arnOf(MACHINE) } });

	it("fire when a run fails", () => {
		expect(about("run-failed")).to.deep.equal({ ...ofRuns(), metricName: "ExecutionsFailed" });
	});

	it("fire when a run times out", () => {
		expect(about("run-timed-out")).to.deep.equal({ ...ofRuns(), metricName: "ExecutionsTimedOut" });
	});

	it("fire when a run is stopped", () => {
		expect(about("run-aborted")).to.deep.equal({ ...ofRuns(), metricName: "ExecutionsAborted" });
	});

	it("fire when a run takes more than half an hour", () => {
		expect(about("run-slow")).to.deep.equal({
			...ofRuns(),
			metricName: "ExecutionTime",
			statistic: "Maximum",
			threshold: 1_800_000,
		});
	});

	it("fire while the schedule's queue holds a run that did not start", () => {
		expect(about("run-not-started")).to.deep.equal({
			...AT_ONE,
			namespace: "AWS/SQS",
			metricName: "ApproximateNumberOfMessagesVisible",
			dimensions: { QueueName: one("aws:sqs/queue:Queue").state.name },
			statistic: "Maximum",
			period: 300,
		});
	});

	it("fire when the published snapshot is two months old", () => {
		expect(about("source-stale")).to.deep.equal({
			...AT_ONE,
			namespace: "EvRegistrations",
			metricName: "ageDays",
			dimensions: { stack: "dev", function: "load" },
			statistic: "Maximum",
			threshold: 60,
		});
	});

	it("fire when one row is rejected, by the metric that load writes", () => {
		const { namespace, metricName, dimensions, ...own } = about("rows-rejected");
		const line = JSON.parse(metricLine({ function: "load", stack: "dev", runId: "run-1" }, { rejected: 1 }));
		const [written] = line._aws.CloudWatchMetrics;
		expect(namespace).to.equal(written.Namespace);
		expect(metricName).to.equal(written.Metrics[0].Name);
		expect(Object.keys(dimensions)).to.have.members(written.Dimensions[0]);
		expect(line).to.include(dimensions);
		expect(own).to.deep.equal(AT_ONE);
	});

	for (const [name, watched] of Object.entries({
		"export-failed": "export",
		"report-failed": "report",
		"rotation-failed": "rotate",
	}))
		it(`fire when ${watched} fails`, () => {
			expect(about(name)).to.deep.equal({
				...AT_ONE,
				namespace: "AWS/Lambda",
				metricName: "Errors",
				dimensions: { FunctionName: one(FUNCTION, watched).state.name },
			});
		});

	const database: [shortage: string, alarm: string, own: (storageGb: number) => object][] = [
		[
			"a twentieth of its storage",
			"storage",
			(gb) => ({ metricName: "FreeStorageSpace", threshold: 0.05 * gb * 1024 ** 3 }),
		],
		["a fifth of its CPU", "cpu", () => ({ metricName: "CPUUtilization", threshold: 80 })],
		["sessions", "connections", () => ({ metricName: "DatabaseConnections", threshold: 60 })],
		["credits for its CPU", "credits", () => ({ metricName: "CPUSurplusCreditsCharged", threshold: 0 })],
	];
	for (const [shortage, name, own] of database)
		it(`fire when the database lacks ${shortage} for half an hour`, () => {
			const { identifier, allocatedStorage } = one(DATABASE).inputs;
			expect(about(`database-${name}`)).to.deep.equal({
				namespace: "AWS/RDS",
				dimensions: { DBInstanceIdentifier: identifier },
				comparisonOperator: name === "storage" ? "LessThanThreshold" : "GreaterThanThreshold",
				statistic: "Average",
				period: 300,
				evaluationPeriods: 6,
				treatMissingData: "missing",
				...own(allocatedStorage),
			});
		});

	it("publish to the topic when they fire", () => {
		expect(all(ALARM)).to.have.length(15);
		for (const { name, inputs } of all(ALARM)) {
			expect(inputs, name).to.deep.include({ alarmActions: [arnOf(TOPIC)] });
			expect(inputs, name).to.not.have.any.keys("okActions", "insufficientDataActions", "actionsEnabled");
		}
	});

	it("publish to the topic when they are over, and not when they are new", () => {
		const { resources, ...pattern } = JSON.parse(one(EVENT_RULE, "ended-alarms").inputs.eventPattern);
		expect(resources).to.have.members(all(ALARM).map(({ state }) => state.arn));
		expect(pattern).to.deep.equal({
			source: ["aws.cloudwatch"],
			"detail-type": ["CloudWatch Alarm State Change"],
			detail: { state: { value: ["OK"] }, previousState: { value: ["ALARM"] } },
		});
		expect(one(EVENT_TARGET, "ended-alarms").inputs).to.include({
			rule: one(EVENT_RULE, "ended-alarms").state.name,
			arn: arnOf(TOPIC),
		});
	});

	it("say what to do, under the stack's name", () => {
		for (const { name, inputs } of all(ALARM)) {
			expect(inputs.name).to.equal(`ev-registrations-dev-${name}`);
			expect(inputs.alarmDescription, name)
				.to.match(/\b(Look|Read|Raise|Start)\b/)
				.and.match(/^[ -~]{1,1024}$/);
		}
	});
});

describe("the alarm on silence", () => {
	const { one, arnOf } = useProgram("dev");
	const DAYS = [1, 2, 3, 4, 5, 6, 7];
	/** Hours after the alarm's creation at which runs succeed: every night at half past three. */
	const nights = (count: number, late: (night: number) => number) =>
		Array.from({ length: count }, (_, night) => night * 24 + 3.5 + late(night));
	/** The first hour at which CloudWatch, which looks once a quarter of an hour here, fires; undefined: in no hour before `until`. */
	const firesAt = ({ evaluationPeriods, warmUpConfiguration }: Properties, successes: number[], until: number) => {
		for (let now = warmUpConfiguration.warmUpPeriodDurationInMinutes / 60; now < until; now += 0.25)
			if (!successes.some((at) => at <= now && at > now - evaluationPeriods)) return now;
		return undefined;
	};
	const silentDays = (alarm: Properties) => {
		const successes = nights(10, () => 0);
		return (firesAt(alarm, successes, 40 * 24)! - successes.at(-1)!) / 24;
	};

	it("fires after two days by default, and says so", () => {
		const { inputs } = one(ALARM, "no-run-succeeded");
		expect(silentDays(inputs)).to.be.within(2, 2.35);
		expect(inputs.metricQueries[0].metric.dimensions).to.deep.equal({ StateMachineArn: arnOf(MACHINE) });
		expect(inputs.alarmDescription).to.include("for 2 days");
	});

	it("stays quiet while every night has a success, up to six hours late", () => {
		const successes = nights(30, (night) => (night % 2 ? 6.25 : 0));
		for (const days of DAYS) expect(firesAt(silence(days, "arn"), successes, 29 * 24), `${days}`).to.equal(undefined);
	});

	it("fires within hours of the days that the settings allow", () => {
		for (const days of DAYS) expect(silentDays(silence(days, "arn"))).to.be.within(days, days + 0.35);
	});

	it("waits for the first night of a new stack, and no longer", () => {
		for (const days of DAYS) {
			const alarm: Properties = silence(days, "arn");
			expect(alarm.warmUpConfiguration.onlyStartEvaluatingAfterWarmUpPeriodEnds, `${days}`).to.equal(true);
			expect(firesAt(alarm, [], 100), `${days}`).to.be.within(24 + 6.25, 48);
		}
	});

	it("counts hours without a success as none", () => {
		for (const days of DAYS) {
			const { evaluationPeriods, warmUpConfiguration, metricQueries, ...rest }: Properties = silence(days, "arn");
			const [succeeded, filled] = metricQueries;
			expect(succeeded.metric).to.deep.equal({
				namespace: "AWS/States",
				metricName: "ExecutionsSucceeded",
				dimensions: { StateMachineArn: "arn" },
				stat: "Sum",
				period: HOUR,
			});
			expect(filled).to.include({ expression: `FILL(${succeeded.id}, 0)`, returnData: true });
			expect(rest).to.deep.equal({
				comparisonOperator: "LessThanThreshold",
				threshold: 1,
				treatMissingData: "breaching",
			});
		}
	});

	it("looks back no longer than CloudWatch does", () => {
		for (const days of DAYS)
			expect(HOUR * (silence(days, "arn") as Properties).evaluationPeriods).to.be.at.most(7 * DAY);
	});
});
