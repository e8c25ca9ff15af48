/** report: makes the page of what is published, and stores it as one file. */

import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { Client } from "pg";
import type { HandlerContext, PublishEvent, ReportResult } from "./common/contract";
import { connectWithSecret, databaseFailure, disconnect, isOutOfTime } from "./common/database";
import { requireEnvironment } from "./common/environment";
import { failure } from "./common/failure";
import { createLog } from "./common/log";
import { hashProgram } from "./common/program";
import { beginReading, identify } from "./common/published";
import { createSecrets } from "./common/secrets";
import { type Bucket, openBucket } from "./raw/bucket";
import { listDataFiles } from "./reporting/data-files";
import { readFigures } from "./reporting/figures";

const PAGE = "site/index.html";
const CONTENT = {
	contentType: "text/html; charset=utf-8",
	/** Nothing tells CloudFront that there is a new page. */
	cacheControl: "public, max-age=300",
};
/** Kept back from the function's time for storing the page and answering. */
const RESERVED_MS = 10_000;

/** The page's module, which the archive holds compiled, with all that it inlines. */
const RENDER = "page/render";
const renderModule = () => require(resolve(RENDER)) as typeof import("../page/render");

/** Creates the report function. */
export function reportHandler() {
	const secrets = createSecrets();
	const program = hashProgram(`${RENDER}.js`);
	return async (event: PublishEvent, context: HandlerContext): Promise<ReportResult> => {
		const startedAt = Date.now();
		const log = createLog({ runId: event.runId, function: "report" });
		const bucket = openBucket(requireEnvironment("SITE_BUCKET"));
		const budgetMs = context.getRemainingTimeInMillis() - RESERVED_MS;
		const client = await connectWithSecret(secrets, requireEnvironment("READER_SECRET_ARN"), budgetMs);
		try {
			const { latest, ...page } = await makePage(client, bucket, event.dataset, program);
			const seconds = (Date.now() - startedAt) / 1000;
			log.info(page.made ? "page made" : "page is current", { bytes: page.bytes, seconds });
			return { ...page, seconds, ...(latest && { snapshotAt: latest.snapshotAt.toISOString() }) };
		} catch (error) {
			throw nameFailure(error);
		} finally {
			await disconnect(client);
		}
	};
}

function nameFailure(error: unknown): Error {
	if (isOutOfTime(error))
		return failure("OutOfTime", "The page's figures took longer to read than the function may run.", error);
	return databaseFailure(error, "while reading the page's figures");
}

/** Makes the page, unless the stored one is of the same figures, files and program. */
async function makePage(client: Client, bucket: Bucket, dataset: string, program: string) {
	const latest = await beginReading(client);
	const files = await listDataFiles(bucket);
	const identity = identify(dataset, latest, files, program);
	const stored = await bucket.describe(PAGE);
	if (stored?.metadata.identity === identity) return { made: false, bytes: stored.bytes, latest };
	const figures = await readFigures(client, dataset);
	await client.query("commit");
	const page = Buffer.from(renderModule().renderPage({ ...figures, files }));
	const sha256 = createHash("sha256").update(page).digest("hex");
	await bucket.write(PAGE, page, { ...CONTENT, sha256, metadata: { identity } });
	return { made: true, bytes: page.length, latest };
}
