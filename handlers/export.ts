/** export: writes what is published as files to take along. */

import { createHash } from "node:crypto";
import type { Client } from "pg";
import type { ExportResult, HandlerContext, PublishEvent } from "./common/contract";
import { connectWithSecret, databaseFailure, disconnect } from "./common/database";
import { requireEnvironment } from "./common/environment";
import { createLog } from "./common/log";
import { hashProgram } from "./common/program";
import { beginReading, identify } from "./common/published";
import { createSecrets } from "./common/secrets";
import { describeFiles } from "./exporting/data-package";
import { CACHE_CONTROL, FOLDER, writeFiles } from "./exporting/files";
import { type Bucket, openBucket } from "./raw/bucket";
import { listDataFiles } from "./reporting/data-files";

/** Written last: it describes files that are there. */
const PACKAGE = `${FOLDER}/datapackage.json`;
/** Modules of the archive that decide what is in the files. */
const MODULES = ["index", "columns", "copy-reader"].map((name) => `handlers/parquet/${name}.js`);
/** Kept back from the function's time for storing the last file and answering. */
const RESERVED_MS = 10_000;

/** Creates the export function. */
export function exportHandler() {
	const secrets = createSecrets();
	const program = hashProgram(...MODULES);
	return async (event: PublishEvent, context: HandlerContext): Promise<ExportResult> => {
		const startedAt = Date.now();
		const log = createLog({ runId: event.runId, function: "export" });
		const bucket = openBucket(requireEnvironment("SITE_BUCKET"));
		const budgetMs = context.getRemainingTimeInMillis() - RESERVED_MS;
		const client = await connectWithSecret(secrets, requireEnvironment("READER_SECRET_ARN"), budgetMs);
		try {
			const exported = await exportPublished(client, bucket, event.dataset, program);
			const seconds = (Date.now() - startedAt) / 1000;
			log.info(exported.made ? "files written" : "files are current", { ...exported, seconds });
			return { ...exported, seconds };
		} catch (error) {
			throw databaseFailure(error, "while reading what is published");
		} finally {
			await disconnect(client);
		}
	};
}

/** Writes the files, unless the stored ones are of what is published and made by the same program; none where nothing is. */
async function exportPublished(client: Client, bucket: Bucket, dataset: string, program: string) {
	const published = await beginReading(client);
	if (!published) return { made: false, files: 0, bytes: 0 };
	const identity = identify(dataset, published, program);
	const stored = await bucket.describe(PACKAGE);
	if (stored?.metadata.identity === identity) return { made: false, ...sumOf(await listDataFiles(bucket)) };
	const files = await writeFiles(client, bucket);
	await client.query("commit");
	const described = Buffer.from(JSON.stringify(describeFiles(files, dataset, published.snapshotAt), null, "\t"));
	await bucket.write(PACKAGE, described, {
		contentType: "application/json",
		sha256: createHash("sha256").update(described).digest("hex"),
		cacheControl: CACHE_CONTROL,
		metadata: { identity },
	});
	return { made: true, ...sumOf(files) };
}

function sumOf(files: { bytes: number }[]) {
	return { files: files.length, bytes: files.reduce((total, { bytes }) => total + bytes, 0) };
}
