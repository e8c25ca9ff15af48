/** export: placeholder until the files are written. */

import type { ExportResult, HandlerContext, PublishEvent } from "./common/contract";
import { connectWithSecret, disconnect } from "./common/database";
import { requireEnvironment } from "./common/environment";
import { createSecrets } from "./common/secrets";
import { openBucket } from "./raw/bucket";

/** Creates the export function. */
export function exportHandler() {
	const secrets = createSecrets();
	return async (_: PublishEvent, context: HandlerContext): Promise<ExportResult> => {
		const bucket = openBucket(requireEnvironment("SITE_BUCKET"));
		await bucket.describe("site/data/datapackage.json");
		const budgetMs = context.getRemainingTimeInMillis();
		await disconnect(await connectWithSecret(secrets, requireEnvironment("READER_SECRET_ARN"), budgetMs));
		return { made: false, files: 0, bytes: 0, seconds: 0 };
	};
}
