/** The page in a real browser, and its figures for the real snapshots. */

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import type { Page } from "playwright-core";
import type { Figures } from "../../page/figures";
import { expectTrueChoices } from "../support/choices";
import { type OpenPage, startBrowser, type TestBrowser } from "../support/chromium";
import { sampleFigures, sampleSnapshots } from "../support/figures";
import { emptyFigures, renderBundled } from "../support/page";
import { rawFigures, readSnapshot } from "../support/raw-figures";
import { REAL_SNAPSHOTS } from "../support/real-snapshots";

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const CHARTS = ["growth", "where", "cars", "risers", "shares", "years", "flows", "ranges"];
const WIDTHS = [360, 1280];

describe("the page of the real snapshots", function () {
	this.timeout(120_000);
	let snapshots: ReturnType<typeof readSnapshot>[];
	before(function () {
		if (!REAL_SNAPSHOTS) return skip(this, "../shared/data does not have the snapshots");
		snapshots = REAL_SNAPSHOTS.map(({ path, at }) => readSnapshot(path, at));
	});

	it("says the truth for all 1,760 pairs of county and make", () => {
		const figures = rawFigures("f6w7-q2d2", snapshots);
		expect(expectTrueChoices(figures)).to.equal(1_760);
		expectTrueChoices(rawFigures("f6w7-q2d2", snapshots.slice(3)));
	});

	it("keeps to its size with four snapshots", () => {
		const page = renderBundled(rawFigures("f6w7-q2d2", snapshots));
		expect(Buffer.byteLength(page)).to.be.below(500_000);
		expect(gzipSync(page, { level: 9 }).length).to.be.below(166_000);
	});
});

