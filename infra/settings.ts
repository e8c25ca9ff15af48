/** Reads and checks the settings of a stack. Pulumi.yaml describes each one and sets its default. */

import * as pulumi from "@pulumi/pulumi";
import type { RawFormat } from "../handlers/common/contract";
import type { SodaVersion } from "../handlers/source/requests";
import { DATABASE_FAMILIES, isDatabaseClass } from "./database-classes";
import { hitsMaintenance, QUIET } from "./database-windows";
import { isScheduleExpression, longestGapDays } from "./schedule-expression";

export interface Settings {
	/** Identifier at the source, such as f6w7-q2d2. */
	dataset: string;
	/** The source's https address, without a path. */
	sourceUrl: string;
	sodaVersion: SodaVersion;
	/** Of the raw data. */
	format: RawFormat;
	/** Rows per request. */
	pageRows: number;
	/** Concurrent requests. */
	fetchConcurrency: number;
	/** An EventBridge Scheduler expression: cron(…) or rate(…). */
	schedule: string;
	/** IANA time zone of the schedule. */
	timeZone: string;
	/** Largest share of a snapshot's rows that load may reject, from 0 to 1. */
	maxRejectedShare: number;
	/** Largest share of the vehicles that one snapshot may remove, from 0 to 1. */
	maxRemovedShare: number;
	maxChangedShare: number;
	/** Whether notify reports runs without changes. */
	notifyWhenUnchanged: boolean;
	/** Whether CloudFront serves the page to everybody. */
	publicPage: boolean;
	/** The page's own domain; undefined for CloudFront's. */
	pageDomain: string | undefined;
	/** ARN of the domain's certificate in us-east-1. */
	pageCertificateArn: string | undefined;
	/** Subscriber to the topic; undefined for none. */
	email: string | undefined;
	/** What the account may cost in a month before people are told, in US dollars; 0 for no budget. */
	monthlyBudgetUsd: number;
	/** Days without a successful run before an alarm; 0 for no alarm. */
	silentDays: number;
	/** Age in days of the published snapshot at which an alarm fires; 0 for no alarm. */
	staleDays: number;
	/** Private IPv4 addresses of the VPC. */
	vpcCidr: string;
	/** Availability zones of the VPC. */
	zones: number;
	natGateways: "none" | "single" | "one-per-zone";
	/** Zones in which the Secrets Manager endpoint has a network interface. */
	endpointZones: number;
	/** Whether to create a bastion host for access to the database. */
	access: boolean;
	/** Concurrent invocations reserved for each function; 0 for no reservation. */
	reservedConcurrency: number;
	/** Major version of PostgreSQL. */
	databaseVersion: "18" | "19";
	/** What the database is restored from: a snapshot, or a database and a time; undefined for none. */
	restoreFrom: string | undefined;
	/** RDS instance class. */
	databaseClass: string;
	databaseStorageGb: number;
	/** Up to which size RDS lets the database's storage grow by itself. */
	databaseMaxStorageGb: number;
	/** Whether RDS runs a standby in another zone. */
	multiAz: boolean;
	/** Whether `pulumi destroy` refuses to delete the database, buckets and key. */
	protect: boolean;
	/** Whether `pulumi destroy` keeps the buckets, the key and a final snapshot of the database. */
	keepData: boolean;
	/** Retention of database backups. */
	backupDays: number;
	/** Name of the IAM policy that is the permissions boundary of every role. */
	permissionsBoundary: string | undefined;
	/** Retention of logs. */
	logDays: number;
}

/** The retention periods that CloudWatch Logs accepts. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
export const LOG_DAYS = [
	1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const DOMAIN = /^$|^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;
/** https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html */
const CERTIFICATE = /^$|^arn:aws:acm:us-east-1:\d{12}:certificate\/[0-9a-f-]{36}$/;
const CERTIFICATE_RULE = "the ARN of a certificate of ACM in us-east-1, where CloudFront looks for it, or empty";

