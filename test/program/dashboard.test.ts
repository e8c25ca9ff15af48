/** The dashboard: what it shows, where it leads, and how it is laid out. */

import { expect } from "chai";
import { COUNT_NAMES } from "../../db/counts";
import { type DashboardNames, defineDashboard } from "../../infra/dashboard";
import type { Properties } from "../../local/program/record";
import { ALARM, DATABASE, FUNCTION, MACHINE, useProgram } from "../support/use-program";

describe("the dashboard of dev", () => {
	const { one, all, arnOf } = useProgram("dev");

	it("shows every alarm, and only this stack's metrics", () => {
		const { dashboardName, dashboardBody } = one("aws:cloudwatch/dashboard:Dashboard").inputs;
		expect(dashboardName).to.equal("ev-registrations-dev-ap-northeast-1");
		const widgets: Properties[] = JSON.parse(dashboardBody).widgets;
		expect(widgets.find(({ type }) => type === "alarm")!.properties.alarms).to.have.members(
			all(ALARM).map(({ state }) => state.arn),
		);
		const metrics = widgets.flatMap(({ properties }) => properties.metrics ?? []) as unknown[][];
		const own = metrics.filter(([namespace]) => typeof namespace === "string").map((metric) => metric[3]);
		const functions = ["export", "report"].map((name) => one(FUNCTION, name).state.name);
		expect([...new Set(own)]).to.have.members([
			...[arnOf(MACHINE), one(DATABASE).inputs.identifier, "dev", ...functions],
		]);
	});
});

describe("the dashboard", () => {
	const names: DashboardNames = {
		region: "ap-northeast-1",
		stack: "dev",
		stateMachineArn: "arn:aws:states:ap-northeast-1:000000000000:stateMachine:workflow-1",
		database: "ev-registrations-dev",
		queueUrl: "https://sqs.ap-northeast-1.amazonaws.com/000000000000/undelivered-1",
		bucket: "raw-1",
		site: "site-1",
		extract: "extract-1",
		load: "load-1",
		export: "export-1",
		report: "report-1",
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

	it("shows what runs changed, from metrics that functions write", () => {
		const own = (name: string, by: string) => ["EvRegistrations", name, "stack", "dev", "function", by];
		for (const name of [
			"rows",
			"added",
			"returned",
			"changed",
			"regeocoded",
			"removed",
			"rejected",
			"seconds",
			"ageDays",
		])
			expect(shown).to.deep.include(own(name, "load"));
		expect(shown).to.deep.include(own("seconds", "extract"));
		const known: string[] = [...COUNT_NAMES, "seconds", "bytes", "ageDays"];
		for (const [namespace, name] of shown) if (namespace === "EvRegistrations") expect(known).to.include(name);
	});

	it("shows how long the data files and the page take, from Lambda's own metrics", () => {
		for (const name of ["export-1", "report-1"])
			expect(shown).to.deep.include(["AWS/Lambda", "Duration", "FunctionName", name]);
	});

	it("shows the database's health", () => {
		for (const name of ["CPUUtilization", "DatabaseConnections", "FreeStorageSpace", "FreeableMemory"])
			expect(shown).to.deep.include(["AWS/RDS", name, "DBInstanceIdentifier", "ev-registrations-dev"]);
	});

	it("links to the consoles of what it shows", () => {
		const links = [...text.matchAll(/\]\((\S+?)\)/g)].map(([, url]) => new URL(url!));
		expect(links).to.have.length(10);
		for (const { host, href } of links) {
			expect(host).to.equal("ap-northeast-1.console.aws.amazon.com");
			expect(href).to.include("region=ap-northeast-1");
		}
		for (const name of [
			"workflow-1",
			"undelivered-1",
			"ev-registrations-dev",
			"raw-1",
			"site-1",
			"extract-1",
			"load-1",
			"export-1",
			"report-1",
			"notify-1",
		])
			expect(text).to.include(name);
	});

	it("lays out its widgets without overlap in 24 columns", () => {
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
