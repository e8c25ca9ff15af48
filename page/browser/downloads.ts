/** CSV files that are made in the page, of the figures that it has. */

import type { Figures } from "../figures";
import type { View } from "../view";
import { byId } from "./page";

type Row = (string | number)[];

const FILES: Record<string, (figures: Figures) => Row[]> = {
	counties: (figures) => byPlace(figures, "county"),
	makes: (figures) => byPlace(figures, "make"),
	cells,
};

/** @param current what is shown now */
export function offerDownloads(current: () => View): void {
	byId("data-files").addEventListener("click", ({ target }) => {
		const name = (target as HTMLElement).dataset.csv;
		const rowsOf = FILES[name ?? ""];
		if (rowsOf) download(`ev-${name}.csv`, csvOf(rowsOf(current().figures)));
	});
}

/** Vehicles of each county or make at each snapshot. */
function byPlace({ stock, snapshots, counties, makes }: Figures, key: "county" | "make"): Row[] {
	const names = key === "county" ? [...counties.map(({ name }) => name), "(elsewhere)"] : makes;
	const sums = new Map<string, [bev: number, phev: number]>();
	for (const [row, snapshot] of stock.snapshot.entries()) {
		const cell = `${snapshot} ${stock[key][row]}`;
		const [bev, phev] = sums.get(cell) ?? [0, 0];
		sums.set(cell, [bev + stock.bev[row]!, phev + stock.phev[row]!]);
	}
	const rows = [...sums].map(([cell, [bev, phev]]): Row => {
		const [snapshot, place] = cell.split(" ").map(Number) as [number, number];
		return [snapshots[snapshot]!, names[place]!, bev, phev, bev + phev];
	});
	return [["snapshot", key, "battery_electric", "plug_in_hybrid", "vehicles"], ...rows];
}

function cells({ stock, snapshots, counties, makes }: Figures): Row[] {
	const rows = stock.snapshot.flatMap((snapshot, row): Row[] => {
		const place = [snapshots[snapshot]!, counties[stock.county[row]!]?.name ?? "(elsewhere)", makes[stock.make[row]!]!];
		return [
			[...place, "BEV", stock.bev[row]!],
			[...place, "PHEV", stock.phev[row]!],
		].filter((cell) => cell[4] !== 0);
	});
	return [["snapshot", "county", "make", "vehicle_type", "vehicles"], ...rows];
}

/** Comma-separated values as RFC 4180 has them. */
function csvOf(rows: Row[]): string {
	const quoted = (value: string | number) =>
		/[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : value;
	return rows.map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
}

function download(name: string, content: string): void {
	const link = document.createElement("a");
	link.download = name;
	link.href = URL.createObjectURL(new Blob([content], { type: "text/csv" }));
	link.click();
	URL.revokeObjectURL(link.href);
}