/** A snapshot's name or ARN, or a database and a time in UTC. */
const RESTORABLE =
	/^$|^(arn:aws:rds:[a-z0-9-]+:\d{12}:snapshot:)?[a-zA-Z][a-zA-Z0-9:-]{0,254}$|^[a-z][a-z0-9-]{0,62}@(latest|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/;
const RESTORABLE_RULE =
	"a snapshot's name or ARN, or a database and a time such as ev-registrations-dev@2026-11-20T03:00:00Z or …@latest, or empty";

const BYTE = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const CIDR = new RegExp(`^${BYTE}(\\.${BYTE}){3}/(1[6-9]|20)$`);
/** Private address ranges (RFC 1918). https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html */
const PRIVATE = /^(10|172\.(1[6-9]|2\d|3[01])|192\.168)\./;

/**
 * Reads the stack's settings.
 * @throws RunError, of which Pulumi shows only the message: the setting, its value and the allowed values, on one line
 */
export function readSettings(): Settings {
	const config = new pulumi.Config();
	const { wrong, checked, text, oneOf, number, between, share } = createReaders(config);
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
			"cron(minutes hours day-of-month month day-of-week year) with ? for one of the two days, or rate(number unit)",
		),
		timeZone: checked("timeZone", isTimeZone, "an IANA time zone such as Asia/Tokyo"),
		maxRejectedShare: share("maxRejectedShare"),
		maxRemovedShare: share("maxRemovedShare"),
		maxChangedShare: share("maxChangedShare"),
		notifyWhenUnchanged: config.requireBoolean("notifyWhenUnchanged"),
		publicPage: config.requireBoolean("publicPage"),
		pageDomain: text("pageDomain", DOMAIN, "a domain such as ev.example.org, or empty") || undefined,
		pageCertificateArn: text("pageCertificateArn", CERTIFICATE, CERTIFICATE_RULE) || undefined,
		email: text("email", /^$|^[^@\s]+@[^@\s]+$/, "an e-mail address, or empty") || undefined,
		monthlyBudgetUsd: between("monthlyBudgetUsd", 0, 100_000),
		// CloudWatch evaluates at most seven days. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
		silentDays: between("silentDays", 0, 7),
		staleDays: between("staleDays", 0, 3650),
		vpcCidr: checked("vpcCidr", isNetwork, "a private network such as 10.20.0.0/16, of /16 to /20"),
		zones: between("zones", 2, 3),
		natGateways: oneOf("natGateways", ["none", "single", "one-per-zone"]),
		endpointZones: between("endpointZones", 1, 3),
		access: config.requireBoolean("access"),
		reservedConcurrency: between("reservedConcurrency", 0, 100),
		databaseVersion: oneOf("databaseVersion", ["18", "19"]),
		restoreFrom: text("restoreFrom", RESTORABLE, RESTORABLE_RULE) || undefined,
		databaseClass: checked(
			"databaseClass",
			isDatabaseClass,
			`an instance class such as db.t4g.micro, of the families ${DATABASE_FAMILIES.join(", ")}`,
		),
		// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html
		databaseStorageGb: between("databaseStorageGb", 20, 65_536),
		databaseMaxStorageGb: between("databaseMaxStorageGb", 22, 65_536),
		multiAz: config.requireBoolean("multiAz"),
		protect: config.requireBoolean("protect"),
		keepData: config.requireBoolean("keepData"),
		backupDays: between("backupDays", 1, 35),
		permissionsBoundary:
			text("permissionsBoundary", /^[\w+=,.@-]{0,128}$/, "the name of an IAM policy, or empty") || undefined,
		logDays: number("logDays"),
	};
	if (!LOG_DAYS.includes(settings.logDays)) throw wrong("logDays", `one of ${LOG_DAYS.join(", ")}`);
	rejectUnknownSettings(Object.keys(settings));
	rejectStackName();
	rejectContradictions(settings);
	return settings;
}

/** Functions that read one setting each and throw a RunError if its value is not allowed. */
function createReaders(config: pulumi.Config) {
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
	// Pulumi's requireNumber reads "20abc" as 20.
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
	return { wrong, checked, text, oneOf, number, between, share };
}

/**
 * Rejects names of stacks that are no part of an RDS identifier, which takes them least kindly of all.
 * https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
 */
function rejectStackName(): void {
	const stack = pulumi.getStack();
	if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stack) && stack.length <= MOST_STACK_LETTERS) return;
	throw new pulumi.RunError(
		`The stack's name is ${stack} and must be at most ${MOST_STACK_LETTERS} lower-case letters, digits and single hyphens, since the database's name has it; make one with \`pulumi stack init NAME\`.`,
	);
}
/** EventBridge takes 64 letters for the name of a rule: the project, the stack, the longest name and seven digits. */
export const MOST_STACK_LETTERS = 24;

