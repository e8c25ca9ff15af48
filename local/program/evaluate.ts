/** Evaluates the program under Pulumi's runtime mocks and writes its record. */

import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { call, newResource } from "./mocks";
import { type Properties, type RecordedResource, type RecordOptions, saveRecord } from "./record";
import { unpackArchives, unwrapSecrets, withoutArchives } from "./recorded-inputs";

interface ProjectFile {
	name: string;
	config: Record<string, { default?: unknown; value?: unknown }>;
}

/** The part of a registration that the mocks do not receive. */
type Registration = Pick<RecordedResource, "urn" | "parent" | "dependsOn" | "protect" | "retained">;

/**
 * Evaluates the program in this process, whose working directory is the project's.
 * @param directory where the record is written
 */
export async function evaluate(directory: string, options: RecordOptions): Promise<void> {
	const project = parse(readFileSync("Pulumi.yaml", "utf8")) as ProjectFile;
	const resources: (RecordedResource & { key: string })[] = [];
	const keyOf = (type: string, name: string) => `${type} ${name}`;
	await pulumi.runtime.setMocks(
		{
			newResource: (args) => {
				const { inputs, secretInputs } = unwrapSecrets(withFixedTime(args.inputs));
				const answer = newResource({ ...args, inputs, stack: options.stack });
				const { type, name } = args;
				const unregistered = { urn: "", parent: "", dependsOn: [], protect: false, retained: false };
				resources.push({ key: keyOf(type, name), type, name, ...unregistered, inputs, secretInputs, ...answer });
				return answer;
			},
			call,
		},
		project.name,
		options.stack,
		false,
	);
	const registrations = watchRegistrations(keyOf);
	const config = readConfig(project, options);
	pulumi.runtime.setAllConfig(config);
	const outputs = await pulumi.runtime.runInPulumiStack(async () => require("../../index"));
	await pulumi.runtime.disconnect();

	const recorded = resources.map(async ({ key, ...resource }) => ({
		...resource,
		...registrations.get(key),
		inputs: await unpackArchives(resource.inputs, directory, `archives/${resource.name}`, process.cwd()),
		state: withoutArchives(resource.state),
	}));
	saveRecord({
		directory,
		stack: options.stack,
		config: Object.fromEntries(
			Object.entries(config).map(([key, value]) => [key.replace(`${project.name}:`, ""), value]),
		),
		resources: await Promise.all(recorded),
		outputs: await plain(outputs),
	});
}

/** Replaces the start of the first run, which depends on the clock, so that two records of one program are the same. */
function withFixedTime(inputs: Properties): Properties {
	const { scheduleExpression } = inputs;
	return scheduleExpression?.startsWith("at(") ? { ...inputs, scheduleExpression: "at(2024-01-01T00:00:00)" } : inputs;
}

/** The stack's configuration as the CLI passes it: defaults, then the stack's file, then the options' settings. */
function readConfig(project: ProjectFile, { stack, settings = {} }: RecordOptions): Record<string, string> {
	const ofStack = parse(readFileSync(`Pulumi.${stack}.yaml`, "utf8")) as { config?: Record<string, unknown> };
	const config: Record<string, string> = {};
	const set = (key: string, value: unknown) => {
		const name = key.includes(":") ? key : `${project.name}:${key}`;
		if (value !== undefined) config[name] = typeof value === "string" ? value : JSON.stringify(value);
	};
	for (const [key, entry] of Object.entries(project.config)) set(key, entry.value ?? entry.default);
	for (const [key, value] of Object.entries(ofStack.config ?? {})) set(key, value);
	for (const [key, value] of Object.entries(settings)) set(key, value);
	return config;
}

/** The same part, as gRPC's generated code names it. */
interface RegisterRequest {
	getType(): string;
	getName(): string;
	getParent(): string;
	getDependenciesList(): string[];
	getProtect(): boolean;
	getRetainondelete(): boolean;
}
type Answer = (error: Error | null, response?: { getUrn(): string }) => void;
interface Monitor {
	registerResource(request: RegisterRequest, answer: Answer): void;
}

/** Records what the program tells the engine besides a resource's inputs. */
function watchRegistrations(keyOf: (type: string, name: string) => string): Map<string, Registration> {
	const registrations = new Map<string, Registration>();
	const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
	const register = monitor.registerResource.bind(monitor);
	monitor.registerResource = (request, answer) =>
		register(request, (error, response) => {
			if (response)
				registrations.set(keyOf(request.getType(), request.getName()), {
					urn: response.getUrn(),
					parent: request.getParent(),
					dependsOn: request.getDependenciesList(),
					protect: request.getProtect(),
					retained: request.getRetainondelete(),
				});
			answer(error, response);
		});
	return registrations;
}

/** The value of an output once everything in it is known. */
function plain(output: Properties | undefined): Promise<Properties> {
	return new Promise((resolve) => pulumi.output(output ?? {}).apply(resolve));
}
