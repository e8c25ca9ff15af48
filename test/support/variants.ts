/**
 * The program with other settings: each setting has two or three values, and every pair of two settings' values occurs.
 * It is evaluated without the functions' code, which takes half a second instead of five.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { evaluate } from "../../local/program/evaluate";
import { loadRecord, PROJECT_ROOT, type ProgramRecord, type RecordOptions } from "../../local/program/record";

export type Variant = Required<Pick<RecordOptions, "stack" | "settings">>;

type Choice = Partial<Variant>;

/** Settings that need one another are one choice. The last of each adds most resources, or is the largest. */
export const CHOICES: Choice[][] = [
	[{ stack: "dev" }, { stack: "prod" }],
	...settings({ access: ["false", "true"] }),
	[
		{ settings: { publicPage: "false", pageDomain: "", pageCertificateArn: "" } },
		{ settings: { publicPage: "true", pageDomain: "", pageCertificateArn: "" } },
		{
			settings: {
				publicPage: "true",
				pageDomain: "ev.example.org",
				pageCertificateArn: "arn:aws:acm:us-east-1:000000000000:certificate/01234567-89ab-cdef-0123-456789abcdef",
			},
		},
	],
	...settings({
		natGateways: ["single", "none", "one-per-zone"],
		silentDays: ["2", "0", "7"],
		staleDays: ["60", "0", "3650"],
	}),
	[{ settings: { zones: "2", endpointZones: "1" } }, { settings: { zones: "3", endpointZones: "3" } }],
	[
		{ settings: { email: "", monthlyBudgetUsd: "0" } },
		{ settings: { email: "someone@example.org", monthlyBudgetUsd: "0" } },
		{ settings: { email: "someone@example.org", monthlyBudgetUsd: "100000" } },
	],
	...settings({ vpcCidr: ["10.20.0.0/16", "192.168.16.0/20"], databaseClass: ["db.m8g.large", "db.t4g.micro"] }),
	[
		{ settings: { databaseStorageGb: "20", databaseMaxStorageGb: "100" } },
		{ settings: { databaseStorageGb: "400", databaseMaxStorageGb: "65536" } },
	],
	...settings({ multiAz: ["false", "true"], keepData: ["false", "true"] }),
	[{ settings: { protect: "false", backupDays: "1" } }, { settings: { protect: "true", backupDays: "35" } }],
	...settings({
		logDays: ["14", "3653"],
		databaseVersion: ["18", "19"],
		restoreFrom: ["", "ev-registrations-dev@latest", "ev-registrations-dev-before-19"],
		reservedConcurrency: ["0", "100"],
		dataset: ["f6w7-q2d2", "zzzz-9999"],
		sourceUrl: ["https://data.wa.gov", "https://data.example.org:8443"],
		sodaVersion: ["2.1", "3"],
		format: ["csv", "json"],
		pageRows: ["10000", "50000"],
		fetchConcurrency: ["4", "16"],
	}),
	[
		{ settings: { schedule: "cron(30 3 * * ? *)", timeZone: "Asia/Tokyo" } },
		{ settings: { schedule: "rate(12 hours)", timeZone: "America/Argentina/ComodRivadavia" } },
	],
	...settings({
		maxRejectedShare: ["0.01", "1"],
		maxChangedShare: ["0.2", "1"],
		maxRemovedShare: ["0.2", "0"],
		notifyWhenUnchanged: ["false", "true"],
		permissionsBoundary: ["", "ev-registrations-boundary"],
	}),
];

/** The stacks as they are, both with everything on, and few others in which every pair of choices occurs. */
export const VARIANTS: Variant[] = [
	{ stack: "dev", settings: {} },
	{ stack: "prod", settings: {} },
	{ ...variantOf(CHOICES.map((choices) => choices.length - 1)), stack: "dev" },
	{ ...variantOf(CHOICES.map((choices) => choices.length - 1)), stack: "prod" },
	...inPairs(CHOICES.map(({ length }) => length)).map(variantOf),
];

