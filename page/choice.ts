/** What a reader has chosen, and the measure that the map shows. */

export type Measure = "growth" | "vehicles" | "battery" | "share";

export interface Choice {
	/** Position in `counties`; undefined: the whole register. */
	county?: number;
	/** Position in `makes`; undefined: all makes. */
	make?: number;
}
