/** The case `readers`: the latency of an analyst's queries on an idle server and during a load. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Bed } from "./bed";
import { connectionOf, pipeline } from "./methods";
import { startHelper } from "./process";
import type { ReaderResult, ReaderTask } from "./reader";
import { type BenchRow, type Measurement, type OnMeasured, rowsOf } from "./results";

const NAME = "readers";
const [IDLE, LOADING] = ["p99 while idle", "p99 during a load"];
const IDLE_MS = 1500;

export async function measureReaders(bed: Bed, repeat: number, onMeasured: OnMeasured): Promise<BenchRow[]> {
	const manifestKey = await bed.store({ moment: "october", times: 1 });
	const state = await bed.stateOf({ moment: "august", times: 1 });
	const [idle, loading]: Measurement[][] = [[], []];
	for (let repetition = 0; repetition < repeat; repetition++) {
		const database = await bed.clone(state);
		const reader = startHelper("reader.ts");
		const ask = <T>(task: ReaderTask) => reader.ask<T>(task);
		const during = async (method: string, what: () => Promise<unknown>): Promise<Measurement> => {
			await ask({ do: "begin" });
			await what();
			const { p99 } = await ask<ReaderResult>({ do: "end" });
			// The seconds are those of one query, so there are no rows to divide by.
			const measurement = { rows: 1, seconds: p99, peakRssMb: null };
			onMeasured(NAME, method, measurement);
			return measurement;
		};
		try {
			await ask({ do: "start", connection: connectionOf(database.reader) });
			idle!.push(await during(IDLE!, () => sleep(IDLE_MS)));
			const task = { bed, database, manifestKey, reload: false, file: "" };
			loading!.push(await during(LOADING!, () => pipeline.run(task)));
		} finally {
			reader.stop();
			await bed.drop(database);
		}
	}
	const measured = [
		{ method: IDLE!, measurements: idle! },
		{ method: LOADING!, measurements: loading! },
	];
	const note = "99th percentile of query seconds; the ratio is to idle";
	return rowsOf(NAME, measured, IDLE!).map((row) => ({ ...row, rows: null, note }));
}
