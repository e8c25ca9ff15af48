/** notify: the one place where a run's message for people is written. */

import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { AWS_CLIENT } from "./common/aws-client";
import type { ExtractResult, LoadResult, NotifyEvent, NotifyResult } from "./common/contract";
import { environment } from "./common/environment";
import { FAILURES } from "./common/failure";
import { createLog } from "./common/log";

export interface NotifySettings {
	/** Publish a message even when the source had nothing new. */
	notifyWhenUnchanged: boolean;
}

export interface Message {
	/** At most 100 characters of ASCII, as SNS demands. */
	subject: string;
	body: string;
}

/** Makes the notify function. */
export function notifyHandler(settings: NotifySettings) {
	const client = new SNSClient(AWS_CLIENT);
	return async (event: NotifyEvent): Promise<NotifyResult> => {
		const log = createLog({ runId: event.runId, function: "notify" });
		const message = writeMessage(event);
		const published = event.load?.status !== "unchanged" || event.error !== undefined || settings.notifyWhenUnchanged;
		if (published) {
			const topic = environment("TOPIC_ARN");
			await client.send(new PublishCommand({ TopicArn: topic, Subject: message.subject, Message: message.body }));
		}
		log.info(published ? "notified" : "nothing to tell", { subject: message.subject });
		return { published, subject: message.subject };
	};
}

/** Writes what people read of a run: what was fetched, what changed and how long it took, or what failed and what to do. */
export function writeMessage(event: NotifyEvent): Message {
	if (event.error) return failedMessage(event, event.error);
	const { extract, load } = event;
	if (load?.status === "loaded") return loadedMessage(event, extract, load);
	return {
		subject: asSubject(`${event.dataset}: nothing new`),
		body: paragraphs(
			[extract ? `The source has not changed since ${dateOf(extract.rowsUpdatedAt)}, which is published already.` : ""],
			whereToLook(event),
		),
	};
}

function loadedMessage(event: NotifyEvent, extract: ExtractResult | null, load: LoadResult): Message {
	const figures = [
		["added", load.added, "never seen before"],
		["returned", load.returned, "seen before, left, and back"],
		["changed", load.changed, ""],
		["re-geocoded", load.regeocoded, "only the point moved"],
		["unchanged", load.unchanged, ""],
		["removed", load.removed, "no longer in the register"],
		["duplicates", load.duplicates, "folded into another row of the same vehicle"],
		["rejected", load.rejected, "set aside in ev.rejected_rows"],
	] as const;
	const lines = figures
		.filter(([name, count]) => count !== 0 || name === "added" || name === "removed")
		.map(([name, count, meaning]) => `  ${number(count).padStart(9)} ${name}${meaning && ` (${meaning})`}`);
	const fetched = extract?.fetched
		? `fetched in ${seconds(extract.seconds)}, ${megabytes(extract.bytes)} compressed`
		: "fetched before";
	return {
		subject: asSubject(`${event.dataset}: ${number(load.added)} added, ${number(load.removed)} removed`),
		body: paragraphs(
			[
				`The snapshot of ${dateOf(load.rowsUpdatedAt)} is published: ${number(load.rows)} rows, ${fetched}, loaded in ${seconds(load.seconds)}.`,
			],
			lines,
			load.notes,
			[...rawData(extract), ...whereToLook(event)],
		),
	};
}

function failedMessage(event: NotifyEvent, error: { Error: string; Cause: string }): Message {
	return {
		subject: asSubject(`${event.dataset}: FAILED, ${error.Error}`),
		body: paragraphs(
			[`${error.Error}: ${messageOf(error.Cause)}`],
			[whatIsPublished(event.load, error.Error), ...rawData(event.extract)],
			whereToLook(event),
		),
	};
}

/** @param load what was loaded before, of several that were to be replayed */
function whatIsPublished(load: LoadResult | null, error: string): string {
	if (mayBePublished(error))
		return "The database still holds the snapshot that was published last, or this one, if the load was cut off at its very end: the latest row of ev.snapshots says which, and the next run goes on from there.";
	if (load)
		return `The database holds the snapshot of ${dateOf(load.rowsUpdatedAt)}, which was loaded before this failed.`;
	return "Nothing was changed in the database: it still holds the snapshot that was published last.";
}

/** Whether an error may have come between a COMMIT and its answer: the database's silence, or an end that no function named. */
const mayBePublished = (name: string) =>
	["DatabaseUnavailable", "OutOfTime"].includes(name) || !(FAILURES as readonly string[]).includes(name);

/** Lambda's cause is JSON around the message; other services give words. */
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
const asSubject = (text: string) => `EV registrations ${text}`.replace(/[^ -~]/g, "?").slice(0, 100);