/** Rejects settings that contradict one another. */
function rejectContradictions(settings: Settings): void {
	const { endpointZones, zones, protect, backupDays, schedule, silentDays } = settings;
	const { publicPage, pageDomain, pageCertificateArn } = settings;
	const contradiction = (problem: string, names: string[]) =>
		new pulumi.RunError(
			`${problem}; change one of them with \`pulumi config set ${names.join(" …` or `pulumi config set ")} …\`.`,
		);
	if (endpointZones > zones)
		throw contradiction(`The setting endpointZones is ${endpointZones}, but the network has only ${zones} zones`, [
			"endpointZones",
			"zones",
		]);
	// Damage may go unnoticed for some days, so protected data needs backups of a week.
	if (protect && backupDays < 7)
		throw contradiction(`The setting protect is true, but backupDays is ${backupDays} and must then be at least 7`, [
			"backupDays",
			"protect",
		]);
	if ((pageDomain === undefined) !== (pageCertificateArn === undefined))
		throw contradiction(
			"Only one of the settings pageDomain and pageCertificateArn is given, and each needs the other",
			["pageDomain", "pageCertificateArn"],
		);
	if (pageDomain !== undefined && !publicPage)
		throw contradiction(
			`The setting pageDomain is ${pageDomain}, but publicPage is false and the page has no address`,
			["publicPage", "pageDomain"],
		);
	const { monthlyBudgetUsd, email } = settings;
	if (monthlyBudgetUsd > 0 && email === undefined)
		throw contradiction(
			`The setting monthlyBudgetUsd is ${monthlyBudgetUsd}, but email is empty and nobody would be told`,
			["email", "monthlyBudgetUsd"],
		);
	const { databaseStorageGb, databaseMaxStorageGb, timeZone } = settings;
	if (10 * databaseMaxStorageGb < 11 * databaseStorageGb)
		throw contradiction(
			`The setting databaseMaxStorageGb is ${databaseMaxStorageGb}, but RDS needs a tenth more than databaseStorageGb, which is ${databaseStorageGb}`,
			["databaseMaxStorageGb", "databaseStorageGb"],
		);
	if (hitsMaintenance(schedule, timeZone))
		throw contradiction(
			`The setting schedule is ${schedule} in ${timeZone}, which starts runs during the database's maintenance, on Sundays from ${QUIET.maintenance.replace(/sun:/g, "").replace("-", " to ")} UTC`,
			["schedule", "timeZone"],
		);
	const gap = silentDays === 0 ? 0 : longestGapDays(schedule);
	const problem = gap === Number.POSITIVE_INFINITY ? "starts no further run" : `leaves ${gap} days between two runs`;
	// A run may end some hours later than the one a week earlier, and CloudWatch evaluates no more than a week.
	if (gap > Math.min(silentDays, 6))
		throw contradiction(
			`The setting silentDays is ${silentDays}, but the schedule ${schedule} ${problem}, so the alarm would fire without a failure; 0 disables the alarm`,
			["silentDays", "schedule"],
		);
}

/** Whether a text is a private network of /16 to /20 whose address is the first one in it. */
function isNetwork(cidr: string): boolean {
	if (!CIDR.test(cidr) || !PRIVATE.test(cidr)) return false;
	const [address, bits] = cidr.split("/") as [string, string];
	const last16 = address.split(".").slice(2).map(Number);
	return (last16[0]! * 256 + last16[1]!) % 2 ** (32 - Number(bits)) === 0;
}

/** Whether a text is an IANA time zone. Node.js also accepts offsets and lower case. */
function isTimeZone(name: string): boolean {
	try {
		new Intl.DateTimeFormat("en", { timeZone: name });
		return /^[A-Z]/.test(name);
	} catch {
		return false;
	}
}

/** Rejects keys that are not settings, such as misspelt ones. */
function rejectUnknownSettings(known: string[]): void {
	const prefix = `${pulumi.getProject()}:`;
	const given = Object.keys(pulumi.runtime.allConfig()).filter((key) => key.startsWith(prefix));
	const unknown = given.map((key) => key.slice(prefix.length)).filter((name) => !known.includes(name));
	if (unknown.length)
		throw new pulumi.RunError(
			`Unknown setting ${unknown.join(", ")}. Remove it with \`pulumi config rm ${unknown[0]}\`. Valid settings: ${known.join(", ")}.`,
		);
}
