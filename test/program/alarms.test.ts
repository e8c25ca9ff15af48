/** What rings and when, that it reaches people, and what the dashboard shows. */

import { expect } from "chai";
import { COUNT_NAMES } from "../../db/counts";
import { metricLine } from "../../handlers/common/metrics";
import { silence } from "../../infra/alarms";
import { type DashboardNames, defineDashboard } from "../../infra/dashboard";
import { find, type ProgramRecord, type Properties } from "../../local/program/record";
import { programOf } from "../support/program";

const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
const HOUR = 3600;
const DAY = 24 * HOUR;

interface Statement {
	Effect: string;
	Principal: { Service?: string | string[] };
	Action: string | string[];
	Resource: string | string[];
	Condition: Record<string, Record<string, string>>;
}
const listed = <T>(value: T | T[]) => (Array.isArray(value) ? value : [value]);
const statementsOf = (policy: string) => (JSON.parse(policy) as { Statement: Statement[] }).Statement;

for (const stack of ["dev", "prod"] as const)
	describe(`the alarms of ${stack}`, () => {
		let record: ProgramRecord;
		const one = (type: string, name?: string) => find(record, type, name);
		const alarms = () => record.resources.filter(({ type }) => type === ALARM);
		const alarm = (name: string) => one(ALARM, name).inputs;
		const topic = () => one("aws:sns/topic:Topic");
		/** What is not said of each alarm alike. */
		const about = (name: string) => {
			const { name: _, alarmDescription, alarmActions, okActions, ...own } = alarm(name);
			return own;
		};

		before(async function () {
			this.timeout(120_000);
			[record] = await Promise.all([programOf(stack), programOf("dev"), programOf("prod")]);
		});

		it("ring on runs that failed, timed out or took too long, until a day has passed without", () => {
			const ofRuns = {
				namespace: "AWS/States",
				dimensions: { StateMachineArn: one("aws:sfn/stateMachine:StateMachine").state.arn },
				comparisonOperator: "GreaterThanThreshold",
				threshold: 0,
				statistic: "Sum",
				period: DAY,
				evaluationPeriods: 1,
				treatMissingData: "notBreaching",
			};
			expect(about("run-failed")).to.deep.equal({ ...ofRuns, metricName: "ExecutionsFailed" });
			expect(about("run-timed-out")).to.deep.equal({ ...ofRuns, metricName: "ExecutionsTimedOut" });
			expect(about("run-slow")).to.deep.equal({
				...ofRuns,
				metricName: "ExecutionTime",
				statistic: "Maximum",
				threshold: 1_800_000,
			});
		});

		it("ring when no run has succeeded for the days that the settings say", () => {
			expect(about("no-run-succeeded")).to.deep.equal(silence(2, one("aws:sfn/stateMachine:StateMachine").state.arn));
			expect(alarm("no-run-succeeded").alarmDescription).to.include("for 2 days");
		});

		it("ring while there is something that the schedule could not start", () => {
			expect(about("run-not-started")).to.deep.equal({
				namespace: "AWS/SQS",
				metricName: "ApproximateNumberOfMessagesVisible",
				dimensions: { QueueName: one("aws:sqs/queue:Queue").state.name },
				comparisonOperator: "GreaterThanThreshold",
				threshold: 0,
				statistic: "Maximum",
				period: 300,
				evaluationPeriods: 1,
				treatMissingData: "notBreaching",
			});
		});

		it("ring when a single row was rejected, by the very metric that load writes", () => {
			const { namespace, metricName, dimensions, ...own } = about("rows-rejected");
			const line = JSON.parse(metricLine({ function: "load", stack, runId: "run-1" }, { rejected: 1 }));
			const [written] = line._aws.CloudWatchMetrics;
			expect(namespace).to.equal(written.Namespace);
			expect(metricName).to.equal(written.Metrics[0].Name);
			expect(Object.keys(dimensions)).to.have.members(written.Dimensions[0]);
			expect(line).to.include(dimensions);
			expect(own).to.deep.equal({
				comparisonOperator: "GreaterThanThreshold",
				threshold: 0,
				statistic: "Sum",
				period: DAY,
				evaluationPeriods: 1,
				treatMissingData: "notBreaching",
			});
		});

		it("ring when rotate failed at any step", () => {
			expect(about("rotation-failed")).to.deep.equal({
				namespace: "AWS/Lambda",
				metricName: "Errors",
				dimensions: { FunctionName: one("aws:lambda/function:Function", "rotate").state.name },
				comparisonOperator: "GreaterThanThreshold",
				threshold: 0,
				statistic: "Sum",
				period: DAY,
				evaluationPeriods: 1,
				treatMissingData: "notBreaching",
			});
		});

		it("ring when the database has been short of storage, time or sessions for half an hour", () => {
			const { identifier, allocatedStorage } = one("aws:rds/instance:Instance").inputs;
			const ofDatabase = {
				namespace: "AWS/RDS",
				dimensions: { DBInstanceIdentifier: identifier },
				comparisonOperator: "GreaterThanThreshold",
				statistic: "Average",
				period: 300,
				evaluationPeriods: 6,
				treatMissingData: "missing",
			};
			expect(about("database-storage")).to.deep.equal({
				...ofDatabase,
				metricName: "FreeStorageSpace",
				comparisonOperator: "LessThanThreshold",
				threshold: 0.2 * allocatedStorage * 1024 ** 3,
			});
			expect(about("database-cpu")).to.deep.equal({ ...ofDatabase, metricName: "CPUUtilization", threshold: 80 });
			expect(about("database-connections")).to.deep.equal({
				...ofDatabase,
				metricName: "DatabaseConnections",
				threshold: 60,
			});
		});

		it("tell the topic when they ring and when it is over, under the stack's name, and say what to do", () => {
			expect(alarms()).to.have.length(10);
			for (const { name, inputs } of alarms()) {
				expect(inputs.name).to.equal(`ev-registrations-${stack}-${name}`);
				expect(inputs, name).to.deep.include({ alarmActions: [topic().state.arn], okActions: [topic().state.arn] });
				expect(inputs, name).to.not.have.any.keys("insufficientDataActions", "actionsEnabled");
				expect(inputs.alarmDescription, name)
					.to.match(/\b(Look|Read|Raise|Start)\b/)
					.and.match(/^[ -~]{1,1024}$/);
			}
		});

		it("may publish to the topic, they alone of CloudWatch's, and may use its key", () => {
			const publish = statementsOf(one("aws:sns/topicPolicy:TopicPolicy").inputs.policy).find(
				({ Principal }) => Principal.Service === "cloudwatch.amazonaws.com",
			)!;
			expect(publish).to.include({ Effect: "Allow", Action: "sns:Publish", Resource: topic().state.arn });
			const { ArnLike, StringEquals, ...more } = publish.Condition;
			expect(more).to.deep.equal({});
			expect(StringEquals).to.deep.equal({ "aws:SourceAccount": "000000000000" });
			const pattern = ArnLike!["aws:SourceArn"]!;
			expect(pattern).to.match(new RegExp(`:alarm:ev-registrations-${stack}-\\*$`));
			for (const { name, state } of alarms())
				expect(state.arn.startsWith(pattern.slice(0, -1)), `${name}: ${state.arn}`).to.equal(true);

			const key = one("aws:kms/key:Key");
			expect(topic().inputs.kmsMasterKeyId).to.equal(key.id);
			const use = statementsOf(key.inputs.policy).find(({ Principal }) =>
				listed(Principal.Service).includes("cloudwatch.amazonaws.com"),
			)!;
			expect(use.Action).to.include.members(["kms:Decrypt", "kms:GenerateDataKey*"]);
		});

		it("are not the only ones to use the topic's key: so does whoever publishes by role, and the rule", () => {
			const key = one("aws:kms/key:Key");
			const services = statementsOf(key.inputs.policy).flatMap(({ Principal }) => listed(Principal.Service));
			expect(services).to.include.members(["events.amazonaws.com", "logs.ap-northeast-1.amazonaws.com"]);
			const publishers = record.resources.filter(
				({ type, inputs }) => type === "aws:iam/rolePolicy:RolePolicy" && inputs.policy.includes('"sns:Publish"'),
			);
			expect(publishers.map(({ name }) => name)).to.have.members(["notify", "workflow"]);
			for (const { name, inputs } of publishers) {
				const use = statementsOf(inputs.policy).find(({ Resource }) => Resource === key.state.arn)!;
				expect(use.Action, name).to.have.members(["kms:Decrypt", "kms:GenerateDataKey*"]);
			}
		});

		it("look back no longer than CloudWatch does", () => {
			for (const { name, inputs } of alarms()) {
				const period = inputs.period ?? HOUR;
				expect(period * inputs.evaluationPeriods, name).to.be.at.most(period < HOUR ? DAY : 7 * DAY);
			}
		});

		it("are all on the dashboard, with metrics of this stack and no other", () => {
			const { dashboardName, dashboardBody } = one("aws:cloudwatch/dashboard:Dashboard").inputs;
			expect(dashboardName).to.equal(`ev-registrations-${stack}`);
			const widgets: Properties[] = JSON.parse(dashboardBody).widgets;
			expect(widgets.find(({ type }) => type === "alarm")!.properties.alarms).to.have.members(
				alarms().map(({ state }) => state.arn),
			);
			const metrics = widgets.flatMap(({ properties }) => properties.metrics ?? []) as unknown[][];
			const own = new Set(
				metrics.filter(([namespace]) => typeof namespace === "string").map((metric) => String(metric[3])),
			);
			expect([...own]).to.have.members([
				one("aws:sfn/stateMachine:StateMachine").state.arn,
				one("aws:rds/instance:Instance").inputs.identifier,
				stack,
			]);
		});
	});

