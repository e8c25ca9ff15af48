/**
 * When EventBridge Scheduler starts something again and again.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */

import { Cron } from "croner";

interface Field {
	least: number;
	most: number;
	/** Of the values, from the least on. */
	names?: string[];
	/** What only this field may hold. */
	special?: (value: (text: string) => boolean, text: string) => boolean;
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const MINUTES: Field = { least: 0, most: 59 };
const HOURS: Field = { least: 0, most: 23 };
/** The last day, or the weekday that is nearest to a day. */
const DAY_OF_MONTH: Field = {
	least: 1,
	most: 31,
	special: (isValue, text) => text === "L" || (text.endsWith("W") && isValue(text.slice(0, -1))),
};
const MONTH: Field = { least: 1, most: 12, names: MONTHS };
/** The last day of the week, the last such day of the month, or the first to fifth. */
const DAY_OF_WEEK: Field = {
	least: 1,
	most: 7,
	names: DAYS,
	special: (isValue, text) =>
		text === "L" ||
		(text.endsWith("L") && isValue(text.slice(0, -1))) ||
		(/#[1-5]$/.test(text) && isValue(text.slice(0, -2))),
};
const YEAR: Field = { least: 1970, most: 2199 };

/** Whether a text is a cron(…) or rate(…) that EventBridge Scheduler takes. */
export function isScheduleExpression(text: string): boolean {
	const { kind, inner } = split(text);
	return kind === "cron" ? isCron(inner) : kind === "rate" ? isRate(inner) : false;
}

/** What stands around the brackets and in them; no kind where it is neither. */
function split(text: string): { kind: string | undefined; inner: string } {
	const [, kind, inner = ""] = /^(cron|rate)\((.*)\)$/.exec(text) ?? [];
	return { kind, inner };
}

/**
 * How many days may pass from one start to the next, after a moment, for a year or longer.
 * @param expression one that Scheduler takes
 * @returns whole days for a cron(…); Infinity where nothing is started any more
 */
export function longestGapDays(expression: string, from = new Date()): number {
	const { kind, inner } = split(expression);
	if (kind === "rate") {
		const [value, unit] = inner.split(" ") as [string, string];
		return Number(value) / PER_DAY[unit.replace(/s$/, "")]!;
	}
	const [, , dayOfMonth, month, dayOfWeek, year] = inner.split(" ") as string[];
	// Croner counts the days of the week from 0, AWS from 1.
	const fromZero = dayOfWeek === "L" ? "SAT" : dayOfWeek!.replace(/(?<![#/\d])\d/g, (day) => String(Number(day) - 1));
	const days = new Cron(`0 0 0 ${dayOfMonth} ${month} ${fromZero} ${year}`, { timezone: "UTC", sloppyRanges: true });
	const starts = days.nextRuns(366, from).map((start) => start.getTime() / DAY_MS);
	if (starts.length < 366) starts.push(Number.POSITIVE_INFINITY);
	const ends = [Math.floor(from.getTime() / DAY_MS), ...starts];
	return Math.max(...starts.map((start, index) => start - ends[index]!));
}

const DAY_MS = 24 * 3600 * 1000;
const PER_DAY: Record<string, number> = { day: 1, hour: 24, minute: 24 * 60 };

function isRate(text: string): boolean {
	const [, value, plural] = /^([1-9]\d{0,4}) (?:minute|hour|day)(s?)$/.exec(text) ?? [];
	return value !== undefined && (value === "1") === (plural === "");
}

/** Six fields, of which one of the two that name days must leave the choice to the other. */
function isCron(text: string): boolean {
	const fields = text.split(" ");
	const [minutes, hours, dayOfMonth, month, dayOfWeek, year] = fields;
	if (fields.length !== 6 || (dayOfMonth === "?") === (dayOfWeek === "?")) return false;
	return (
		isField(MINUTES, minutes!) &&
		isField(HOURS, hours!) &&
		(dayOfMonth === "?" || isField(DAY_OF_MONTH, dayOfMonth!)) &&
		isField(MONTH, month!) &&
		(dayOfWeek === "?" || isField(DAY_OF_WEEK, dayOfWeek!)) &&
		isField(YEAR, year!)
	);
}

/** Values, ranges and steps with commas between them; or one thing that is special to the field. */
function isField(field: Field, text: string): boolean {
	const { least, most, names = [], special } = field;
	const numberOf = (value: string) => {
		const named = names.indexOf(value);
		return named >= 0 ? least + named : /^\d{1,4}$/.test(value) ? Number(value) : Number.NaN;
	};
	const isValue = (value: string) => numberOf(value) >= least && numberOf(value) <= most;
	const isRange = (range: string) => {
		const [from, to, ...more] = range.split("-");
		return (
			more.length === 0 && isValue(from!) && (to === undefined || (isValue(to) && numberOf(from!) <= numberOf(to)))
		);
	};
	const isPart = (part: string) => {
		const [range, step, ...more] = part.split("/");
		const hasStep = step === undefined || (/^[1-9]\d{0,3}$/.test(step) && Number(step) <= most);
		return more.length === 0 && hasStep && (range === "*" || isRange(range!));
	};
	return special?.(isValue, text) || text.split(",").every(isPart);
}
