/** A real Chromium or Chrome, where this machine has one. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { findChromium } from "../../local/machine/chromium";

export interface OpenPage extends AsyncDisposable {
	page: Page;
	/** What the console said, errors of scripts, and addresses that were asked for. */
	complaints: string[];
}

export interface TestBrowser {
	/** Opens a document from a file of its own. @param hash with its "#" */
	open(html: string, options?: BrowserContextOptions & { hash?: string }): Promise<OpenPage>;
	close(): Promise<void>;
}

/** @returns undefined where no Chromium or Chrome is found */
export async function startBrowser(): Promise<TestBrowser | undefined> {
	const found = findChromium();
	if (!found) return undefined;
	const browser = await chromium.launch(found);
	const folder = mkdtempSync(join(tmpdir(), "ev-registrations-page-"));
	let files = 0;
	return {
		async open(html, { hash = "", ...options } = {}) {
			const file = join(folder, `${++files}.html`);
			writeFileSync(file, html);
			return await openFile(browser, pathToFileURL(file).href, hash, options);
		},
		async close() {
			await browser.close();
			rmSync(folder, { recursive: true });
		},
	};
}

async function openFile(
	browser: Browser,
	url: string,
	hash: string,
	options: BrowserContextOptions,
): Promise<OpenPage> {
	const context = await browser.newContext(options);
	const page = await context.newPage();
	const complaints: string[] = [];
	page.on("console", (message) => complaints.push(message.text()));
	page.on("pageerror", (error) => complaints.push(error.message));
	page.on("request", (request) => {
		const asked = request.url();
		if (!asked.startsWith(url) && !asked.startsWith("data:") && !asked.startsWith("blob:")) complaints.push(asked);
	});
	await page.goto(url + hash);
	return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}
