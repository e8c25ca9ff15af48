/** The inputs of the runs: the sample, files or the live source, checked before anything is started. */

import { join } from "node:path";
import { readJson, writeJson } from "../local/common/state";
import { makeSample } from "../local/source/sample";
import {
	createSnapshot,
	DATASET,
	describeOrder,
	type KnownVersion,
	openSnapshots,
	type Snapshot,
} from "../local/source/snapshot";
import type { Options } from "./options";

export interface Input {
	/** Heading of the run's output. */
	title: string;
	/** What to say before anything starts: the order of the files, and what was dropped from them. */
	notes?: string[];
	/** The snapshot that is served instead of the live source. */
	snapshot?: Snapshot;
	/** Whether the live source is used. */
	live?: boolean;
	/** Called before its run: saves the version that a file was assigned, whether or not the run succeeds. */
	begin?(): void;
	/** Called after a successful run. */
	end?(rowsUpdatedAt: number): void;
}

/** The sample is a separate dataset with its own database; files and the live source share one. */
export function datasetOf(options: Options): string {
	return options.sources[0] === "sample" ? "sample" : DATASET;
}

/**
 * Opens every source, in the order in which they are loaded.
 * @param state folder of the dataset's state
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
	const opened = openSnapshots(options.sources, known, options);
	const order = describeOrder(options.sources, opened);
	for (const { version } of opened) remember(version);
	return opened.map(({ snapshot, dated, notes }, index) => ({
		title: `EV registrations from ${snapshot.name} of ${dated}`,
		notes: order !== undefined && index === 0 ? [order, ...notes] : notes,
		snapshot,
		begin: () => writeJson(versions, known),
	}));
}

/** What to tell people of all inputs before anything is started, each a sentence. */
export function notesOf(inputs: Input[]): string[] {
	return inputs.flatMap(({ notes = [] }) => notes);
}

/** The sample's next month; the same month again with --reload or --refetch. */
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
