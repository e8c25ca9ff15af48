/** Every setting of a stack, read once and checked here; Pulumi.yaml describes each and gives its default. */

import * as pulumi from "@pulumi/pulumi";
import type { RawFormat } from "../handlers/common/contract";
import type { SodaVersion } from "../handlers/source/requests";
import { DATABASE_FAMILIES, isDatabaseClass } from "./database-classes";
import { isScheduleExpression, longestGapDays } from "./schedule-expression";

export interface Settings {
	dataset: string;
	sourceUrl: string;
	sodaVersion: SodaVersion;
	format: RawFormat;
	pageRows: number;
	fetchConcurrency: number;
	schedule: string;
	timeZone: string;
	maxRejectedShare: number;
	maxRemovedShare: number;
	notifyWhenUnchanged: boolean;
	/** Undefined: nobody. */
	email: string | undefined;
	/** Days without a successful run before an alarm; 0: no such alarm. */
	silentDays: number;
	vpcCidr: string;
	zones: number;
	natGateways: "none" | "single" | "one-per-zone";
	/** Zones in which the Secrets Manager endpoint can be reached. */
	endpointZones: number;
	/** Whether there is a host through which people reach the database. */
	access: boolean;
	/** Of each function; 0 reserves none. */
	reservedConcurrency: number;
	databaseClass: string;
	databaseStorageGb: number;
	multiAz: boolean;
	/** Whether `pulumi destroy` is refused. */
	protect: boolean;
	/** Whether a destroy leaves bucket, key and a last snapshot of the database behind. */
	keepData: boolean;
	backupDays: number;
	logDays: number;
}

/** CloudWatch takes no other numbers. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
export const LOG_DAYS = [
	1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const BYTE = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const CIDR = new RegExp(`^${BYTE}(\\.${BYTE}){3}/(1[6-9]|20)$`);
/** Of addresses that are nobody's on the internet. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html */
const PRIVATE = /^(10|172\.(1[6-9]|2\d|3[01])|192\.168)\./;

/**
 * Reads the stack's settings.
 * @throws one sentence that names the setting, what it is, and what is allowed; of a RunError, Pulumi shows nothing else
 */
