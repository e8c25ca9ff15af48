/** The benchmarks' inputs: the real snapshots if they are present, generated ones otherwise; either also ten times over. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { SOURCE_COLUMNS } from "../db/source-columns";
import { splitCsv } from "../handlers/rows/csv-fields";
import { makeSample } from "../local/source/sample";
import { createSnapshot, openSnapshot, type Snapshot } from "../local/source/snapshot";

/** From March to May, nearly half of all points change; from August to October, changes are ordinary. */
export type Moment = "march" | "may" | "august" | "october";

export interface Input {
	moment: Moment;
	/** How often each vehicle occurs. */
	times: 1 | 10;
}

export interface Inputs {
	/** Describes the inputs in the output. */
	title: string;
	/** Reads or generates a snapshot. It is large, so do not keep it longer than needed. */
	open(input: Input): Snapshot;
}

const DATA = resolve(__dirname, "../../shared/data");
const FILES: Record<Moment, string> = {
	march: "ev-population-2024-03-15.csv.gz",
	may: "ev-population-2024-05-21.csv.gz",
	august: "ev-population-2024-08-08.csv.gz",
	october: "ev-population-2024-10-12.csv.gz",
};
/** The sample's months that change as the real snapshots do. */
const MONTHS: Record<Moment, number> = { march: 2, may: 3, august: 3, october: 4 };
const SAMPLE_VEHICLES = 200_000;

/** @param vehicles size of a generated input; undefined: the real snapshots if they are present */
export function findInputs(vehicles?: number): Inputs {
	const isReal = vehicles === undefined && Object.values(FILES).every((file) => existsSync(join(DATA, file)));
	const count = vehicles ?? SAMPLE_VEHICLES;
	const open = isReal ? openReal : (moment: Moment) => generate(moment, count);
	return {
		title: isReal ? "the real snapshots of 2024" : `a generated register of ${count.toLocaleString("en-US")} vehicles`,
		open: ({ moment, times }) => (times === 1 ? open(moment) : tenTimes(open(moment))),
	};
}

function openReal(moment: Moment): Snapshot {
	return openSnapshot(join(DATA, FILES[moment]), []).snapshot;
}

function generate(moment: Moment, vehicles: number): Snapshot {
	return createSnapshot({ name: moment, dataset: "sample", ...makeSample(MONTHS[moment], vehicles) });
}

/** Repeats the file ten times, each time with another digit appended to the keys. */
function tenTimes({ name, dataset, rowsUpdatedAt, header, content, offsets }: Snapshot): Snapshot {
	const keyIndex = keyIndexOf(header);
	const upToKey = new RegExp(`^(?:(?:"(?:[^"]|"")*"|[^",]*),){${keyIndex}}"?\\d+`);
	const lines: [string, string][] = [];
	for (let row = 0; row + 1 < offsets.length; row++) {
		const line = content.toString("utf8", offsets[row], offsets[row + 1]).trimEnd();
		const head = upToKey.exec(line)?.[0];
		if (head === undefined) throw new Error(`${name} has a row without a key: ${splitCsv(line)?.join(" | ") ?? line}`);
		lines.push([head, line.slice(head.length)]);
	}
	const parts = [content.subarray(0, offsets[0])];
	for (let digit = 0; digit < 10; digit++)
		parts.push(Buffer.from(lines.map(([head, tail]) => `${head}${digit}${tail}\n`).join("")));
	return createSnapshot({ name, dataset: `${dataset}-tenfold`, rowsUpdatedAt, content: Buffer.concat(parts) });
}

/** The rows' keys in the file's order, one per line. */
export function* keyLines({ header, content, offsets }: Snapshot): Generator<string> {
	const keyIndex = keyIndexOf(header);
	for (let row = 0; row + 1 < offsets.length; row++) {
		const line = content.toString("utf8", offsets[row], offsets[row + 1]).trimEnd();
		yield `${splitCsv(line)![keyIndex]}\n`;
	}
}

function keyIndexOf(header: string[]): number {
	return header.findIndex((name) => {
		const column = SOURCE_COLUMNS.find(({ display, field }) => display === name || field === name);
		return column?.kind === "key";
	});
}
