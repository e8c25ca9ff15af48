/** `npm run page`: serves the page of the local data, and has browsers reload it when its code changes. */

import { watch } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Client } from "pg";
import { readFigures } from "../handlers/reporting/figures";
import { close, listen } from "../local/common/http-server";
import { lockState } from "../local/common/state";
import { clientConfig, startPostgres } from "../local/machine/postgres";
import { loadPage } from "../page/build/load";
import type { Figures } from "../page/figures";
import { createStarted, runCommand } from "./command";
import { ROOT, readLastUsed } from "./last-used";
import { createTerminal } from "./terminal";

const PAGE = resolve(__dirname, "../page");
const USAGE = `npm run page

  Serves the page of the data that \`npm run local\` loaded last, on this machine only.
  It is made anew, and open browsers show it, whenever a file in page/ changes.
`;
/** Editors save a file in several steps. */
const SETTLE_MS = 100;
const POLICY = /<meta http-equiv="Content-Security-Policy"[^>]*>/;
const RELOAD = `<script>new EventSource("/changes").onmessage = () => location.reload()</script>`;

const started = createStarted();
const terminal = createTerminal(process.stdout);

runCommand(started, {
	parse: (args) => parseArgs({ args, options: { help: { type: "boolean", short: "h", default: false } } }).values,
	usage: USAGE,
	async run() {
		const { dataset } = readLastUsed();
		terminal.title(`The page of ${dataset}; Ctrl-C stops it`);
		const server = servePage(await figuresOf(dataset));
		process.stdout.write(`${await listen(server)}\n`);
		started.defer(() => close(server));
		await new Promise(() => {});
		return 0;
	},
	failed: ({ message }) => terminal.trouble("Failed", message),
});

/** Reads the figures once: a load is not what changes while one works on the page. */
async function figuresOf(dataset: string): Promise<Figures> {
	const lock = lockState(ROOT);
	const postgres = await started.keep(startPostgres(join(ROOT, dataset, "postgres")));
	const client = new Client({ ...clientConfig(postgres, "ev"), options: "-c search_path=ev" });
	await client.connect();
	try {
		return await readFigures(client, dataset);
	} finally {
		await client.end();
		await postgres.stop();
		lock.release();
	}
}

function servePage(figures: Figures): Server {
	const browsers = new Set<ServerResponse>();
	let settled: NodeJS.Timeout | undefined;
	const watcher = watch(PAGE, { recursive: true }, () => {
		clearTimeout(settled);
		settled = setTimeout(() => {
			for (const browser of browsers) browser.write("data: changed\n\n");
		}, SETTLE_MS);
	});
	started.defer(() => watcher.close());
	return createServer((request, response) => {
		if (request.url === "/changes") {
			response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
			browsers.add(response);
			response.once("close", () => browsers.delete(response));
			return;
		}
		const { status, type, body } = request.url === "/" ? page(figures) : NOT_FOUND;
		response.writeHead(status, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" }).end(body);
	});
}

const NOT_FOUND = { status: 404, type: "text/plain", body: "Only the page itself is served here.\n" };

/** The page as its code makes it now; or what is wrong with the code. */
function page(figures: Figures): typeof NOT_FOUND {
	try {
		// Its policy allows no script but its own.
		const body = loadPage()(figures).replace(POLICY, "").replace("</body>", `${RELOAD}</body>`);
		return { status: 200, type: "text/html", body };
	} catch (error) {
		const { message } = error as Error;
		terminal.trouble("Failed", message);
		return { status: 500, type: "text/plain", body: message };
	}
}
