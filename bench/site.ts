/** The case `site`: how long export and report take from their cold start, and how much memory. */

import { randomUUID } from "node:crypto";
import type { Bed } from "./bed";
import { pipeline } from "./methods";
import { type BenchRow, type Measurement, type OnMeasured, rowsOf } from "./results";

const NAME = "site";
const FUNCTIONS = ["export", "report"] as const;

/** Each is made for a database of its own, since what is up to date is not made again. */
export async function measureSite(bed: Bed, repeat: number, onMeasured: OnMeasured): Promise<BenchRow[]> {
	const manifestKey = await bed.store({ moment: "october", times: 1 });
	const state = await bed.stateOf({ moment: "august", times: 1 });
	const measured = FUNCTIONS.map((method) => ({ method, measurements: [] as Measurement[] }));
	for (let repetition = 0; repetition < repeat; repetition++) {
		const database = await bed.clone(state);
		try {
			const { rows } = await pipeline.run({ bed, database, manifestKey, reload: false, file: "" });
			for (const { method, measurements } of measured) {
				const startedAt = performance.now();
				await bed.deployment.invoke(method, { runId: randomUUID(), dataset: "f6w7-q2d2" });
				const seconds = (performance.now() - startedAt) / 1000;
				const measurement = { rows, seconds, peakRssMb: bed.deployment.peakRssMb(method) };
				bed.deployment.stopFunctions();
				measurements.push(measurement);
				onMeasured(NAME, method, measurement);
			}
		} finally {
			await bed.drop(database);
		}
	}
	return rowsOf(NAME, measured, "");
}
