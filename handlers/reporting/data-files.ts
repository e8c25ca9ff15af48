/** The files to take along that export has stored, as their data package lists them. */

import type { DataFile } from "../../page/figures";
import { failure } from "../common/failure";
import type { Bucket } from "../raw/bucket";

const FOLDER = "data";
/** Written last, so that it lists files that are there. */
const PACKAGE = `site/${FOLDER}/datapackage.json`;

/** The part of a Frictionless data package that the page shows. https://datapackage.org/standard/data-package/ */
interface DataPackage {
	/** The snapshot that the files were made from, ISO 8601 in UTC. */
	snapshot: string;
	resources: { path: string; title: string; bytes: number }[];
}

/** Lists the stored files; none where export has not stored any yet. @throws StorageUnavailable */
export async function listDataFiles(bucket: Bucket): Promise<DataFile[]> {
	const stored = await bucket.read(PACKAGE);
	if (!stored) return [];
	const { snapshot, resources } = parse(stored);
	return resources.map(({ path, title, bytes }) => ({ path: `${FOLDER}/${path}`, title, bytes, snapshot }));
}

function parse(stored: Buffer): DataPackage {
	try {
		return JSON.parse(stored.toString());
	} catch (error) {
		throw failure("StorageUnavailable", `${PACKAGE} is not JSON; remove it, and the next run writes it anew.`, error);
	}
}
