/** Metrics, sent as log lines, because the isolated subnets have no endpoint for CloudWatch. */

/** The CloudWatch namespace. Each metric has the dimensions `stack` and `function`. */
export const NAMESPACE = "EvRegistrations";

export interface MetricSource {
	/** The function's name. */
	function: string;
	stack: string;
	runId: string;
}

/**
 * Returns a log line in CloudWatch's embedded metric format, with one metric per value that is not null.
 *
 * To be written with `process.stdout.write`: with Lambda's JSON log format, `console.log` nests its output below
 * `message`, and CloudWatch reads `_aws` only at the root.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metricLine(source: MetricSource, values: Record<string, number | null>, at = Date.now()): string {
	const units: Record<string, string> = { seconds: "Seconds", bytes: "Bytes" };
	const present = Object.entries(values).filter(([, value]) => value !== null);
	const line = {
		timestamp: new Date(at).toISOString(),
		level: "INFO",
		event: "metrics",
		...source,
		...Object.fromEntries(present),
		_aws: {
			Timestamp: at,
			CloudWatchMetrics: [
				{
					Namespace: NAMESPACE,
					Dimensions: [["stack", "function"]],
					Metrics: present.map(([name]) => ({ Name: name, Unit: units[name] ?? "Count" })),
				},
			],
		},
	};
	return `${JSON.stringify(line)}\n`;
}
