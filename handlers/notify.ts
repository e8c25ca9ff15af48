/** notify: publishes the message about a run to the SNS topic. */

import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { AWS_CLIENT } from "./common/aws-client";
import type { CaughtError, ExtractResult, LoadResult, NotifyEvent, NotifyResult } from "./common/contract";
import { requireEnvironment } from "./common/environment";
import { FAILURES } from "./common/failure";
import { createLog } from "./common/log";

export interface NotifySettings {
	/** Whether to publish a message when the source had nothing new. */
	notifyWhenUnchanged: boolean;
}

export interface Message {
	/** At most 100 ASCII characters: SNS rejects others. */
	subject: string;
	body: string;
}

/** Creates the notify function. */
export function notifyHandler(settings: NotifySettings) {
	const client = new SNSClient(AWS_CLIENT);
	return async (event: NotifyEvent): Promise<NotifyResult> => {
		const log = createLog({ runId: event.runId, function: "notify" });
		const message = writeMessage(event, process.env.PAGE_URL);
		const published = hasNews(event) || settings.notifyWhenUnchanged;
		if (published) {
			const topic = requireEnvironment("TOPIC_ARN");
			await client.send(new PublishCommand({ TopicArn: topic, Subject: message.subject, Message: message.body }));
		}
		log.info(published ? "message published" : "no message needed", { subject: message.subject });
		return { published, subject: message.subject };
	};
}

/** Whether something changed or failed. */
function hasNews({ load, error, exportError, reportError }: NotifyEvent): boolean {
	return load?.status !== "unchanged" || [error, exportError, reportError].some((one) => one != null);
}

/**
 * Writes the message about a run: what was fetched, what changed and how long it took; or what failed and what to do.
 * @param pageUrl the page's address, if it is public
 */
export function writeMessage(event: NotifyEvent, pageUrl?: string): Message {
	if (event.error) return failedMessage(event, event.error);
	const { extract, load } = event;
	if (load && event.replay === true) return replayedMessage(event, load, pageUrl);
	if (load?.status === "loaded") return loadedMessage(event, extract, load, pageUrl);
	return {
		subject: asSubject(`${event.dataset}: nothing new${oldPage(event)}`),
		body: paragraphs(
			[
				extract
					? `The source has not changed since ${dateOf(extract.rowsUpdatedAt)}${ageOf(extract.rowsUpdatedAt, event.startedAt)}; that snapshot is already published.`
					: "",
			],
			aboutPage(event, pageUrl),
			whereToLook(event),
		),
	};
}

function loadedMessage(
	event: NotifyEvent,
	extract: ExtractResult | null,
	load: LoadResult,
	pageUrl: string | undefined,
): Message {
	const figures = [
		["added", load.added, "never seen before"],
		["returned", load.returned, "removed earlier, now registered again"],
		["changed", load.changed, ""],
		["re-geocoded", load.regeocoded, "only the coordinates changed"],
		["unchanged", load.unchanged, ""],
		["removed", load.removed, "no longer in the register"],
		["duplicates", load.duplicates, "merged into another row of the same vehicle"],
		["rejected", load.rejected, "stored in ev.rejected_rows"],
	] as const;
	const lines = figures
		.filter(([name, count]) => count !== 0 || name === "added" || name === "removed")
		.map(([name, count, meaning]) => `  ${number(count).padStart(9)} ${name}${meaning && ` (${meaning})`}`);
	const fetched = extract?.fetched
		? `fetched in ${seconds(extract.seconds)}, ${megabytes(extract.bytes)} compressed`
		: "fetched by an earlier run";
	return {
		subject: asSubject(
			`${event.dataset}: ${number(load.added)} added, ${number(load.removed)} removed${oldPage(event)}`,
		),
		body: paragraphs(
			[
				`The snapshot of ${dateOf(load.rowsUpdatedAt)} is published: ${number(load.rows)} rows, ${fetched}, loaded in ${seconds(load.seconds)}.`,
			],
			lines,
			load.notes,
			aboutPage(event, pageUrl),
			[...rawData(extract), ...whereToLook(event)],
		),
	};
}