describe("the page in a browser", function () {
	this.timeout(120_000);
	let browser: TestBrowser;
	// Rivian comes with the second month, so that a model is on the rise.
	const [first, ...others] = sampleSnapshots(5, 6_000);
	const withoutRivian = { ...first!, text: first!.text.replace(/^.*,RIVIAN,.*\n/gm, "") };
	const real = rawFigures("f6w7-q2d2", [withoutRivian, ...others]);
	/** The states that a page can be in. */
	const states: Record<string, { figures: Figures; hash?: string; hasScripts?: false }> = {
		"several snapshots": { figures: real },
		"a county and a make": { figures: real, hash: "#county=Clark&make=TESLA" },
		"few vehicles": { figures: sampleFigures(3, 40, "f6w7-q2d2"), hash: "#county=Spokane" },
		"one snapshot": { figures: sampleFigures(1, 6_000, "f6w7-q2d2") },
		"made-up data": { figures: sampleFigures(2, 6_000) },
		"nothing published": { figures: emptyFigures() },
		"no JavaScript": { figures: real, hasScripts: false },
	};
	const open = (state: keyof typeof states, options: object = {}) => {
		const { figures, hash, hasScripts = true } = states[state]!;
		const html = renderBundled(figures);
		return browser.open(hasScripts ? html : withoutScripts(html), { hash, ...options });
	};

	before(async function () {
		const found = await startBrowser();
		if (!found) return skip(this, "no Chromium or Chrome is installed");
		browser = found;
	});
	after(() => browser?.close());

	it("draws every chart, without a complaint or a request", async () => {
		await using opened = await open("several snapshots");
		for (const chart of CHARTS) expect(await marks(opened.page, chart), chart).to.be.above(2);
		expect(await opened.page.locator("#where-chart path.county").count()).to.equal(39);
		expect(await opened.page.locator("#shares-chart svg").count()).to.equal(12);
		expect(await opened.page.locator("svg :is([d*=NaN], [x*=NaN], [y*=NaN], [r*=NaN])").count()).to.equal(0);
		expect(opened.complaints).to.deep.equal([]);
	});

	for (const state of Object.keys(states))
		it(`is accessible and fits the width with ${state}`, async () => {
			for (const colorScheme of ["light", "dark"])
				for (const width of WIDTHS) {
					await using opened = await open(state, { colorScheme, viewport: { width, height: 800 } });
					const label = `${state}, ${colorScheme}, ${width} px`;
					expect(await violations(opened.page), label).to.deep.equal([]);
					expect(await opened.page.evaluate("document.documentElement.scrollWidth"), label).to.equal(width);
					expect(opened.complaints, label).to.deep.equal([]);
				}
		});

	it("follows a choice by keyboard alone, and keeps it in the address", async () => {
		await using opened = await open("several snapshots");
		const { page } = opened;
		await page.keyboard.press("Tab");
		await page.keyboard.type("Tesla");
		await page.keyboard.press("Tab");
		await page.keyboard.type("Clark");
		expect(await heading(page, "shares")).to.match(/^Is Tesla losing ground\? Tesla’s share /);
		expect(await page.locator("#status").textContent()).to.match(/^Tesla, Clark County: [\d,]+\svehicles$/);
		expect(new URL(page.url()).hash).to.equal("#county=Clark&make=TESLA");
		await page.keyboard.press("Tab");
		await page.keyboard.press("Enter");
		expect(new URL(page.url()).hash).to.equal("");
		expect(await heading(page, "where")).to.include("King County has ");
	});

	it("shows what a link chose", async () => {
		await using opened = await open("several snapshots", { hash: "#county=Pierce&make=NISSAN&map=battery" });
		const { page } = opened;
		expect(await page.locator("#make option:checked").textContent()).to.equal("Nissan");
		expect(await page.locator("#measures [aria-pressed=true]").textContent()).to.equal("Battery share");
		expect(await heading(page, "cars")).to.include("Nissan Leaf");
		await page.evaluate(`location.hash = "#county=Clark"`);
		await page.waitForFunction(`document.querySelector("#county").selectedOptions[0].textContent === "Clark"`);
		expect(await page.locator("#make option:checked").textContent()).to.equal("All makes");
	});

	it("chooses a county on the map, and gives it up again", async () => {
		await using opened = await open("several snapshots");
		const county = opened.page.locator("#where-chart path[data-county]").nth(0);
		await county.hover({ force: true });
		expect(await opened.page.locator(".map-tip").textContent()).to.include("County");
		await county.click({ force: true });
		expect(new URL(opened.page.url()).hash).to.match(/^#county=/);
		await opened.page.locator("#where-chart path[data-county]").nth(0).click({ force: true });
		expect(new URL(opened.page.url()).hash).to.equal("");
	});

	it("finds, sorts and shows places", async () => {
		await using opened = await open("several snapshots");
		const { page } = opened;
		const names = () => page.locator("#places-table tbody th").allTextContents();
		expect((await names())[0]).to.equal("King");
		await page.locator("[data-sort='0']").click();
		expect((await names())[0]).to.equal("Clark");
		await page.getByRole("button", { name: "Cities" }).click();
		await page.locator("#place-search").fill("oly");
		expect(await names()).to.deep.equal(["Olympia"]);
		await page.locator("#place-search").fill("xyz");
		expect(await page.locator("#places-table").textContent()).to.include("No cities with “xyz”");
	});

	it("gives its figures as CSV", async () => {
		await using opened = await open("several snapshots");
		const { page } = opened;
		const files: Record<string, string[]> = {};
		for (const name of ["counties", "makes", "cells"]) {
			const [download] = await Promise.all([page.waitForEvent("download"), page.locator(`[data-csv=${name}]`).click()]);
			files[name] = readFileSync(await download.path(), "utf8")
				.trim()
				.split("\r\n");
		}
		const latest = real.snapshots.at(-1)!;
		const total = (lines: string[]) =>
			lines.filter((line) => line.startsWith(latest)).reduce((sum, line) => sum + Number(line.split(",").at(-1)), 0);
		const shown = Number((await page.locator(".total").textContent())!.replaceAll(",", ""));
		expect(Object.values(files).map(total)).to.deep.equal([shown, shown, shown]);
	});

	it("prints on white, without controls", async () => {
		await using opened = await open("several snapshots", { colorScheme: "dark" });
		await opened.page.emulateMedia({ media: "print" });
		for (const control of [".bar", "#measures", ".tools", ".buttons"])
			expect(await opened.page.locator(control).isVisible(), control).to.equal(false);
		expect(await opened.page.evaluate("getComputedStyle(document.body).color")).to.equal("rgb(22, 25, 29)");
	});

	it("moves nothing while it is drawn", async () => {
		await using opened = await open("several snapshots", { viewport: { width: 1280, height: 6000 } });
		const shift = `new Promise((done) => new PerformanceObserver((list) =>
			done(list.getEntries().reduce((sum, entry) => sum + entry.value, 0))).observe({ type: "layout-shift", buffered: true }))`;
		const seen = await Promise.race([
			opened.page.evaluate<number>(shift),
			opened.page.waitForTimeout(500).then(() => 0),
		]);
		expect(seen).to.be.below(0.02);
	});

	it("would be seen to have an element without a name", async () => {
		await using opened: OpenPage = await open("several snapshots");
		await opened.page.evaluate(`document.querySelector("#where-chart svg").removeAttribute("aria-label")`);
		expect(await violations(opened.page)).to.deep.equal(["svg-img-alt"]);
	});
});

/** What a browser without JavaScript shows; one that has it can run axe. */
const withoutScripts = (html: string) => html.replace(/<script.*?<\/script>/gs, "").replace(/<\/?noscript>/g, "");

/** How many shapes a chart has. */
const marks = (page: Page, chart: string) => page.locator(`#${chart}-chart svg :is(path, rect, circle, line)`).count();

const heading = async (page: Page, section: string) =>
	(await page.locator(`#${section} h2`).textContent())!.replaceAll("\u00a0", " ").trim();

/** The rules of axe that the page breaks. */
async function violations(page: Page): Promise<string[]> {
	await page.evaluate(AXE);
	return await page.evaluate<string[]>(`axe.run().then(({ violations }) => violations.map(({ id }) => id))`);
}

function skip(context: Mocha.Context, reason: string): never {
	console.log(`      (skipped: ${reason})`);
	return context.skip();
}
