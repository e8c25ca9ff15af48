/** A stack that the real engine brings up, against providers that stand in for AWS. */

import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import type { Parts } from "../../local/deployment";
import type { RecordOptions } from "../../local/program/record";
import { LOADER } from "../support/local";
import type { Account } from "./account";
import { serveAws } from "./aws-provider";
import { serveAwsx } from "./awsx-provider";
import { findCli, searchPath } from "./cli";
import type { Operation, Outcome } from "./operation-main";
import { configure, copyProject } from "./project";

export interface EngineStack {
	name: RecordOptions["stack"];
	/** The copy of the project that it is brought up from. */
	project: string;
	account: Account;
	run(action: Operation["action"]): Promise<Outcome>;
}

export interface StackOptions extends RecordOptions {
	/** Where the functions that a deployment invokes run; without it, they do not. */
	parts?: Parts;
}

/**
 * Makes a stack with nothing in it, in an account with nothing in it; its files go with the process.
 * @throws one sentence where there is no CLI
 */
export async function createStack({ stack, settings = {}, parts }: StackOptions): Promise<EngineStack> {
	const cli = await findCli();
	const directory = mkdtempSync(join(tmpdir(), "ev-registrations-engine-"));
	process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
	const project = join(directory, "project");
	copyProject(project);
	configure(project, stack, settings);
	const account: Account = {
		directory,
		project,
		resources: new Map(),
		requested: new Map(),
		proposed: new Map(),
		creations: new Map(),
		networks: new Map(),
		snapshots: new Set(),
		steps: [],
		settings: {},
		...(parts && { parts }),
	};
	return {
		name: stack,
		project,
		account,
		async run(action) {
			const [aws, awsx] = [await serveAws(account), await serveAwsx()];
			const providers = `aws:${aws.port},awsx:${awsx.port}`;
			try {
				return await operate({ action, stack }, project, environmentOf(cli, directory, providers));
			} finally {
				for (const provider of [aws, awsx]) provider.stop();
			}
		},
	};
}

/** An environment in which the CLI keeps to itself, and to the folder of the stack. */
function environmentOf(cli: string, directory: string, providers: string): NodeJS.ProcessEnv {
	const state = join(directory, "state");
	mkdirSync(state, { recursive: true });
	return {
		...process.env,
		PATH: [dirname(cli), ...searchPath()].join(delimiter),
		PULUMI_HOME: join(directory, "home"),
		PULUMI_BACKEND_URL: `file://${state}`,
		PULUMI_CONFIG_PASSPHRASE: "not a secret",
		PULUMI_SKIP_UPDATE_CHECK: "true",
		PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
		// https://www.pulumi.com/docs/iac/guides/building-extending/providers/debugging-providers/
		PULUMI_DEBUG_PROVIDERS: providers,
	};
}

/** Runs an operation in its process. @returns what it said and did, of a failure too */
async function operate(operation: Operation, project: string, environment: NodeJS.ProcessEnv): Promise<Outcome> {
	const child = fork(join(__dirname, "operation-main.ts"), [JSON.stringify(operation)], {
		cwd: project,
		env: environment,
		// An error's message is all that the tests look at, and a stack trace for each of Pulumi's promises takes seconds.
		execArgv: ["--disable-warning=ExperimentalWarning", "--stack-trace-limit=0", "-r", LOADER],
		stdio: ["ignore", "pipe", "pipe", "ipc"],
	});
	let outcome: Outcome | undefined;
	child.once("message", (message) => {
		outcome = message as Outcome;
	});
	const ended = new Promise<number | null>((done, fail) => child.once("exit", done).once("error", fail));
	const [stdout, stderr, code] = await Promise.all([text(child.stdout!), text(child.stderr!), ended]);
	if (!outcome) throw new Error(`The operation ended with ${code} and said nothing but ${stdout}${stderr}`);
	return outcome;
}
