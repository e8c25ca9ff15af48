/** The outlines of Washington's counties, out of those of all counties of the United States. */

import { readFileSync } from "node:fs";
import type { GeometryCollection, GeometryObject, Topology } from "topojson-specification";

const FILE = require.resolve("us-atlas/counties-10m.json");
const WASHINGTON = "53";

type Arcs = number | Arcs[];
type Shape = GeometryObject & { id: string; arcs: Arcs[] };

/** @returns a topology of the counties, by their FIPS codes, and of no arc that is not theirs */
export function readOutlines(): { outlines: Topology; files: string[] } {
	const all: Topology = JSON.parse(readFileSync(FILE, "utf8"));
	const counties = all.objects.counties as GeometryCollection;
	const shapes = (counties.geometries as Shape[]).filter(({ id }) => id.startsWith(WASHINGTON));
	const used = [...new Set(shapes.flatMap(({ arcs }) => arcsIn(arcs)))];
	const renumbered = new Map(used.map((arc, index) => [arc, index]));
	const renumber = (arc: Arcs): Arcs =>
		Array.isArray(arc) ? arc.map(renumber) : arc < 0 ? ~renumbered.get(~arc)! : renumbered.get(arc)!;
	const geometries = shapes.map(({ type, id, arcs }) => ({ type, id, arcs: arcs.map(renumber) }));
	return {
		outlines: {
			type: "Topology",
			transform: all.transform,
			objects: { counties: { type: "GeometryCollection", geometries } as GeometryCollection },
			arcs: used.map((arc) => all.arcs[arc]!),
		},
		files: [FILE],
	};
}

/** The arcs of a shape; one that is walked backwards is the complement of its number. */
function arcsIn(arcs: Arcs): number[] {
	return Array.isArray(arcs) ? arcs.flatMap(arcsIn) : [arcs < 0 ? ~arcs : arcs];
}
