/**
 * The hours, in UTC, in which RDS backs the database up and maintains it: in the afternoon in Tokyo, when no schedule of a night runs.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Maintenance.html
 */

import { startsWithin } from "./schedule-expression";

/** Windows as RDS writes them. They must not overlap. */
export const QUIET = { backup: "04:00-04:30", maintenance: "sun:05:00-sun:06:00" };

/** Minutes after midnight in UTC from which on, and until which, the database may restart. */
const MAINTENANCE = { from: 5 * 60, to: 6 * 60 };
/** A run takes some minutes, and more if the source is slow. */
const RUN_MINUTES = 30;

/** Whether a schedule starts runs that maintenance may interrupt: on Sundays, shortly before the window or in it. */
export function hitsMaintenance(expression: string, timeZone: string): boolean {
	return startsWithin(expression, timeZone, {
		day: 0,
		from: MAINTENANCE.from - RUN_MINUTES,
		to: MAINTENANCE.to,
	});
}
