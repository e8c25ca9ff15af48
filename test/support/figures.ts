/** Figures of small registers, written down as the vehicles that they hold. */

import { csvFormat } from "d3-dsv";
import { SOURCE_COLUMNS } from "../../db/source-columns";
import { makeSample } from "../../local/source/sample";
import type { Choice } from "../../page/choice";
import type { Figures } from "../../page/figures";
import { type View, viewOf } from "../../page/view";
import { type RawSnapshot, rawFigures } from "./raw-figures";
import { dayOf, type Row, vehicle } from "./snapshots";

/** Vehicles `from` to `to`, inclusive, with some values of their own. */
export type Fleet = [from: number, to: number, changes?: Row];

/** A snapshot of fleets. @param day after 1 January 2024 */
export function snapshotOf(day: number, ...fleets: Fleet[]): RawSnapshot {
	const rows = fleets.flatMap(([from, to, changes]) =>
		Array.from({ length: to - from + 1 }, (_, index) => vehicle(from + index, changes)),
	);
	const displayed = rows.map((row) =>
		Object.fromEntries(SOURCE_COLUMNS.map(({ field, display }) => [display, row[field] ?? ""])),
	);
	return {
		at: dayOf(day),
		text: csvFormat(
			displayed,
			SOURCE_COLUMNS.map(({ display }) => display),
		),
	};
}

/** What the page shows of snapshots. @param choice by names */
export function viewOfSnapshots(snapshots: RawSnapshot[], choice: { county?: string; make?: string } = {}): View {
	const figures = rawFigures("f6w7-q2d2", snapshots);
	return viewOf(figures, choiceOf(figures, choice));
}

/** @throws if the figures do not have the county or make */
export function choiceOf(figures: Figures, { county, make }: { county?: string; make?: string }): Choice {
	const find = <T>(values: T[], matches: (value: T) => boolean) => {
		const position = values.findIndex(matches);
		if (position === -1) throw new Error("The figures do not have what is chosen.");
		return position;
	};
	return {
		county: county === undefined ? undefined : find(figures.counties, ({ name }) => name === county),
		make: make === undefined ? undefined : find(figures.makes, (name) => name === make),
	};
}

/** The first months of the made-up register. */
export function sampleSnapshots(months: number, vehicles: number): RawSnapshot[] {
	return Array.from({ length: months }, (_, month) => {
		const { content, rowsUpdatedAt } = makeSample(month, vehicles);
		return { at: new Date(rowsUpdatedAt * 1000), text: content.toString() };
	});
}

/** What the page shows of them. */
export function sampleFigures(months: number, vehicles = 2_000, dataset = "sample"): Figures {
	return rawFigures(dataset, sampleSnapshots(months, vehicles));
}
