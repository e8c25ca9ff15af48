/** A stack that the real engine brings up, against providers that stand in for AWS. */

import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import type { Parts } from "../../local/deployment";
import type { RecordOptions } from "../../local/record";
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
	/** Ends the providers. What they were given stays, and goes with the process. */
	stop(): void;
}

export interface StackOptions extends RecordOptions {
	/** Where the functions that a deployment invokes run; without it, they do not. */
	parts?: Parts;
}

/** Makes a stack with nothing in it, in an account with nothing in it. @throws one sentence where there is no CLI */
export async function createStack({ stack, settings = {}, parts }: StackOptions): Promise<EngineStack> {
	const cli = await findCli();
	const directory = mkdtempSync(join(tmpdir(), "ev-registrations-engine-"));
	process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
	const [project, state, home] = ["project", "state", "home"].map((name) => join(directory, name)) as [
		string,
		string,
		string,
	];
	copyProject(project);
	configure(project, stack, settings);
	mkdirSync(state);
	const account: Account = {
		directory,
		project,
		resources: new Map(),
		steps: [],
		settings: {},
		...(parts && { parts }),
	};
	const providers = { aws: await serveAws(account), awsx: await serveAwsx() };
	const environment = {
		...process.env,
		PATH: [dirname(cli), ...searchPath()].join(delimiter),
		PULUMI_HOME: home,
		PULUMI_BACKEND_URL: `file://${state}`,
		PULUMI_CONFIG_PASSPHRASE: "not a secret",
		PULUMI_SKIP_UPDATE_CHECK: "true",
		PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
		// https://www.pulumi.com/docs/iac/guides/building-extending/providers/debugging-providers/
		PULUMI_DEBUG_PROVIDERS: Object.entries(providers)
			.map(([name, { port }]) => `${name}:${port}`)
			.join(","),
	};
	return {
		name: stack,
		project,
		account,
		run: (action) => operate({ action, stack }, project, environment),
		stop() {
			for (const provider of Object.values(providers)) provider.stop();
		},
	};
}

async function operate(operation: Operation, project: string, environment: NodeJS.ProcessEnv): Promise<Outcome> {
	const child = fork(join(__dirname, "operation-main.ts"), [JSON.stringify(operation)], {
		cwd: project,
		env: environment,
		execArgv: ["--disable-warning=ExperimentalWarning", "-r", "ts-node/register/transpile-only"],
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
