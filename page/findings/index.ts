/** All sections' findings for a choice. */

import type { Measure } from "../choice";
import { type Finding, SECTIONS, type SectionId } from "../finding";
import type { View } from "../view";
import { cars } from "./cars";
import { data } from "./data";
import { flows } from "./flows";
import { growth } from "./growth";
import { odd } from "./odd";
import { places } from "./places";
import { ranges } from "./ranges";
import { shares } from "./shares";
import { trust } from "./trust";
import { where } from "./where";
import { years } from "./years";

const FINDERS: Record<SectionId, (view: View, measure: Measure) => Finding> = {
	growth,
	where,
	places,
	cars,
	shares,
	years,
	flows,
	ranges,
	odd,
	trust,
	data,
};

/** The sections that the figures have, in the page's order: one snapshot has no flows. */
export const sectionsOf = ({ dates }: View): SectionId[] => SECTIONS.filter((id) => id !== "flows" || dates.length > 1);

/** The finding of each section that the figures have. @param measure what the map shows */
export function findingsOf(view: View, measure: Measure): [SectionId, Finding][] {
	return sectionsOf(view).map((id) => [id, FINDERS[id](view, measure)]);
}

/** The contents: eight sections, each a question and its answer in a few words. */
export function glanceOf(findings: [SectionId, Finding][]): [SectionId, Finding][] {
	const hasFlows = findings.some(([id]) => id === "flows");
	const shown: SectionId[] = [
		"where",
		"places",
		"cars",
		"shares",
		"years",
		hasFlows ? "flows" : "odd",
		"ranges",
		"data",
	];
	return findings.filter(([id]) => shown.includes(id));
}
