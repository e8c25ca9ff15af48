/** The dashboard: how runs end, what they change, how long they take, and how the database is. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { NAMESPACE } from "../handlers/common/metrics";
import type { Watched } from "./alarms";

/** What a dashboard shows. */
export interface Shown extends Watched {
	bucket: aws.s3.Bucket;
	functions: Record<"extract" | "load" | "notify", aws.lambda.Function>;
	alarms: aws.cloudwatch.MetricAlarm[];
}

/** Names of what a dashboard shows. */
export interface DashboardNames {
	region: string;
	stack: string;
	stateMachineArn: string;
	/** The instance's identifier. */
	database: string;
	queueUrl: string;
	bucket: string;
	/** Functions' names. */
	extract: string;
	load: string;
	notify: string;
	alarmArns: string[];
}

/** A metric of a widget: namespace, name, dimensions, and how it is drawn; or an expression. */
type Metric = (string | object)[];

const DAY = 24 * 3600;

/** The dashboard's body. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
export function defineDashboard(names: DashboardNames) {
	const { region } = names;
	const ofRuns = (name: string, drawn: object): Metric => [
		"AWS/States",
		name,
		"StateMachineArn",
		names.stateMachineArn,
		drawn,
	];
	const measured = (name: string, by: "extract" | "load", drawn: object): Metric => [
		NAMESPACE,
		name,
		"stack",
		names.stack,
		"function",
		by,
		drawn,
	];
	const ofDatabase = (name: string, drawn: object): Metric => [
		"AWS/RDS",
		name,
		"DBInstanceIdentifier",
		names.database,
		drawn,
	];
	const place = (x: number, y: number, width: number, height: number) => ({ x, y, width, height });
	const graph = (title: string, at: object, stat: string, period: number, metrics: Metric[]) => ({
		type: "metric",
		...at,
		properties: { title, region, view: "timeSeries", stat, period, metrics, yAxis: { left: { min: 0 } } },
	});
	return {
		start: "-P28D",
		periodOverride: "inherit",
		widgets: [
			{ type: "text", ...place(0, 0, 12, 4), properties: { markdown: writeLinks(names) } },
			{ type: "alarm", ...place(12, 0, 12, 4), properties: { title: "Alarms", alarms: names.alarmArns } },
			graph("Runs a day", place(0, 4, 12, 6), "Sum", DAY, [
				ofRuns("ExecutionsSucceeded", { label: "succeeded", color: "#2ca02c" }),
				ofRuns("ExecutionsFailed", { label: "failed", color: "#d62728" }),
				ofRuns("ExecutionsTimedOut", { label: "timed out", color: "#ff7f0e" }),
				ofRuns("ExecutionsAborted", { label: "stopped", color: "#7f7f7f" }),
			]),
			graph(
				"What runs changed, rows",
				place(12, 4, 12, 6),
				"Sum",
				DAY,
				["added", "returned", "changed", "regeocoded", "removed", "rejected"].map((name) =>
					measured(name, "load", { label: name }),
				),
			),
			graph("Longest duration, seconds", place(0, 10, 12, 6), "Maximum", DAY, [
				measured("seconds", "extract", { label: "extract" }),
				measured("seconds", "load", { label: "load" }),
				ofRuns("ExecutionTime", { id: "run", visible: false }),
				[{ id: "seconds", expression: "run / 1000", label: "the whole run" }],
			]),
			graph("Rows of a snapshot", place(12, 10, 12, 6), "Maximum", DAY, [measured("rows", "load", { label: "rows" })]),
			graph("Database: CPU, %", place(0, 16, 8, 6), "Average", 300, [ofDatabase("CPUUtilization", { label: "CPU" })]),
			graph("Database: sessions", place(8, 16, 8, 6), "Maximum", 300, [
				ofDatabase("DatabaseConnections", { label: "sessions" }),
			]),
			graph("Database: what is free, bytes", place(16, 16, 8, 6), "Minimum", 300, [
				ofDatabase("FreeStorageSpace", { label: "storage" }),
				ofDatabase("FreeableMemory", { label: "memory", yAxis: "right" }),
			]),
		],
	};
}

/** Ways to what a person looks into next. */
function writeLinks(names: DashboardNames): string {
	const { region } = names;
	const at = (service: string, rest: string) => `https://${region}.console.aws.amazon.com/${service}${rest}`;
	const links = {
		"Runs of the workflow": at(
			"states",
			`/home?region=${region}#/statemachines/view/${encodeURIComponent(names.stateMachineArn)}`,
		),
		"What could not be started": at("sqs", `/v3/home?region=${region}#/queues/${encodeURIComponent(names.queueUrl)}`),
		Database: at("rds", `/home?region=${region}#database:id=${names.database};is-cluster=false`),
		"Raw data": at("s3", `/buckets/${names.bucket}?region=${region}&prefix=raw/`),
	};
	const functions = (["extract", "load", "notify"] as const).map(
		(name) => `[${name}](${at("lambda", `/home?region=${region}#/functions/${names[name]}?tab=monitoring`)})`,
	);
	return [
		`# EV registrations, ${names.stack}`,
		...Object.entries(links).map(([text, url]) => `- [${text}](${url})`),
		`- Functions and their logs: ${functions.join(", ")}`,
	].join("\n");
}

/** Creates the dashboard, named after the stack. */
export function createDashboard(shown: Shown): { url: pulumi.Output<string> } {
	const stack = pulumi.getStack();
	const region = aws.getRegionOutput().region;
	const { workflow, undelivered, database, bucket, functions, alarms } = shown;
	const dashboard = new aws.cloudwatch.Dashboard("ev", {
		dashboardName: `ev-registrations-${stack}`,
		dashboardBody: pulumi
			.output({
				region,
				stack,
				stateMachineArn: workflow.arn,
				database: database.identifier,
				queueUrl: undelivered.id,
				bucket: bucket.id,
				extract: functions.extract.name,
				load: functions.load.name,
				notify: functions.notify.name,
				alarmArns: alarms.map((alarm) => alarm.arn),
			})
			.apply((names) => JSON.stringify(defineDashboard(names))),
	});
	const url = pulumi.interpolate`https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboard.dashboardName}`;
	return { url };
}
