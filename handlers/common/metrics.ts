/** Metrics, carried by log lines, since the isolated subnets have no way to CloudWatch. */

/** Where CloudWatch keeps them; each has the dimensions `stack` and `function`. */
export const NAMESPACE = "EvRegistrations";

export interface Measured {
	/** The function that measured. */
	function: string;
	stack: string;
	runId: string;
}

/**
 * One line from which CloudWatch Logs takes a metric for each value; null is none.
 *
 * For `process.stdout.write`: what `console.log` prints is nested below `message` by Lambda's JSON log format, and `_aws`
 * counts at the root alone.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metricLine(measured: Measured, values: Record<string, number | null>, at = Date.now()): string {
	const units: Record<string, string> = { seconds: "Seconds", bytes: "Bytes" };
	const counted = Object.entries(values).filter(([, value]) => value !== null);
	const line = {
		timestamp: new Date(at).toISOString(),
		level: "INFO",
		event: "metrics",
		...measured,
		...Object.fromEntries(counted),
		_aws: {
			Timestamp: at,
			CloudWatchMetrics: [
				{
					Namespace: NAMESPACE,
					Dimensions: [["stack", "function"]],
					Metrics: counted.map(([name]) => ({ Name: name, Unit: units[name] ?? "Count" })),
				},
			],
		},
	};
	return `${JSON.stringify(line)}\n`;
}