/** @param row the number of one choice from each line */
function variantOf(row: number[]): Variant {
	const chosen: Choice[] = row.map((choice, line) => CHOICES[line]![choice]!);
	const { stack } = Object.assign({}, ...chosen) as Variant;
	return { stack, settings: Object.assign({}, ...chosen.map((choice) => choice.settings)) };
}

function settings(values: Record<string, string[]>): Choice[][] {
	return Object.entries(values).map(([name, list]) => list.map((value) => ({ settings: { [name]: value } })));
}

/**
 * Rows of one choice from each line, such that every two choices from different lines are in a row together.
 * Each row starts with a pair that is still missing, and takes from each further line what adds most pairs.
 * @param lengths how many choices each line has
 */
function inPairs(lengths: number[]): number[][] {
	const keyOf = (line: number, choice: number, other: number, otherChoice: number) =>
		line < other ? `${line}.${choice} ${other}.${otherChoice}` : `${other}.${otherChoice} ${line}.${choice}`;
	const missing = new Set<string>();
	for (const [line, length] of lengths.entries())
		for (let other = line + 1; other < lengths.length; other++)
			for (let choice = 0; choice < length; choice++)
				for (let otherChoice = 0; otherChoice < lengths[other]!; otherChoice++)
					missing.add(keyOf(line, choice, other, otherChoice));
	const rows: number[][] = [];
	for (const first of missing) {
		const row: number[] = [];
		for (const place of first.split(" ")) {
			const [line, choice] = place.split(".").map(Number) as [number, number];
			row[line] = choice;
		}
		const addedBy = (line: number, choice: number) =>
			row.filter((otherChoice, other) => missing.has(keyOf(line, choice, other, otherChoice))).length;
		for (const [line, length] of lengths.entries()) {
			const choices = Array.from({ length }, (_, choice) => choice);
			row[line] ??= choices.reduce((best, next) => (addedBy(line, next) > addedBy(line, best) ? next : best));
		}
		for (const [line, choice] of row.entries())
			for (let other = line + 1; other < row.length; other++) missing.delete(keyOf(line, choice, other, row[other]!));
		rows.push(row);
	}
	return rows;
}

/** Evaluates a program in this process, without the functions' code: their archives are empty. */
export async function evaluateVariant({ stack, settings }: Variant): Promise<ProgramRecord> {
	const directory = mkdtempSync(join(tmpdir(), "ev-variant-"));
	// Where `aws.lambda` has the class from, which cannot be set there.
	const mixins = require("@pulumi/aws/lambda/lambdaMixins") as { CallbackFunction: unknown };
	const { CallbackFunction } = mixins;
	mixins.CallbackFunction = FunctionWithoutCode;
	// Pulumi keeps a stack trace of each of its promises, which would double the time.
	const { stackTraceLimit } = Error;
	Error.stackTraceLimit = 0;
	// The program runs when it is required.
	delete require.cache[join(PROJECT_ROOT, "index.ts")];
	try {
		await evaluate(directory, { stack, settings });
		return loadRecord(directory);
	} finally {
		mixins.CallbackFunction = CallbackFunction;
		Error.stackTraceLimit = stackTraceLimit;
		rmSync(directory, { recursive: true });
	}
}

/** In place of CallbackFunction, which serialises the handler. */
class FunctionWithoutCode extends aws.lambda.Function {
	constructor(name: string, args: aws.lambda.CallbackFunctionArgs<unknown, unknown>, options: pulumi.ResourceOptions) {
		const { callbackFactory, codePathOptions, ...declared } = args;
		const code = new pulumi.asset.AssetArchive({});
		super(name, { ...declared, handler: "__index.handler", code } as aws.lambda.FunctionArgs, {
			...options,
			transformations: [],
		});
	}
}
