/** Monitoring: notifications of lost runs, alarms and the dashboard. */

import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { createAlarms, type MonitoredResources } from "./alarms";
import { createDashboard } from "./dashboard";
import { notifyOnLostRuns } from "./lost-runs";
import type { Settings } from "./settings";

/** Creates what reports on runs and on the database, besides the function notify. */
export function createMonitoring(
	settings: Settings,
	topic: aws.sns.Topic,
	monitored: MonitoredResources,
): { dashboardUrl: pulumi.Output<string> } {
	notifyOnLostRuns(monitored.workflow, topic);
	const alarms = createAlarms(settings, topic, monitored);
	return createDashboard(monitored, alarms);
}