describe("the alarm on silence", () => {
	/** Hours after the alarm's creation at which runs succeed: every night at half past three. */
	const nights = (count: number, late: (night: number) => number) =>
		Array.from({ length: count }, (_, night) => night * 24 + 3.5 + late(night));
	/** The first hour at which CloudWatch, which looks once a quarter of an hour here, would ring; undefined: in no hour before `until`. */
	const ringsAt = (days: number, successes: number[], until: number) => {
		const { evaluationPeriods, warmUpConfiguration } = silence(days, "arn") as Properties;
		for (let now = warmUpConfiguration.warmUpPeriodDurationInMinutes / 60; now < until; now += 0.25)
			if (!successes.some((at) => at <= now && at > now - evaluationPeriods)) return now;
		return undefined;
	};

	it("is not there where the settings want none, as beside a monthly schedule", async function () {
		this.timeout(120_000);
		const { resources } = await programOf("dev", { schedule: "cron(30 3 1 * ? *)", silentDays: "0" });
		const names = resources.filter(({ type }) => type === ALARM).map(({ name }) => name);
		expect(names).to.include("run-failed").and.not.include("no-run-succeeded");
	});

	for (const days of [1, 2, 3, 4, 5, 6, 7]) {
		const { evaluationPeriods, warmUpConfiguration, metricQueries, ...rest } = silence(days, "arn") as Properties;

		it(`of ${days} days stays quiet while every night has a success, early or six hours late`, () => {
			const successes = nights(30, (night) => (night % 2 ? 6.25 : 0));
			expect(ringsAt(days, successes, 29 * 24)).to.equal(undefined);
		});

		it(`of ${days} days rings when they have passed without a success, a few hours later at most`, () => {
			const successes = nights(10, () => 0);
			const silentFor = ringsAt(days, successes, 40 * 24)! - successes.at(-1)!;
			expect(silentFor / 24).to.be.within(days, days + 0.35);
		});

		it(`of ${days} days stays quiet on a new stack until the first night is over, and then rings if it brought nothing`, () => {
			expect(warmUpConfiguration.onlyStartEvaluatingAfterWarmUpPeriodEnds).to.equal(true);
			expect(warmUpConfiguration.warmUpPeriodDurationInMinutes)
				.to.be.at.least((24 + 6.25) * 60)
				.and.at.most(2880);
			expect(ringsAt(days, [], 100)).to.be.within(24 + 6.25, 48);
		});

		it(`of ${days} days is within what CloudWatch takes, and counts nights without data`, () => {
			const [succeeded, filled] = metricQueries;
			expect(succeeded.metric).to.deep.equal({
				namespace: "AWS/States",
				metricName: "ExecutionsSucceeded",
				dimensions: { StateMachineArn: "arn" },
				stat: "Sum",
				period: HOUR,
			});
			expect(succeeded.metric.period * evaluationPeriods).to.be.at.most(7 * DAY);
			expect(filled).to.include({ expression: `FILL(${succeeded.id}, 0)`, returnData: true });
			expect(rest).to.deep.equal({
				comparisonOperator: "LessThanThreshold",
				threshold: 1,
				treatMissingData: "breaching",
			});
		});
	}
});

