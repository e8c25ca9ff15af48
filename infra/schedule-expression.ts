/**
 * The schedules that EventBridge Scheduler accepts, and the days that pass between their starts.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */

import { Cron } from "croner";

const DAY_MS = 24 * 3600 * 1000;
const UNITS_PER_DAY: Record<string, number> = { day: 1, hour: 24, minute: 24 * 60 };

/** A number, or a name in capitals. Croner checks which numbers and names each field may hold. */
const VALUE = "(?:\\d{1,4}|[A-Z]{3})";
const PART = `(?:\\*|${VALUE}(?:-${VALUE})?)(?:/[1-9]\\d*)?`;
/** Values, ranges and steps, separated by commas. */
const LIST = `${PART}(?:,${PART})*`;
/** L is the last day of the month, 15W the weekday nearest to its 15th. */
const DAY_OF_MONTH = `(?:${LIST}|\\?|L|\\d{1,4}W)`;
/** L is Saturday, FRIL the last Friday of the month, FRI#2 its second. */
const DAY_OF_WEEK = `(?:${LIST}|\\?|L|${VALUE}(?:L|#[1-5]))`;
const SIX_FIELDS = new RegExp(`^${LIST} ${LIST} ${DAY_OF_MONTH} ${LIST} ${DAY_OF_WEEK} ${LIST}$`);

/** Whether EventBridge Scheduler accepts a text, as cron(…) or rate(…). */
export function isScheduleExpression(text: string): boolean {
	const { kind, inner } = split(text);
	return kind === "cron" ? isCron(inner) : kind === "rate" && isRate(inner);
}

/**
 * The most days that pass between two starts, or before the first one, in a year or longer.
 * @param expression an accepted cron(…) or rate(…)
 * @param from the moment to count from
 * @returns whole days for a cron(…); Infinity if the schedule ends
 */
export function longestGapDays(expression: string, from = new Date()): number {
	const { kind, inner } = split(expression);
	if (kind === "rate") {
		const [value, unit] = inner.split(" ") as [string, string];
		return Number(value) / UNITS_PER_DAY[unit.replace(/s$/, "")]!;
	}
	const [, , ...days] = inner.split(" ");
	const starts = parseCron(["0", "0", ...days])
		.nextRuns(366, from)
		.map((start) => start.getTime() / DAY_MS);
	if (starts.length < 366) starts.push(Number.POSITIVE_INFINITY);
	const ends = [Math.floor(from.getTime() / DAY_MS), ...starts];
	return Math.max(...starts.map((start, index) => start - ends[index]!));
}

/**
 * Whether a cron(…) starts in a window of a day of the week, in UTC, and not again within some hours: then the next run makes up for
 * one that is interrupted. A rate(…) counts from its creation, so nobody knows when it starts.
 * @param window its day from 0, Sunday, and its minutes after midnight
 */
export function startsWithin(
	expression: string,
	timeZone: string,
	window: { day: number; from: number; to: number },
	from = new Date(),
): boolean {
	const { kind, inner } = split(expression);
	if (kind !== "cron") return false;
	const starts = parseCron(inner.split(" "), timeZone).nextRuns(MOST_STARTS, from);
	return starts.some((start, index) => {
		const next = starts[index + 1];
		if (next && next.getTime() - start.getTime() <= SOON_MS) return false;
		const minutes = start.getUTCHours() * 60 + start.getUTCMinutes();
		return start.getUTCDay() === window.day && minutes >= window.from && minutes < window.to;
	});
}
/** Of a schedule by the hour, more than a month; of one by the night, more than a year. */
const MOST_STARTS = 1000;
const SOON_MS = 6 * 3600 * 1000;

/** Splits an expression at its brackets; kind is undefined if it is neither cron(…) nor rate(…). */
function split(text: string): { kind: string | undefined; inner: string } {
	const [, kind, inner = ""] = /^(cron|rate)\((.*)\)$/.exec(text) ?? [];
	return { kind, inner };
}

function isRate(text: string): boolean {
	const [, value, plural] = /^([1-9]\d{0,4}) (?:minute|hour|day)(s?)$/.exec(text) ?? [];
	return value !== undefined && (value === "1") === (plural === "");
}

/** Whether AWS accepts six fields: one of the two days is `?`, and all values are within the limits of their fields. */
function isCron(text: string): boolean {
	const fields = text.split(" ") as [string, string, string, string, string, string];
	const [minutes, hours, dayOfMonth, , dayOfWeek, year] = fields;
	if (!SIX_FIELDS.test(text) || (dayOfMonth === "?") === (dayOfWeek === "?")) return false;
	// Croner takes 8 for Sunday, a step as long as its field, and the years 1 to 9999.
	if (dayOfWeek.includes("8") || minutes.includes("/60") || hours.includes("/24") || !hasYears(year)) return false;
	try {
		parseCron(fields);
		// Croner does not look at a step's start if no value follows from it, as in 70/5.
		parseCron(fields.map(withoutSteps));
		return true;
	} catch {
		return false;
	}
}

/** Whether all years are from 1970 to 2199, and all steps at most 2199. */
function hasYears(field: string): boolean {
	const numbersOf = (text: string) => (text.match(/\d+/g) ?? []).map(Number);
	return Math.max(...numbersOf(field)) <= 2199 && numbersOf(withoutSteps(field)).every((year) => year >= 1970);
}

function withoutSteps(field: string): string {
	return field.replaceAll(/\/\d+/g, "");
}

/** @throws croner's error if a field holds a value outside its limits */
function parseCron([minutes, hours, dayOfMonth, month, dayOfWeek, year]: string[], timezone = "UTC"): Cron {
	// AWS counts the days of the week from 1, Sunday. Croner does not know L alone in that field.
	const weekday = dayOfWeek === "L" ? "SAT" : dayOfWeek;
	return new Cron(`0 ${minutes} ${hours} ${dayOfMonth} ${month} ${weekday} ${year}`, {
		alternativeWeekdays: true,
		sloppyRanges: true,
		timezone,
	});
}
