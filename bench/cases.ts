/** The benchmarks' cases: what each loads, into which database, by which methods. */

import type { Bed } from "./bed";
import { measureColdStart } from "./cold-start";
import { measureExtract } from "./extract";
import { measureFigures } from "./figures";
import type { Input, Moment } from "./inputs";
import { drizzle, floor, METHODS, type Method, pipeline, upsert } from "./methods";
import { measurePage } from "./page";
import { isInstalled } from "./process";
import { measureReaders } from "./readers";
import { type BenchRow, type Measured, type OnMeasured, rowsOf } from "./results";
import { measureSite } from "./site";

export interface Case {
	/** The name for `--case`; several cases may share one. */
	name: string;
	repeat: number;
	/** @param methods names of the methods to run, if the case has them; the floor always runs */
	measure(bed: Bed, repeat: number, onMeasured: OnMeasured, methods: string[]): Promise<BenchRow[]>;
}

interface Load {
	title?: string;
	/** What the database holds before; nothing if not given. */
	before?: Input;
	input: Input;
	reload?: boolean;
	methods: Method[];
}

const once = (moment: Moment): Input => ({ moment, times: 1 });
const tenTimes = (moment: Moment): Input => ({ moment, times: 10 });
const ONTO_ROWS = [pipeline, floor, drizzle, upsert];
const OURS = [pipeline, floor];

export const CASES: Case[] = [
	load("first load", 5, { input: once("october"), methods: METHODS }),
	load("reload unchanged", 5, { before: once("october"), input: once("october"), reload: true, methods: ONTO_ROWS }),
	load("month", 5, { before: once("august"), input: once("october"), methods: ONTO_ROWS }),
	load("regeocoded", 5, { before: once("march"), input: once("may"), methods: ONTO_ROWS }),
	load("ten times", 3, { input: tenTimes("october"), methods: OURS }),
	load("ten times", 3, {
		title: "ten times, reload unchanged",
		before: tenTimes("october"),
		input: tenTimes("october"),
		reload: true,
		methods: OURS,
	}),
	load("ten times", 3, {
		title: "ten times, month",
		before: tenTimes("august"),
		input: tenTimes("october"),
		methods: OURS,
	}),
	{ name: "extract", repeat: 5, measure: measureExtract },
	{ name: "figures", repeat: 5, measure: measureFigures },
	{ name: "site", repeat: 3, measure: measureSite },
	{ name: "page", repeat: 5, measure: measurePage },
	{ name: "readers", repeat: 5, measure: measureReaders },
	{ name: "cold start", repeat: 5, measure: measureColdStart },
];

export const CASE_NAMES = [...new Set(CASES.map(({ name }) => name))];

function load(name: string, repeat: number, what: Load): Case {
	return {
		name,
		repeat,
		measure(bed, times, onMeasured, names) {
			const methods = what.methods.filter((method) => method === floor || names.includes(method.name));
			return measureLoad(what.title ?? name, { ...what, methods }, bed, times, onMeasured);
		},
	};
}

/** Measures the methods in turns, so that a slow minute of the machine affects all of them. */
async function measureLoad(
	name: string,
	{ before, input, reload = false, methods }: Load,
	bed: Bed,
	repeat: number,
	onMeasured: OnMeasured,
): Promise<BenchRow[]> {
	const [manifestKey, file] = [await bed.store(input), await bed.typedCsv(input)];
	const [nothing, state] = [await bed.stateOf(undefined), await bed.stateOf(before)];
	const measured = methods.map((method): Measured & { of: Method } => {
		const { name: title, needs } = method;
		if (!needs || isInstalled(needs.command)) return { of: method, method: title, measurements: [] };
		return { of: method, method: title, note: `not installed; ${needs.get}` };
	});
	for (let repetition = 0; repetition < repeat; repetition++)
		for (const one of measured) {
			if ("note" in one) continue;
			const database = await bed.clone(one.of.intoNothing ? nothing : state);
			try {
				const walBefore = await bed.walBytes();
				const ran = await one.of.run({ bed, database, manifestKey, reload, file });
				const measurement = { ...ran, walBytes: (await bed.walBytes()) - walBefore };
				one.measurements.push(measurement);
				onMeasured(name, one.method, measurement);
			} finally {
				await bed.drop(database);
			}
		}
	return rowsOf(name, measured, floor.name);
}
