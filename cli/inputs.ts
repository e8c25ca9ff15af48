/** What the runs are to load: the sample, files on disk or the live source, checked before anything is started. */

import { join } from "node:path";
import { readJson, writeJson } from "../local/common/state";
import { makeSample } from "../local/source/sample";
import { createSnapshot, DATASET, type KnownVersion, openSnapshot, type Snapshot } from "../local/source/snapshot";
import type { Options } from "./options";

export interface Input {
	/** For people. */
	title: string;
	/** What is served in the place of the live source. */
	snapshot?: Snapshot;
	/** Whether the live source is asked. */
	live?: boolean;
	/** To be called before its run: remembers which version a file was given, whatever becomes of the run. */
	begin?(): void;
	/** To be called after a run that ended well. */
	end?(rowsUpdatedAt: number): void;
}

/** The sample is a dataset of its own, with a database of its own; files and the live source share theirs. */
export function datasetOf(options: Options): string {
	return options.sources[0] === "sample" ? "sample" : DATASET;
}

/**
 * Opens every source, in the order in which they are loaded.
 * @param state folder of what is remembered of the dataset
 * @throws one sentence that names the file and what is wrong with it
 */
export function openInputs(options: Options, state: string): Input[] {
	if (options.replay) return [{ title: "EV registrations, replayed from raw data" }];
	const [first] = options.sources;
	if (first === "sample") return [openSample(options, join(state, "sample.json"))];
	const versions = join(state, "versions.json");
	const known = (options.fresh ? undefined : readJson<KnownVersion[]>(versions)) ?? [];
	const remember = (version: KnownVersion) => {
		if (known.some(({ sha256, rowsUpdatedAt }) => sha256 === version.sha256 && rowsUpdatedAt === version.rowsUpdatedAt))
			return;
		known.push(version);
	};
	if (first === "live")
		return [
			{
				title: "EV registrations from data.wa.gov",
				live: true,
				end(rowsUpdatedAt) {
					remember({ rowsUpdatedAt, sha256: "" });
					writeJson(versions, known);
				},
			},
		];
	return options.sources.map((path) => {
		const { snapshot, version } = openSnapshot(path, known);
		remember(version);
		return {
			title: `EV registrations from ${snapshot.name}`,
			snapshot,
			begin: () => writeJson(versions, known),
		};
	});
}

/** The sample's next month; with an override that is about the last run, the same one again. */
function openSample(options: Options, file: string): Input {
	const last = options.fresh ? undefined : readJson<{ month: number }>(file)?.month;
	const month = last === undefined ? 0 : options.reload || options.refetch ? last : last + 1;
	const { content, rowsUpdatedAt } = makeSample(month);
	const when = new Date(rowsUpdatedAt * 1000).toLocaleDateString("en", {
		month: "long",
		year: "numeric",
		timeZone: "UTC",
	});
	return {
		title: `EV registrations, a made-up sample: ${when}`,
		snapshot: createSnapshot({ name: "made-up sample", dataset: "sample", rowsUpdatedAt, content }),
		end: () => writeJson(file, { month }),
	};
}
