/** Monitoring: notifications of lost runs, alarms and their ends, and the dashboard. */

import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { createAlarms, type MonitoredResources } from "./alarms";
import { createDashboard } from "./dashboard";
import { notifyOnEndedAlarms } from "./ended-alarms";
import { notifyOnLostRuns } from "./lost-runs";
import type { Settings } from "./settings";

/** Creates what reports on runs and on the database, besides the function notify. */
export function createMonitoring(
	settings: Settings,
	topic: aws.sns.Topic,
	monitored: MonitoredResources,
): { dashboardUrl: pulumi.Output<string> } {
	notifyOnLostRuns(monitored.workflow, topic, monitored.undelivered);
	const alarms = createAlarms(settings, topic, monitored);
	notifyOnEndedAlarms(alarms, topic);
	return createDashboard(monitored, alarms);
}
