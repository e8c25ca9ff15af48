/**
 * The date and the version of a file. A file's date is the one of `--date`, of its name, or of its last modification, in this
 * order; content that had a version before needs no date. Its version is its date, unless the same content had a version before.
 */

/** Where a file's date comes from, for people. */
export type DateOrigin =
	| "dated by its name"
	| "dated by --date"
	| "dated by the file's modification time"
	| "the date that the same content had before";

export interface FileDate {
	/** Unix seconds. */
	seconds: number;
	origin: DateOrigin;
}

/** A version that was given to some content before. */
export interface KnownVersion {
	rowsUpdatedAt: number;
	/** Of the uncompressed content. */
	sha256: string;
}

/** What a date is worked out from. */
export interface DateSources {
	/** The file's path, for messages. */
	path: string;
	name: string;
	/** When the file was last modified, Unix seconds. */
	modifiedAt: number;
	/** The version that the same content has already, Unix seconds. */
	knownVersion?: number | undefined;
	/** What `--date` says: a day, such as 2024-10-12. */
	date?: string | undefined;
	/** Now; the clock's if not given. */
	now?: Date | undefined;
}

/** The dataset is younger; a file that says otherwise has lost its date. */
const FIRST_YEAR = 2000;
const DAY_SECONDS = 24 * 3600;

/** A day as names spell it: 2024-10-12, 2024_10_12, 2024.10.12, 20241012; perhaps with a time right behind it, 20241012093000. */
const DAY = /(?<!\d)(?:((?:19|20)\d\d)([-_.])(\d{1,2})\2(\d{1,2})|((?:19|20)\d\d)(\d\d)(\d\d)(?:\d{6})?)(?!\d)/g;

/** What looks like a date, or a part of one: a year, or six digits and more. */
const DATE_LIKE = /(?<!\d)(?:19|20)\d\d(?!\d)|\d{6,}/;

/**
 * Finds a file's date.
 * @throws one sentence that says what is wrong with the date, and what to do
 */
export function dateOf(sources: DateSources): FileDate {
	const { path, name, modifiedAt, knownVersion, date, now = new Date() } = sources;
	if (date !== undefined) {
		const [day] = daysIn(date);
		if (day?.text !== date.trim()) throw new Error(`--date is a day, such as 2024-10-12, not ${date}.`);
		return { seconds: checkDay(day, `--date ${date}`, "give the day of the download", now), origin: "dated by --date" };
	}
	const days = daysIn(name);
	const seconds = new Set(
		days.map((day) => checkDay(day, `The date ${day.text} in the name of ${path}`, GIVE_DATE, now)),
	);
	if (seconds.size > 1)
		throw new Error(
			`The name of ${path} has several dates, ${days.map(({ text }) => text).join(" and ")}; say which one is right with --date.`,
		);
	const [named] = seconds;
	if (named !== undefined) return { seconds: named, origin: "dated by its name" };
	if (knownVersion !== undefined) return { seconds: knownVersion, origin: "the date that the same content had before" };
	const [like] = DATE_LIKE.exec(name) ?? [];
	if (like !== undefined)
		throw new Error(`The name of ${path} seems to hold a date, but ${like} is no day as 2024-10-12 is; ${GIVE_DATE}.`);
	const modified = Math.floor(modifiedAt);
	const time = `The modification time of ${path}, ${new Date(modified * 1000).toISOString()},`;
	if (modified > now.getTime() / 1000) throw new Error(`${time} lies in the future; ${GIVE_DATE}.`);
	if (new Date(modified * 1000).getUTCFullYear() < FIRST_YEAR)
		throw new Error(`${time} is older than the dataset, and its name has no date; ${GIVE_DATE}.`);
	return { seconds: modified, origin: "dated by the file's modification time" };
}

const GIVE_DATE = "give the snapshot's day with --date, such as --date 2024-10-12";

interface Day {
	text: string;
	year: number;
	month: number;
	day: number;
}

function daysIn(text: string): Day[] {
	return Array.from(text.matchAll(DAY), ([found, y, , m, d, year, month, day]) => ({
		text: found,
		year: Number(y ?? year),
		month: Number(m ?? month),
		day: Number(d ?? day),
	}));
}

/** A day's first second in UTC, Unix seconds. @throws where there is no such day, or it lies ahead */
function checkDay({ year, month, day }: Day, what: string, advice: string, now: Date): number {
	const midnight = Date.UTC(year, month - 1, day);
	const made = new Date(midnight);
	if (made.getUTCMonth() !== month - 1 || made.getUTCDate() !== day)
		throw new Error(`${what} does not exist in the calendar; ${advice}.`);
	if (year < FIRST_YEAR) throw new Error(`${what} is older than the dataset; ${advice}.`);
	// Where a day has begun, it may be in a name, be it yesterday still in UTC.
	const today = Math.max(
		Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()),
		Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()),
	);
	if (midnight > today) throw new Error(`${what} lies in the future; ${advice}.`);
	return midnight / 1000;
}

/** The version that some content has already; the latest, where an older program gave it several. */
export function knownVersion(sha256: string, known: KnownVersion[]): number | undefined {
	const versions = known.filter((version) => version.sha256 === sha256).map(({ rowsUpdatedAt }) => rowsUpdatedAt);
	return versions.length ? Math.max(...versions) : undefined;
}

/**
 * The version of some content: what it had before, whatever its date is now; otherwise its date, or a second more wherever
 * other content has that version.
 * @param seconds the file's date, Unix seconds
 */
export function versionOf(sha256: string, seconds: number, known: KnownVersion[]): number {
	const before = knownVersion(sha256, known);
	if (before !== undefined) return before;
	let version = seconds;
	while (known.some(({ rowsUpdatedAt }) => rowsUpdatedAt === version)) version++;
	return version;
}

/** A version as people read it: the day, and the time of day where it is not midnight. */
export function describeVersion(rowsUpdatedAt: number): string {
	const date = new Date(rowsUpdatedAt * 1000);
	const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
	return rowsUpdatedAt % DAY_SECONDS === 0 ? day : `${day}, ${date.toISOString().slice(11, 19)} UTC`;
}