export function readSettings(): Settings {
	const config = new pulumi.Config();
	const wrong = (name: string, allowed: string) =>
		new pulumi.RunError(
			`The setting ${name} is ${JSON.stringify(config.get(name))} and must be ${allowed}; correct it with \`pulumi config set ${name} …\`.`,
		);
	const checked = (name: string, isAllowed: (value: string) => boolean, allowed: string) => {
		const value = config.require(name);
		if (!isAllowed(value)) throw wrong(name, allowed);
		return value;
	};
	const text = (name: string, pattern: RegExp, allowed: string) =>
		checked(name, (value) => pattern.test(value), allowed);
	const oneOf = <T extends string>(name: string, values: readonly T[]) => {
		const value = config.require(name);
		if (!(values as readonly string[]).includes(value)) throw wrong(name, `one of ${values.join(", ")}`);
		return value as T;
	};
	// Pulumi's own requireNumber takes "20abc" for 20.
	const number = (name: string) => {
		const value = config.require(name);
		return /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
	};
	const between = (name: string, least: number, most: number) => {
		const value = number(name);
		if (!Number.isInteger(value) || value < least || value > most)
			throw wrong(name, `a whole number from ${least} to ${most}`);
		return value;
	};
	const share = (name: string) => {
		const value = number(name);
		if (!(value >= 0 && value <= 1)) throw wrong(name, "a share from 0 to 1");
		return value;
	};

	const settings: Settings = {
		dataset: text("dataset", /^[a-z0-9]{4}-[a-z0-9]{4}$/, "a dataset's identifier such as f6w7-q2d2"),
		sourceUrl: text("sourceUrl", /^https:\/\/[^/?#\s]+$/, "an https address without a path"),
		sodaVersion: oneOf("sodaVersion", ["2.1", "3"]),
		format: oneOf("format", ["csv", "json"]),
		pageRows: between("pageRows", 1000, 50_000),
		fetchConcurrency: between("fetchConcurrency", 1, 16),
		schedule: checked(
			"schedule",
			isScheduleExpression,
			"cron(minutes hours day-of-month month day-of-week year), one of the two days being ?, or rate(number unit)",
		),
		timeZone: checked("timeZone", isTimeZone, "an IANA time zone such as Asia/Tokyo"),
		maxRejectedShare: share("maxRejectedShare"),
		maxRemovedShare: share("maxRemovedShare"),
		notifyWhenUnchanged: config.requireBoolean("notifyWhenUnchanged"),
		email: text("email", /^$|^[^@\s]+@[^@\s]+$/, "an e-mail address, or empty") || undefined,
		// CloudWatch looks back seven days at most. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
		silentDays: between("silentDays", 0, 7),
		vpcCidr: checked("vpcCidr", isNetwork, "a private network such as 10.20.0.0/16, of /16 to /20"),
		zones: between("zones", 2, 3),
		natGateways: oneOf("natGateways", ["none", "single", "one-per-zone"]),
		endpointZones: between("endpointZones", 1, 3),
		access: config.requireBoolean("access"),
		reservedConcurrency: between("reservedConcurrency", 0, 100),
		databaseClass: checked(
			"databaseClass",
			isDatabaseClass,
			`an instance class such as db.t4g.micro, of the families ${DATABASE_FAMILIES.join(", ")}`,
		),
		databaseStorageGb: between("databaseStorageGb", 20, 1000),
		multiAz: config.requireBoolean("multiAz"),
		protect: config.requireBoolean("protect"),
		keepData: config.requireBoolean("keepData"),
		backupDays: between("backupDays", 1, 35),
		logDays: number("logDays"),
	};
	if (!LOG_DAYS.includes(settings.logDays)) throw wrong("logDays", `one of ${LOG_DAYS.join(", ")}`);
	refuseUnknown(Object.keys(settings));
	refuseContradictions(settings);
	return settings;
}

/** Settings that are each allowed, and at odds with one another. */
function refuseContradictions(settings: Settings): void {
	const { endpointZones, zones, protect, backupDays, schedule, silentDays } = settings;
	const atOdds = (what: string, names: string[]) =>
		new pulumi.RunError(
			`${what}; change one of them with \`pulumi config set ${names.join(" …` or `pulumi config set ")} …\`.`,
		);
	if (endpointZones > zones)
		throw atOdds(`The setting endpointZones is ${endpointZones}, and the network has no more than ${zones} zones`, [
			"endpointZones",
			"zones",
		]);
	// What is worth protecting is worth a week in which to notice that it was damaged.
	if (protect && backupDays < 7)
		throw atOdds(`The setting protect is true, and backupDays ${backupDays} keeps less than 7 days of backups`, [
			"backupDays",
			"protect",
		]);
	const gap = silentDays === 0 ? 0 : longestGapDays(schedule);
	const what = gap === Number.POSITIVE_INFINITY ? "starts no run any more" : `lets ${gap} days pass between two runs`;
	// A run may end some hours later than the one a week before it, and CloudWatch looks back no further than that week.
	if (gap > Math.min(silentDays, 6))
		throw atOdds(
			`The setting silentDays is ${silentDays}, and the schedule ${schedule} ${what}, so that the alarm would ring for nothing; with silentDays 0 there is none`,
			["silentDays", "schedule"],
		);
}

/** A block of private addresses that begins with its own first one. */
function isNetwork(cidr: string): boolean {
	if (!CIDR.test(cidr) || !PRIVATE.test(cidr)) return false;
	const [address, bits] = cidr.split("/") as [string, string];
	const last16 = address.split(".").slice(2).map(Number);
	return (last16[0]! * 256 + last16[1]!) % 2 ** (32 - Number(bits)) === 0;
}

/** Node takes offsets and small letters as well, which are no IANA names. */
function isTimeZone(name: string): boolean {
	try {
		new Intl.DateTimeFormat("en", { timeZone: name });
		return /^[A-Z]/.test(name);
	} catch {
		return false;
	}
}

/** A key that nobody reads is a setting misspelt. */
function refuseUnknown(known: string[]): void {
	const prefix = `${pulumi.getProject()}:`;
	const given = Object.keys(pulumi.runtime.allConfig()).filter((key) => key.startsWith(prefix));
	const unknown = given.map((key) => key.slice(prefix.length)).filter((name) => !known.includes(name));
	if (unknown.length)
		throw new pulumi.RunError(
			`There is no setting ${unknown.join(", ")}; remove it with \`pulumi config rm ${unknown[0]}\`, or set one of ${known.join(", ")}.`,
		);
}
