/**
 * The whole pipeline, in the order in which it is built:
 *
 *     schedule ──▶ workflow ──▶ extract ──▶ load ──▶ export ──▶ report ──▶ done
 *                     │      pages → S3   S3 → PostgreSQL → data files, page → S3
 *                     └─ success, failure ──▶ notify ──▶ SNS
 *     pulumi up ──▶ migrate, before the first load; a replay ──▶ migrate, before and after its loads
 *     Secrets Manager ──▶ rotate, every 30 days
 */

import { readFileSync } from "node:fs";
import { createBastionHost } from "./infra/bastion-host";
import { createBudget } from "./infra/budget";
import { createDatabase } from "./infra/database";
import { createFunctions } from "./infra/functions";
import { runMigrations } from "./infra/migrations";
import { createMonitoring } from "./infra/monitoring";
import { createNetwork } from "./infra/network";
import { createNetworkAccess } from "./infra/network-access";
import { checkNode } from "./infra/node-version";
import { scheduleRotation } from "./infra/rotation";
import { createSchedule } from "./infra/schedule";
import { readSettings } from "./infra/settings";
import { createStorage } from "./infra/storage";
import { createTopic } from "./infra/topic";
import { createWorkflow } from "./infra/workflow";

checkNode();
const settings = readSettings();

// Data and network.
const storage = createStorage(settings);
const { key, bucket, site, secrets } = storage;
const network = createNetwork(settings, key);
const database = createDatabase(settings, network, key);
const networkAccess = createNetworkAccess(settings, network, storage, database);
const bastion = settings.access ? createBastionHost(settings, network, key, database) : undefined;
const topic = createTopic(settings, key);

// Functions, and what must run before them.
const functions = createFunctions({ settings, storage, network, database, topic });
const migrations = runMigrations(functions.migrate, database, secrets, networkAccess);
scheduleRotation(functions.rotate, { database: secrets.database, reader: secrets.reader }, [migrations]);

// Runs, and reports on them.
const workflow = createWorkflow(settings, key, functions, topic, [migrations]);
const beforeFirstRun = [storage.bucketName, ...storage.siteProtections, ...networkAccess];
const { undelivered, startCommand: start } = createSchedule(settings, storage, workflow, migrations, beforeFirstRun);
const monitoring = createMonitoring(settings, topic, { workflow, undelivered, database, bucket, site, functions });

createBudget(settings);

/** The stack's page in Pulumi Cloud, which fills in the outputs. https://www.pulumi.com/docs/pulumi-cloud/projects-and-stacks/#stack-readme */
export const readme = readFileSync("Pulumi.README.md", "utf8");
export const stateMachineArn = workflow.arn;
export const bucketName = bucket.id;
/** Where the page is. */
export const pageUrl = site.pageUrl;
export const databaseEndpoint = database.endpoint;
export const databaseSecretArn = secrets.database.arn;
export const readerSecretArn = secrets.reader.arn;
export const sourceSecretArn = secrets.source.arn;
export const topicArn = topic.arn;
export const dashboardUrl = monitoring.dashboardUrl;
/** Starts a run as the schedule does. */
export const startCommand = start;
/** Forwards local port 5432 to the database, through the bastion host. */
export const tunnelCommand =
	bastion?.tunnelCommand ?? "echo There is no bastion host. Run: pulumi config set access true, then pulumi up";
