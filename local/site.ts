/** A copy of the site's objects on disk, which a browser can open. */

import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { GetObjectCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";

const PREFIX = "site/";

/**
 * Puts a copy in the place of the one before, which stays if something fails.
 * @param environment directs an AWS SDK to the bucket, as its owner
 * @param directory where the page is afterwards, as `index.html`
 */
export async function copySite(environment: Record<string, string>, bucket: string, directory: string): Promise<void> {
	const client = openAsOwner(environment);
	const unfinished = `${directory}.new`;
	rmSync(unfinished, { recursive: true, force: true });
	mkdirSync(unfinished, { recursive: true });
	for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: PREFIX }))
		for (const { Key: key = "" } of Contents) {
			const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
			const file = join(unfinished, key.slice(PREFIX.length));
			mkdirSync(dirname(file), { recursive: true });
			writeFileSync(file, await Body!.transformToByteArray());
		}
	rmSync(directory, { recursive: true, force: true });
	renameSync(unfinished, directory);
	client.destroy();
}

function openAsOwner(environment: Record<string, string>): S3Client {
	return new S3Client({
		endpoint: environment.AWS_ENDPOINT_URL_S3!,
		region: environment.AWS_REGION!,
		credentials: { accessKeyId: environment.AWS_ACCESS_KEY_ID!, secretAccessKey: environment.AWS_SECRET_ACCESS_KEY! },
		forcePathStyle: true,
	});
}
