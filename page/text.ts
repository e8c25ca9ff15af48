/** How the page writes numbers, dates and shares. Spaces that must not break are U+00A0; dates are UTC. */

const NBSP = "\u00a0";
const MINUS = "\u2212";
const number = new Intl.NumberFormat("en-US");
const MONTHS = "January February March April May June July August September October November December".split(" ");
const SMALL = "no one two three four five six seven eight nine ten eleven twelve".split(" ");
const DAY_MS = 24 * 60 * 60 * 1000;
const MONTH_DAYS = 365.25 / 12;

/** "205,439" */
export const count = (value: number): string => number.format(value).replace("-", MINUS);

/** "+1,204", "−3", "0" */
export const signed = (value: number): string => (value > 0 ? `+${count(value)}` : count(value));

/** "44.8%". @param share 0 to 1 */
export const percent = (share: number): string => `${fixed(share * 100)}%`;

/** "+15.5%", "−0.8%", "0.0%" */
export const signedPercent = (share: number): string => `${plus(share * 100)}%`;

/** "+0.3", "−0.8", "0.0": a difference of shares in points. @param difference of shares from 0 to 1 */
export const points = (difference: number): string => plus(difference * 100);

/** "58%". @param share 0 to 1 */
export const wholePercent = (share: number): string => `${Math.round(share * 100)}%`;

const fixed = (value: number): string => {
	const text = Math.abs(value).toFixed(1);
	return value < 0 && text !== "0.0" ? MINUS + text : text;
};
const plus = (value: number): string => (Number(value.toFixed(1)) > 0 ? `+${fixed(value)}` : fixed(value));

/** "one" to "twelve", then figures. */
export const inWords = (value: number): string => SMALL[value] ?? count(value);

/** "1 vehicle", "2 vehicles" */
export const vehicles = (value: number): string => plural(value, "vehicle");

/** "1 car", "2 cars" */
export const plural = (value: number, noun: string): string => `${count(value)}${NBSP}${noun}${value === 1 ? "" : "s"}`;

/** "October 12, 2024" */
export const longDate = (date: Date): string => `${dayDate(date)},${NBSP}${date.getUTCFullYear()}`;

/** "August 8" */
export const dayDate = (date: Date): string => `${MONTHS[date.getUTCMonth()]}${NBSP}${date.getUTCDate()}`;

/** "Mar 15" */
export const shortDate = (date: Date): string =>
	`${MONTHS[date.getUTCMonth()]!.slice(0, 3)}${NBSP}${date.getUTCDate()}`;

/** "August 8", with the year where it is not that of the date it is compared with. */
export const dateBeside = (date: Date, other: Date): string =>
	date.getUTCFullYear() === other.getUTCFullYear() ? dayDate(date) : longDate(date);

/** "March 15" beside "Mar 15, 2023", as `dateBeside`. */
export const shortDateBeside = (date: Date, other: Date): string =>
	date.getUTCFullYear() === other.getUTCFullYear()
		? shortDate(date)
		: `${shortDate(date)},${NBSP}${date.getUTCFullYear()}`;

export const daysBetween = (from: Date, to: Date): number => (to.getTime() - from.getTime()) / DAY_MS;
export const monthsBetween = (from: Date, to: Date): number => daysBetween(from, to) / MONTH_DAYS;

/** "seven months", "three weeks", "two years": a length of time in the unit that suits it. */
export function duration(from: Date, to: Date): string {
	const days = Math.round(daysBetween(from, to));
	const months = Math.round(monthsBetween(from, to));
	if (days < 14) return unit(days, "day");
	if (days < 45) return unit(Math.round(days / 7), "week");
	if (months < 24) return unit(months, "month");
	const years = Math.round((months / 12) * 2) / 2;
	return Number.isInteger(years) ? unit(years, "year") : `${inWords(Math.floor(years))} and a half years`;
}

const unit = (value: number, noun: string) => `${inWords(value)}${NBSP}${noun}${value === 1 ? "" : "s"}`;

/** "Tesla’s", "Mercedes-Benz’s", "Fairfax County’s" */
export const possessive = (name: string): string => `${name}’s`;

/** "1st", "2nd", "13th" */
export function ordinal(value: number): string {
	const ending = value % 100 >= 11 && value % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
	return `${count(value)}${ending}`;
}

/** Common fractions, how near a share must be to be called by their name, in points. */
const FRACTIONS: [share: number, points: number, name: string][] = [
	[3 / 4, 1.2, "three quarters"],
	[2 / 3, 1.2, "two thirds"],
	[1 / 3, 1.2, "a third"],
	[1 / 4, 1.2, "a quarter"],
	[1 / 5, 1.2, "a fifth"],
	[1 / 10, 0.6, "a tenth"],
];
const OF_TEN: Record<string, string> = {
	"three quarters": "three in four",
	"two thirds": "two in three",
	"a third": "one in three",
	"a quarter": "one in four",
	"a fifth": "one in five",
	"a tenth": "one in ten",
};

/** "almost half", "just over half", "about a third"; otherwise "44.8%". @param share 0 to 1 */
export function about(share: number): string {
	const value = share * 100;
	if (value >= 47 && value < 50) return "almost half";
	if (value > 50 && value < 53) return "just over half";
	const name = fractionNear(value);
	return name ? `about ${name}` : value === 50 ? "half" : percent(share);
}

/** "about one in five"; undefined where no common fraction is near. @param share 0 to 1 */
export function aboutOneIn(share: number): string | undefined {
	const name = fractionNear(share * 100);
	return name && `about ${OF_TEN[name]}`;
}

function fractionNear(value: number): string | undefined {
	return FRACTIONS.find(([share, points]) => Math.abs(value - share * 100) <= points)?.[2];
}

/** "Up 15.5%": the first letter as a capital. */
export const sentence = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

/** "a, b and c" */
export const list = (items: string[]): string =>
	items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
