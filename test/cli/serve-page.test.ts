/** `npm run page`: a person's view of the page while working on it. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { LOADER, localFolderForAll, writeSampleFile } from "../support/local";

const MAIN = resolve(__dirname, "../../cli/serve-page.ts");

describe("npm run page", function () {
	this.timeout(60_000);
	const local = localFolderForAll();
	const start = (cwd: string) =>
		spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "-r", LOADER, MAIN], {
			cwd,
			stdio: ["ignore", "pipe", "pipe"],
		});

	it("serves the page of what was loaded last, and ends when it is told to", async () => {
		await local.json("--source", writeSampleFile(local.folder(), 0, 300));
		const server = start(local.folder().path);
		let address: string | undefined;
		for await (const part of server.stdout.setEncoding("utf8")) {
			address = /http:\/\/127\.0\.0\.1:\d+/.exec(part)?.[0];
			if (address) break;
		}
		const page = await (await fetch(address!)).text();
		expect(page).to.include("electric vehicles").and.include("EventSource");
		expect((await fetch(`${address}/other`)).status).to.equal(404);
		server.kill("SIGTERM");
		const [status] = await once(server, "exit");
		expect(status).to.equal(143);
	});

	it("says in one sentence that nothing was loaded yet", async () => {
		const folder = mkdtempSync(join(tmpdir(), "ev-registrations-test-"));
		const server = start(folder);
		const [output, [status]] = await Promise.all([text(server.stdout), once(server, "exit")]);
		expect(output).to.include("There is no database yet; make one with `npm run local`.");
		expect(status).to.equal(1);
		rmSync(folder, { recursive: true });
	});
});