function replayedMessage(event: NotifyEvent, load: LoadResult, pageUrl: string | undefined): Message {
	return {
		subject: asSubject(`${event.dataset}: replayed${oldPage(event)}`),
		body: paragraphs(
			[
				`What was published has been built again from raw data, up to the snapshot of ${dateOf(load.rowsUpdatedAt)} with ${number(load.rows)} rows.`,
			],
			aboutPage(event, pageUrl),
			whereToLook(event),
		),
	};
}

/** Where the page is, and why it or the files beside it do not show what is published. */
function aboutPage({ exportError, reportError }: NotifyEvent, pageUrl: string | undefined): string[] {
	const old = [
		...(reportError ? [`The page could not be made, so the old one stays. ${describeError(reportError)}`] : []),
		...(exportError
			? [`The data files could not all be written, so some are the old ones. ${describeError(exportError)}`]
			: []),
	];
	return [
		...(pageUrl ? [`The page: ${pageUrl}`] : []),
		...old,
		...(old.length > 0 ? ["The next run tries again, even if the source has nothing new."] : []),
	];
}

/** The same in the subject. */
function oldPage({ exportError, reportError }: NotifyEvent): string {
	if (reportError) return ", but the page is old";
	return exportError ? ", but the data files are old" : "";
}

const describeError = ({ Error: name, Cause: cause }: CaughtError) => `${name}: ${messageOf(cause)}`;

function failedMessage(event: NotifyEvent, error: CaughtError): Message {
	return {
		subject: asSubject(`${event.dataset}: FAILED, ${error.Error}`),
		body: paragraphs(
			[describeError(error)],
			[describeDatabase(event, error.Error), ...rawData(event.extract)],
			whereToLook(event),
		),
	};
}

/** Says which snapshot the database holds. */
function describeDatabase({ replay }: NotifyEvent, error: string): string {
	if (replay === true)
		return mayFollowCommit(error)
			? "The database holds what was published before the replay, or the same data as the replay built it if it was cut off right after its last COMMIT."
			: "The old data is still there: the database holds what was published before the replay.";
	if (mayFollowCommit(error))
		return "The database holds the last published snapshot, or this one if the load was cut off right after its COMMIT. The latest row of ev.snapshots shows which. The next run continues from there.";
	return "Nothing was changed in the database: it still holds the last published snapshot.";
}

/** Whether an error may have occurred after a COMMIT: a lost connection, a timeout, or an error that no function named. */
const mayFollowCommit = (name: string) =>
	["DatabaseUnavailable", "OutOfTime"].includes(name) || !(FAILURES as readonly string[]).includes(name);

/** The message in an error's cause. Lambda puts it into JSON; other services give plain text. */
export function messageOf(cause: string): string {
	try {
		const { errorMessage } = JSON.parse(cause);
		return typeof errorMessage === "string" ? errorMessage : cause;
	} catch {
		return cause;
	}
}

const rawData = (extract: ExtractResult | null) => (extract ? [`Raw data: ${extract.manifestKey}`] : []);
const whereToLook = (event: NotifyEvent) => [`Run ${event.runId}, started ${event.startedAt}`, event.execution];
const paragraphs = (...parts: string[][]) =>
	parts
		.filter((lines) => lines.length > 0)
		.map((lines) => lines.join("\n"))
		.join("\n\n");
const number = (count: number | null) => (count === null ? "?" : count.toLocaleString("en-US"));
const seconds = (value: number) => `${value.toFixed(1)} s`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const dateOf = (unixSeconds: number) =>
	new Date(unixSeconds * 1000)
		.toISOString()
		.replace("T", " ")
		.replace(/(:00)?\.000Z$/, " UTC");
const DAY_MS = 24 * 3600 * 1000;
/** ", 61 days ago"; nothing on the first day. */
function ageOf(unixSeconds: number, at: string): string {
	const days = Math.floor((Date.parse(at) - unixSeconds * 1000) / DAY_MS);
	return days < 1 ? "" : `, ${number(days)} ${days === 1 ? "day" : "days"} ago`;
}
const asSubject = (text: string) => `EV registrations ${text}`.replace(/[^ -~]/g, "?").slice(0, 100);
