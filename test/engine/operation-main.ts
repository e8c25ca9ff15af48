/**
 * One operation on a stack, with the real engine, in a process of its own: the program is a module, and Node evaluates a
 * module once. The project is the current folder; the result goes to whoever started the process.
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import type { EngineEvent, InlineProgramArgs, LocalWorkspace, OpMap } from "@pulumi/pulumi/automation";
import type { Properties } from "../../local/program/record";

export interface Operation {
	action: "preview" | "up" | "destroy" | "destroy unseen" | "export";
	stack: string;
}

/** A resource in the engine's state. https://github.com/pulumi/pulumi/blob/master/sdk/go/common/apitype/core.go */
export interface StateResource {
	urn: string;
	type: string;
	id?: string;
	inputs?: Properties;
	outputs?: Properties;
	parent?: string;
	protect?: boolean;
	retainOnDelete?: boolean;
	dependencies?: string[];
}

/** What the engine said and did. */
export interface Outcome {
	/** What was said of a failure; undefined where there was none. */
	error?: string;
	/** How many resources were created, updated, …, and left the `same`. */
	changes: OpMap;
	diagnostics: { severity: string; message: string; urn?: string }[];
	/** The state that was exported, secrets shown. */
	deployment?: { resources: StateResource[] };
}

/** All but "debug". */
const SEVERITIES = ["info", "info#err", "warning", "error"];

/** The project's own copy, which the program is to share. */
const projectRequire = createRequire(join(process.cwd(), "package.json"));

async function main({ action, stack: stackName }: Operation): Promise<Outcome> {
	const automation: { LocalWorkspace: typeof LocalWorkspace } = projectRequire("@pulumi/pulumi/automation");
	const { name: projectName } = projectRequire("./package.json") as { name: string };
	const program = async () => projectRequire("./index.ts");
	const inline: InlineProgramArgs = { stackName, projectName, program };
	const stack = await automation.LocalWorkspace.createOrSelectStack(inline, { workDir: process.cwd() });
	const outcome: Outcome = { changes: {}, diagnostics: [] };
	if (action === "export") return { ...outcome, deployment: (await stack.exportStack()).deployment };

	let said = "";
	const options = {
		color: "never" as const,
		onEvent(event: EngineEvent) {
			const { diagnosticEvent, summaryEvent } = event;
			if (diagnosticEvent && SEVERITIES.includes(diagnosticEvent.severity)) {
				const { severity, message, urn } = diagnosticEvent;
				outcome.diagnostics.push({ severity, message: plain(message), ...(urn && { urn }) });
			}
			if (summaryEvent) outcome.changes = summaryEvent.resourceChanges as OpMap;
		},
		onError(text: string) {
			said += text;
		},
	};
	try {
		// As the CLI does unless it is told not to; the Automation API tells it.
		if (action === "destroy") await stack.previewDestroy(options);
		await stack[action === "destroy unseen" ? "destroy" : action](options);
	} catch (error) {
		const errors = outcome.diagnostics.filter(({ severity }) => severity === "error");
		outcome.error = said.trim() || errors.map(({ message }) => message).join("\n") || (error as Error).message;
	}
	return outcome;
}

/** Without the marks that the CLI turns into colours. */
function plain(text: string): string {
	return text.replace(/<\{%.*?%\}>/g, "").trim();
}

const [operation = ""] = process.argv.slice(2);
// The one who asked is gone.
process.on("disconnect", () => process.exit(1));
main(JSON.parse(operation)).then(
	(outcome) => process.send!(outcome, () => process.exit(0)),
	(error: Error) => process.send!({ error: error.message, changes: {}, diagnostics: [] }, () => process.exit(1)),
);
