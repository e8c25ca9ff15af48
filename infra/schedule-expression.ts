/**
 * When EventBridge Scheduler starts something again and again.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */

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
	const [, kind, inner = ""] = /^(cron|rate)\((.*)\)$/.exec(text) ?? [];
	return kind === "cron" ? isCron(inner) : kind === "rate" ? isRate(inner) : false;
}

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
