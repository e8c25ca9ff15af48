/** Turns measurements into rows: medians, and ratios to the floor. */

import type { Ran } from "./process";

export interface Measurement extends Ran {
	rows: number;
	walBytes?: number;
}

/** Called after each measurement, to show progress. */
export type OnMeasured = (name: string, method: string, measurement: Measurement) => void;

/** A row of the table; null means not measured. */
export interface BenchRow {
	case: string;
	method: string;
	rows: number | null;
	/** Median. */
	seconds: number | null;
	/** Seconds per row, divided by the floor's. */
	ratioToFloor: number | null;
	/** Maximum of all repetitions. */
	peakRssMb: number | null;
	/** Bytes of write-ahead log, median. */
	walBytes: number | null;
	/** Why nothing was measured, or what the figures mean. */
	note?: string;
}

/** The measurements of one method, or why there are none. */
export type Measured = { method: string; measurements: Measurement[] } | { method: string; note: string };

/** @param floor name of the method that the others are compared with */
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
