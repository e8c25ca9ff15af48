/** The case `extract`: fetches without loading, compared with `curl | gzip` from the same server. */

import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Bed } from "./bed";
import { isInstalled, type Ran, start } from "./process";
import { type BenchRow, type Measured, type Measurement, type OnMeasured, rowsOf } from "./results";

const NAME = "extract";
const FLOOR = "curl | gzip";

export async function measureExtract(bed: Bed, repeat: number, onMeasured: OnMeasured): Promise<BenchRow[]> {
	const { dataset, rows } = bed.publish({ moment: "october", times: 1 });
	const hasFloor = isInstalled("curl") && isInstalled("gzip");
	const [ours, floors]: Measurement[][] = [[], []];
	for (let repetition = 0; repetition < repeat; repetition++) {
		ours!.push({ ...(await extract(bed, dataset)), rows });
		onMeasured(NAME, "pipeline", ours!.at(-1)!);
		if (!hasFloor) continue;
		floors!.push({ ...(await curlAndGzip(bed, dataset, rows)), rows });
		onMeasured(NAME, FLOOR, floors!.at(-1)!);
	}
	const floor: Measured = hasFloor
		? { method: FLOOR, measurements: floors! }
		: { method: FLOOR, note: "not installed; apt-get install curl gzip" };
	return rowsOf(NAME, [{ method: "pipeline", measurements: ours! }, floor], FLOOR);
}

/** Measures extract from its cold start until it has written the manifest. */
async function extract(bed: Bed, dataset: string): Promise<Ran> {
	const startedAt = performance.now();
	await bed.extract(dataset);
	const seconds = (performance.now() - startedAt) / 1000;
	const peakRssMb = bed.deployment.peakRssMb("extract");
	bed.deployment.stopFunctions();
	return { seconds, peakRssMb };
}

/** Fetches all rows with one request into a file. */
async function curlAndGzip(bed: Bed, dataset: string, rows: number): Promise<Ran> {
	const url = `${bed.sourceUrl}/resource/${dataset}.csv?$order=:id&$limit=${rows}`;
	const file = openSync(join(bed.directory, "curl.csv.gz"), "w");
	try {
		const gzip = start("gzip", ["-c"], { stdio: ["pipe", file, "pipe"] });
		const curl = start("curl", ["-sSfg", url], { stdio: ["ignore", gzip.child.stdin, "pipe"] });
		// Only curl may hold the pipe's writing end, so that gzip sees its end.
		gzip.child.stdin!.destroy();
		const [gzipped, fetched] = await Promise.all([gzip.ended, curl.ended]);
		const peaks = [gzipped.peakRssMb, fetched.peakRssMb];
		const peakRssMb = peaks.includes(null) ? null : peaks.reduce<number>((sum, peak) => sum + peak!, 0);
		return { seconds: gzipped.seconds, peakRssMb };
	} finally {
		closeSync(file);
	}
}
