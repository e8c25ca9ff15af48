/** The CloudWatch dashboard: outcomes, changes and durations of runs, and the state of the database. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { NAMESPACE } from "../handlers/common/metrics";
import type { MonitoredResources } from "./alarms";

/** Names of the resources on the dashboard. */
export interface DashboardNames {
	region: string;
	stack: string;
	stateMachineArn: string;
	/** The instance's identifier. */
	database: string;
	queueUrl: string;
	bucket: string;
	/** The site's bucket. */
	site: string;
	/** Names of the functions. */
	extract: string;
	load: string;
	export: string;
	report: string;
	notify: string;
	alarmArns: string[];
}

/** A metric of a widget: namespace, name, dimensions and rendering; or an expression. */
type Metric = (string | object)[];

const DAY = 24 * 3600;

/** The dashboard's body. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
export function defineDashboard(names: DashboardNames) {
	const { region } = names;
	const runMetric = (name: string, rendering: object): Metric => [
		"AWS/States",
		name,
		"StateMachineArn",
		names.stateMachineArn,
		rendering,
	];
	const functionMetric = (name: string, functionName: "extract" | "load", rendering: object): Metric => [
		NAMESPACE,
		name,
		"stack",
		names.stack,
		"function",
		functionName,
		rendering,
	];
	const lambdaDuration = (name: "export" | "report"): Metric => [
		"AWS/Lambda",
		"Duration",
		"FunctionName",
		names[name],
		{ id: name, visible: false },
	];
	const databaseMetric = (name: string, rendering: object): Metric => [
		"AWS/RDS",
		name,
		"DBInstanceIdentifier",
		names.database,
		rendering,
	];
	const position = (x: number, y: number, width: number, height: number) => ({ x, y, width, height });
	const graph = (title: string, position: object, stat: string, period: number, metrics: Metric[]) => ({
		type: "metric",
		...position,
		properties: { title, region, view: "timeSeries", stat, period, metrics, yAxis: { left: { min: 0 } } },
	});
	return {
		start: "-P28D",
		periodOverride: "inherit",
		widgets: [
			{ type: "text", ...position(0, 0, 12, 4), properties: { markdown: writeLinks(names) } },
			{ type: "alarm", ...position(12, 0, 12, 4), properties: { title: "Alarms", alarms: names.alarmArns } },
			graph("Runs per day", position(0, 4, 12, 6), "Sum", DAY, [
				runMetric("ExecutionsSucceeded", { label: "succeeded", color: "#2ca02c" }),
				runMetric("ExecutionsFailed", { label: "failed", color: "#d62728" }),
				runMetric("ExecutionsTimedOut", { label: "timed out", color: "#ff7f0e" }),
				runMetric("ExecutionsAborted", { label: "stopped", color: "#7f7f7f" }),
			]),
			graph(
				"Rows changed by runs",
				position(12, 4, 12, 6),
				"Sum",
				DAY,
				["added", "returned", "changed", "regeocoded", "removed", "rejected"].map((name) =>
					functionMetric(name, "load", { label: name }),
				),
			),
			graph("Longest duration, seconds", position(0, 10, 12, 6), "Maximum", DAY, [
				functionMetric("seconds", "extract", { label: "extract" }),
				functionMetric("seconds", "load", { label: "load" }),
				lambdaDuration("export"),
				lambdaDuration("report"),
				runMetric("ExecutionTime", { id: "run", visible: false }),
				[{ id: "seconds", expression: "run / 1000", label: "the whole run" }],
				[{ id: "exportSeconds", expression: "export / 1000", label: "export" }],
				[{ id: "reportSeconds", expression: "report / 1000", label: "report" }],
			]),
			graph("Rows in a snapshot, and its age in days", position(12, 10, 12, 6), "Maximum", DAY, [
				functionMetric("rows", "load", { label: "rows" }),
				functionMetric("ageDays", "load", { label: "days", yAxis: "right" }),
			]),
			graph("Database: CPU, %", position(0, 16, 8, 6), "Average", 300, [
				databaseMetric("CPUUtilization", { label: "CPU" }),
			]),
			graph("Database: sessions", position(8, 16, 8, 6), "Maximum", 300, [
				databaseMetric("DatabaseConnections", { label: "sessions" }),
			]),
			graph("Database: free storage and memory, bytes", position(16, 16, 8, 6), "Minimum", 300, [
				databaseMetric("FreeStorageSpace", { label: "storage" }),
				databaseMetric("FreeableMemory", { label: "memory", yAxis: "right" }),
			]),
		],
	};
}

/** Links to the AWS console, in Markdown. */
function writeLinks(names: DashboardNames): string {
	const { region } = names;
	const consoleUrl = (service: string, rest: string) => `https://${region}.console.aws.amazon.com/${service}${rest}`;
	const links = {
		"Runs of the workflow": consoleUrl(
			"states",
			`/home?region=${region}#/statemachines/view/${encodeURIComponent(names.stateMachineArn)}`,
		),
		"Runs that could not be started": consoleUrl(
			"sqs",
			`/v3/home?region=${region}#/queues/${encodeURIComponent(names.queueUrl)}`,
		),
		Database: consoleUrl("rds", `/home?region=${region}#database:id=${names.database};is-cluster=false`),
		"Raw data": consoleUrl("s3", `/buckets/${names.bucket}?region=${region}&prefix=raw/`),
		"The page and its data files": consoleUrl("s3", `/buckets/${names.site}?region=${region}&prefix=site/`),
	};
	const functions = (["extract", "load", "export", "report", "notify"] as const).map(
		(name) => `[${name}](${consoleUrl("lambda", `/home?region=${region}#/functions/${names[name]}?tab=monitoring`)})`,
	);
	return [
		`# EV registrations, ${names.stack}`,
		...Object.entries(links).map(([text, url]) => `- [${text}](${url})`),
		`- Functions and their logs: ${functions.join(", ")}`,
	].join("\n");
}

/** Creates the dashboard. */
export function createDashboard(
	{ workflow, undelivered, database, bucket, site, functions }: MonitoredResources,
	alarms: aws.cloudwatch.MetricAlarm[],
): { dashboardUrl: pulumi.Output<string> } {
	const stack = pulumi.getStack();
	const region = aws.getRegionOutput().region;
	const dashboard = new aws.cloudwatch.Dashboard("ev", {
		// Dashboards are global: in two regions, stacks of the same name would overwrite each other's.
		dashboardName: pulumi.interpolate`ev-registrations-${stack}-${region}`,
		dashboardBody: pulumi
			.output({
				region,
				stack,
				stateMachineArn: workflow.arn,
				database: database.identifier,
				queueUrl: undelivered.id,
				bucket: bucket.id,
				site: site.bucket.id,
				extract: functions.extract.name,
				load: functions.load.name,
				export: functions.export.name,
				report: functions.report.name,
				notify: functions.notify.name,
				alarmArns: alarms.map((alarm) => alarm.arn),
			})
			.apply((names) => JSON.stringify(defineDashboard(names))),
	});
	const dashboardUrl = pulumi.interpolate`https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${dashboard.dashboardName}`;
	return { dashboardUrl };
}
