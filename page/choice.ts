/** What a reader has chosen: a county, a make, the measure on the map. It is kept in the page's address. */

import type { Figures } from "./figures";

export const MEASURES = ["growth", "vehicles", "battery", "share"] as const;
export type Measure = (typeof MEASURES)[number];

export interface Choice {
	/** Position in `counties`; undefined: the whole register. */
	county?: number;
	/** Position in `makes`; undefined: all makes. */
	make?: number;
}

export interface State {
	choice: Choice;
	/** Undefined: the make's share where a make is chosen, otherwise growth. */
	measure?: Measure;
}

/** The measure that a state shows. */
export const measureIn = ({ choice, measure }: State): Measure =>
	measure ?? (choice.make === undefined ? "growth" : "share");

/** Reads an address's hash, such as `#county=King&make=TESLA&map=battery`. Unknown values are ignored. */
export function readHash(hash: string, { counties, makes }: Figures): State {
	const values = new URLSearchParams(hash.replace(/^#/, ""));
	const county = counties.findIndex(({ name }) => name === values.get("county"));
	const make = makes.indexOf(values.get("make") ?? "");
	return {
		choice: { county: county === -1 ? undefined : county, make: make === -1 ? undefined : make },
		measure: MEASURES.find((measure) => measure === values.get("map")),
	};
}

/** The hash of a state; "" for the whole register as it is first shown. */
export function writeHash({ choice, measure }: State, { counties, makes }: Figures): string {
	const values = new URLSearchParams();
	if (choice.county !== undefined) values.set("county", counties[choice.county]!.name);
	if (choice.make !== undefined) values.set("make", makes[choice.make]!);
	if (measure !== undefined) values.set("map", measure);
	return values.size ? `#${values}` : "";
}
