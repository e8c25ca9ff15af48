/** What the benchmarks load: the real snapshots where they are, made-up months elsewhere, and either ten times over. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { SOURCE_COLUMNS } from "../db/source";
import { splitCsv } from "../handlers/rows/fields";
import { makeSample } from "../local/source/sample";
import { createSnapshot, openSnapshot, type Snapshot } from "../local/source/snapshot";

/** From march to may nearly half of all points are geocoded anew; from august to october is an ordinary month or two. */
export type Moment = "march" | "may" | "august" | "october";

export interface Input {
	moment: Moment;
	/** How often each vehicle is there. */
	times: 1 | 10;
}

export interface Inputs {
	/** For people. */
	title: string;
	/** Reads or makes one. It is large: keep it no longer than need be. */
	open(input: Input): Snapshot;
}

const DATA = resolve(__dirname, "../../shared/data");
const FILES: Record<Moment, string> = {
	march: "ev-population-2024-03-15.csv.gz",
	may: "ev-population-2024-05-21.csv.gz",
	august: "ev-population-2024-08-08.csv.gz",
	october: "ev-population-2024-10-12.csv.gz",
};
/** Months of the sample that are to each other as the real snapshots are. */
const MONTHS: Record<Moment, number> = { march: 2, may: 3, august: 3, october: 4 };
const SAMPLE_VEHICLES = 200_000;

/** @param vehicles of a made-up input, even where the real one is */
export function findInputs(vehicles?: number): Inputs {
	const isReal = vehicles === undefined && Object.values(FILES).every((file) => existsSync(join(DATA, file)));
	const count = vehicles ?? SAMPLE_VEHICLES;
	const open = isReal ? openReal : (moment: Moment) => makeUp(moment, count);
	return {
		title: isReal ? "the real snapshots of 2024" : `a made-up register of ${count.toLocaleString("en-US")} vehicles`,
		open: ({ moment, times }) => (times === 1 ? open(moment) : tenTimes(open(moment))),
	};
}

function openReal(moment: Moment): Snapshot {
	return openSnapshot(join(DATA, FILES[moment]), []).snapshot;
}

function makeUp(moment: Moment, vehicles: number): Snapshot {
	return createSnapshot({ name: moment, dataset: "sample", ...makeSample(MONTHS[moment], vehicles) });
}

/** The whole file ten times over, each time with another last digit in the keys. */
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

/** The rows' keys, in the order of the file, a line each. */
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