describe("the dashboard", () => {
	const names: DashboardNames = {
		region: "ap-northeast-1",
		stack: "dev",
		stateMachineArn: "arn:aws:states:ap-northeast-1:000000000000:stateMachine:workflow-1",
		database: "ev-registrations-dev",
		queueUrl: "https://sqs.ap-northeast-1.amazonaws.com/000000000000/undelivered-1",
		bucket: "raw-1",
		extract: "extract-1",
		load: "load-1",
		notify: "notify-1",
		alarmArns: ["arn:alarm:1", "arn:alarm:2"],
	};
	const { widgets } = defineDashboard(names) as unknown as { widgets: Properties[] };
	const text = widgets.find(({ type }) => type === "text")!.properties.markdown as string;
	const metrics = widgets.flatMap(({ properties }) => properties.metrics ?? []) as unknown[][];
	const shown = metrics
		.filter((metric) => metric.length > 1)
		.map((metric) => [metric[0], metric[1], ...metric.slice(2, -1)]);

	it("shows how runs end and how long they take", () => {
		for (const name of [
			"ExecutionsSucceeded",
			"ExecutionsFailed",
			"ExecutionsTimedOut",
			"ExecutionsAborted",
			"ExecutionTime",
		])
			expect(shown).to.deep.include(["AWS/States", name, "StateMachineArn", names.stateMachineArn]);
	});

	it("shows what each run added, changed and removed, and how long each step took, from what functions write", () => {
		const own = (name: string, by: string) => ["EvRegistrations", name, "stack", "dev", "function", by];
		for (const name of ["rows", "added", "returned", "changed", "regeocoded", "removed", "rejected", "seconds"])
			expect(shown).to.deep.include(own(name, "load"));
		expect(shown).to.deep.include(own("seconds", "extract"));
		const known: string[] = [...COUNT_NAMES, "seconds", "bytes"];
		for (const [namespace, name] of shown) if (namespace === "EvRegistrations") expect(known).to.include(name);
	});

	it("shows the database's health", () => {
		for (const name of ["CPUUtilization", "DatabaseConnections", "FreeStorageSpace", "FreeableMemory"])
			expect(shown).to.deep.include(["AWS/RDS", name, "DBInstanceIdentifier", "ev-registrations-dev"]);
	});

	it("leads to the workflow, the queue, the database, the raw data and the functions", () => {
		const links = [...text.matchAll(/\]\((\S+?)\)/g)].map(([, url]) => new URL(url!));
		expect(links).to.have.length(7);
		for (const { host, href } of links) {
			expect(host).to.equal("ap-northeast-1.console.aws.amazon.com");
			expect(href).to.include("region=ap-northeast-1");
		}
		for (const name of [
			"workflow-1",
			"undelivered-1",
			"ev-registrations-dev",
			"raw-1",
			"extract-1",
			"load-1",
			"notify-1",
		])
			expect(text).to.include(name);
	});

	it("lays its widgets side by side, none over another, within 24 columns", () => {
		const taken = new Set<string>();
		for (const { x, y, width, height } of widgets) {
			expect(x + width).to.be.at.most(24);
			for (let column = x; column < x + width; column++)
				for (let row = y; row < y + height; row++) {
					expect(taken.has(`${column} ${row}`), `${column} ${row}`).to.equal(false);
					taken.add(`${column} ${row}`);
				}
		}
	});
});
