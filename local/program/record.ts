/**
 * A record of the program: every resource it declares, with its inputs, outputs and options, and the archives of its
 * functions. Local runs and tests deploy it.
 */

import { fork } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import type { Inputs } from "./inputs";

/** A resource's properties, untyped as in Pulumi's mocks. */
// biome-ignore lint/suspicious/noExplicitAny: each type has its own
export type Properties = Record<string, any>;

export interface RecordedResource {
	type: string;
	name: string;
	urn: string;
	/** URN; empty if there is none. */
	parent: string;
	id: string;
	/** As declared. An archive is the name of its folder below the record's. */
	inputs: Properties;
	/** AWS's answer, by local/program/mocks.ts. */
	state: Properties;
	/** Names of the inputs that Pulumi encrypts in its state. */
	secretInputs: string[];
	/** URNs of the resources it depends on. */
	dependsOn: string[];
	protect: boolean;
	/** Whether a destroy leaves it in place. */
	retained: boolean;
}

export interface ProgramRecord {
	/** Folder of the record. */
	directory: string;
	stack: string;
	/** The stack's settings by name; not in records of the real engine. */
	config?: Record<string, string>;
	resources: RecordedResource[];
	outputs: Properties;
}

export interface RecordOptions {
	stack: "dev" | "prod";
	/** Settings in place of the stack's own, without the project's name before them. */
	settings?: Record<string, string>;
	/** Whether TypeScript checks types while it loads the program, as in Pulumi's language host. */
	typeCheck?: boolean;
	/** The caller's environment, of which the program sees what Pulumi and AWS read; `process.env` if not given. */
	environment?: NodeJS.ProcessEnv;
}

export const PROJECT_ROOT = resolve(__dirname, "../..");
/** What local runs and tools write; nothing in it is an input of the program. */
export const STATE = join(PROJECT_ROOT, ".local");

const RECORD = "record.json";
const INPUTS = "inputs.json";

/** An error's message is all that is shown of it, and a stack trace for each of Pulumi's promises takes two seconds. */
const FLAGS = ["--disable-warning=ExperimentalWarning", "--stack-trace-limit=0"];

/**
 * Evaluates the program, in a process of its own, and writes its record.
 * @param directory where to; what is there is replaced when the new record is whole
 * @throws the program's own error
 */
export async function recordProgram(directory: string, options: RecordOptions): Promise<ProgramRecord> {
	const unfinished = `${resolve(directory)}.new`;
	rmSync(unfinished, { recursive: true, force: true });
	mkdirSync(unfinished, { recursive: true });
	await evaluate(unfinished, options);
	rmSync(directory, { recursive: true, force: true });
	renameSync(unfinished, directory);
	return loadRecord(directory);
}

/** Reads a record. @throws one sentence if there is none */
export function loadRecord(directory: string): ProgramRecord {
	try {
		return { ...JSON.parse(readFileSync(join(directory, RECORD), "utf8")), directory: resolve(directory) };
	} catch (error) {
		throw new Error(`${directory} holds no record of the program: ${(error as Error).message}.`);
	}
}

/** Writes a record into the folder that holds its archives. */
export function saveRecord({ directory, ...record }: ProgramRecord): void {
	writeFileSync(join(directory, RECORD), JSON.stringify(record, null, "\t"));
}

/** Writes beside a record what its evaluation has read. */
export function saveInputs(directory: string, inputs: Inputs): void {
	writeFileSync(join(directory, INPUTS), JSON.stringify(inputs));
}

export function loadInputs(directory: string): Inputs {
	return JSON.parse(readFileSync(join(directory, INPUTS), "utf8"));
}

/** The part of an environment that the program may read: nothing else reaches its process. */
export function visibleEnvironment({ environment = process.env }: RecordOptions): [string, string][] {
	const visible = Object.entries(environment).filter(([name]) => /^(PULUMI|AWS)_/.test(name));
	return visible.map(([name, value]) => [name, value ?? ""] as [string, string]).sort();
}

/** The one resource of a type, or of a type and a name. */
export function find(record: ProgramRecord, type: string, name?: string): RecordedResource {
	const found = record.resources.filter((other) => other.type === type && (name === undefined || other.name === name));
	if (found.length !== 1)
		throw new Error(`The program declares ${found.length} resources ${type} ${name ?? ""}, not 1.`);
	return found[0]!;
}

async function evaluate(directory: string, options: RecordOptions): Promise<void> {
	const { stack, settings } = options;
	const child = fork(join(__dirname, "evaluate-main.ts"), [directory, JSON.stringify({ stack, settings }), STATE], {
		cwd: PROJECT_ROOT,
		// Windows starts no process without SystemRoot.
		env: { ...Object.fromEntries(visibleEnvironment(options)), SystemRoot: process.env.SystemRoot },
		execArgv: [...FLAGS, "-r", join(PROJECT_ROOT, "local/common/typescript.js")],
		stdio: ["ignore", "ignore", "pipe", "ipc"],
		...(options.typeCheck && { execArgv: ["-r", "ts-node/register"] }),
	});
	let problem: string | undefined;
	child.once("message", (message) => {
		problem = String(message);
	});
	const ended = new Promise<number | null>((done, fail) => child.once("close", done).once("error", fail));
	const [said, code] = await Promise.all([text(child.stderr!), ended]);
	if (code !== 0) throw new Error(problem ?? `The program could not be evaluated: ${said.trim() || `exit ${code}`}`);
}
