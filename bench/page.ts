/** The case `page`: how long a browser takes to draw the page, and to draw it again for another choice. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Client } from "pg";
import { type Browser, chromium } from "playwright-core";
import { readFigures } from "../handlers/reporting/figures";
import { findChromium } from "../local/machine/chromium";
import { clientConfig } from "../local/machine/postgres";
import { loadPage } from "../page/build/load";
import type { Bed } from "./bed";
import { pipeline } from "./methods";
import { type BenchRow, type Measurement, type OnMeasured, rowsOf } from "./results";

const NAME = "page";
const [FIRST, CHOICE] = ["first drawing", "a choice"];
/** Chooses the next make as a reader does, and waits until it is painted. */
const CHOOSE = `new Promise((done) => {
	const makes = document.querySelector("#make");
	const startedAt = performance.now();
	makes.selectedIndex = (makes.selectedIndex + 1) % makes.length;
	makes.dispatchEvent(new Event("change", { bubbles: true }));
	requestAnimationFrame(() => setTimeout(() => done((performance.now() - startedAt) / 1000)));
})`;

export async function measurePage(bed: Bed, repeat: number, onMeasured: OnMeasured): Promise<BenchRow[]> {
	const found = findChromium();
	if (!found) return rowsOf(NAME, [{ method: FIRST!, note: "not measured; no Chromium or Chrome was found" }], "");
	const file = join(bed.directory, "page.html");
	writeFileSync(file, await renderPage(bed));
	const browser = await chromium.launch(found);
	const [first, choice]: Measurement[][] = [[], []];
	try {
		for (let repetition = 0; repetition < repeat; repetition++) {
			const times = await open(browser, pathToFileURL(file).href);
			for (const [method, measurements, seconds] of [
				[FIRST!, first!, times.first],
				[CHOICE!, choice!, times.choice],
			] as const) {
				const measurement = { rows: 1, seconds, peakRssMb: null };
				measurements.push(measurement);
				onMeasured(NAME, method, measurement);
			}
		}
	} finally {
		await browser.close();
	}
	const measured = [
		{ method: FIRST!, measurements: first! },
		{ method: CHOICE!, measurements: choice! },
	];
	return rowsOf(NAME, measured, "").map((row) => ({ ...row, rows: null }));
}

/** The page of two snapshots. */
async function renderPage(bed: Bed): Promise<string> {
	const manifestKey = await bed.store({ moment: "october", times: 1 });
	const database = await bed.clone(await bed.stateOf({ moment: "august", times: 1 }));
	const client = new Client({ ...clientConfig(bed.postgres, database.name), options: "-c search_path=ev" });
	try {
		await pipeline.run({ bed, database, manifestKey, reload: false, file: "" });
		await client.connect();
		return loadPage()(await readFigures(client, "f6w7-q2d2"));
	} finally {
		await client.end();
		await bed.drop(database);
	}
}

/** Seconds until everything is drawn, and of a choice. */
async function open(browser: Browser, url: string): Promise<{ first: number; choice: number }> {
	const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
	try {
		await page.goto(url);
		const first = await page.evaluate<number>(`performance.getEntriesByName("drawn")[0].startTime / 1000`);
		return { first, choice: await page.evaluate<number>(CHOOSE) };
	} finally {
		await page.close();
	}
}
