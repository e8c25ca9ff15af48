/** From measurements to rows: medians, and how each compares with the floor. */

import type { Ran } from "./process";

export interface Measurement extends Ran {
	rows: number;
	walBytes?: number;
}

/** Called with each measurement, for those who wait. */
export type OnMeasured = (name: string, method: string, measurement: Measurement) => void;

/** A row of the table. Null: not measured. */
export interface BenchRow {
	case: string;
	method: string;
	rows: number | null;
	/** Median. */
	seconds: number | null;
	/** Seconds per row against the floor's. */
	ratioToFloor: number | null;
	/** The most of all repetitions. */
	peakRssMb: number | null;
	/** Write-ahead log, the median. */
	walBytes: number | null;
	/** Why there is nothing, or what a figure means. */
	note?: string;
}

/** What was measured of one method of a case; a sentence where nothing could be. */
export type Measured = { method: string; measurements: Measurement[] } | { method: string; note: string };

/** @param floor the method that the others are compared with */
export function rowsOf(name: string, measured: Measured[], floor: string): BenchRow[] {
	const floorMeasurements = measured.flatMap((one) =>
		one.method === floor && "measurements" in one ? one.measurements : [],
	);
	const secondsPerRow = (measurements: Measurement[]) =>
		median(measurements.map(({ seconds, rows }) => seconds / rows));
	return measured.map((one) => {
		const about = { case: name, method: one.method };
		const nothing = { rows: null, seconds: null, ratioToFloor: null, peakRssMb: null, walBytes: null };
		if ("note" in one) return { ...about, ...nothing, note: one.note };
		const { measurements } = one;
		const [perRow, perRowOfFloor] = [secondsPerRow(measurements), secondsPerRow(floorMeasurements)];
		const peaks = measurements.flatMap(({ peakRssMb }) => peakRssMb ?? []);
		return {
			...about,
			rows: measurements[0]!.rows,
			seconds: rounded(median(measurements.map(({ seconds }) => seconds))),
			ratioToFloor: perRow === null || perRowOfFloor === null ? null : rounded(perRow / perRowOfFloor),
			peakRssMb: peaks.length ? Math.max(...peaks) : null,
			walBytes: median(measurements.flatMap(({ walBytes }) => walBytes ?? [])),
		};
	});
}

function median(values: number[]): number | null {
	if (!values.length) return null;
	const sorted = values.toSorted((a, b) => a - b);
	const middle = sorted.length / 2;
	return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

function rounded(value: number | null): number | null {
	return value === null ? null : Number(value.toPrecision(4));
}
