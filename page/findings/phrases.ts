/** Phrases that several sections share. */

import type { Text } from "../finding";
import { count, dateBeside, longDate, plural } from "../text";
import type { View } from "../view";

/** "vehicles", "Tesla vehicles" */
export const noun = ({ makeName }: View): string => (makeName ? `${makeName}\u00a0vehicles` : "vehicles");

/** "3 vehicles", "1 Tesla vehicle" */
export const counted = (value: number, { makeName }: View): string =>
	plural(value, makeName ? `${makeName}\u00a0vehicle` : "vehicle");

/** "There are no Tesla vehicles in Garfield County" */
export const none = (view: View): string => `There are no ${noun(view)} in ${view.placeName}`;

/** "none", "12" */
export const orNone = (value: number): string => (value === 0 ? "none" : count(value));

/** "March 15", the first snapshot's date, with the year where the latest is of another. */
export const firstDate = ({ dates }: View): string => dateBeside(dates[0]!, dates.at(-1)!);

/** "October 12, 2024" */
export const latestDate = ({ dates }: View): string => longDate(dates.at(-1)!);

/** "a Tesla", "an Audi" */
export const withArticle = (name: string): string => `${/^[AEIO]/i.test(name) ? "an" : "a"} ${name}`;

/** The measure in bold, then the choice that it is shown for. */
export const captionOf = (measure: string, scope: string, ...rest: Text): Text => [
	{ text: measure, as: "strong" },
	`, ${scope}`,
	...rest,
];

/** A growth rate that is equal, smaller or greater as printed. @returns the growth to a tenth of a percent */
export const asPrinted = (growth: number): number => Math.round(growth * 1000) / 1000;
