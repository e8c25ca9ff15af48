/** Evaluates the program under Pulumi's runtime mocks and writes its record: the process that local/record.ts starts. */

import { copyFileSync, linkSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { call, newResource } from "./mocks";
import type { ProgramRecord, Properties, RecordedResource, RecordOptions } from "./record";

interface ProjectFile {
	name: string;
	config: Record<string, { default?: unknown; value?: unknown }>;
}

/** What a registration says that the mocks are not told. */
type Registration = Pick<RecordedResource, "urn" | "parent" | "dependsOn" | "protect" | "retained">;

async function main(file: string, options: RecordOptions): Promise<void> {
	const project = parse(readFileSync("Pulumi.yaml", "utf8")) as ProjectFile;
	const resources: (RecordedResource & { key: string })[] = [];
	const keyOf = (type: string, name: string) => `${type} ${name}`;
	await pulumi.runtime.setMocks(
		{
			newResource: (args) => {
				const { inputs, secretInputs } = unwrapSecrets(args.inputs);
				const answer = newResource({ ...args, inputs });
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
	pulumi.runtime.setAllConfig(readConfig(project, options));
	const outputs = await pulumi.runtime.runInPulumiStack(async () => require("../index"));
	await pulumi.runtime.disconnect();

	const folder = dirname(file);
	const recorded = resources.map(async ({ key, ...resource }) => ({
		...resource,
		...registrations.get(key),
		inputs: (await keepArchives(resource.inputs, folder, `archives/${resource.name}`)) as Record<string, unknown>,
		state: withoutArchives(resource.state),
	}));
	const record: Omit<ProgramRecord, "directory"> = {
		stack: options.stack,
		resources: await Promise.all(recorded),
		outputs: await plain(outputs),
	};
	writeFileSync(file, JSON.stringify(record, null, "\t"));
}

/** The stack's configuration as the CLI would hand it over: defaults, then the stack's file, then what is asked for. */
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

/** The part of a registration that the mocks are not told, as gRPC's generated code names it. */
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

/** Listens to what the program says to the engine beside a resource's inputs. */
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

/** Inputs without the wrapping that marks secrets, and which of them had it anywhere inside. */
function unwrapSecrets(inputs: Properties) {
	const secretInputs = new Set<string>();
	const unwrap = (name: string, value: unknown): unknown => {
		if (pulumi.runtime.isRpcSecret(value)) {
			secretInputs.add(name);
			return unwrap(name, pulumi.runtime.unwrapRpcSecret(value));
		}
		if (Array.isArray(value)) return value.map((part) => unwrap(name, part));
		if (value?.constructor !== Object) return value;
		return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, unwrap(name, part)]));
	};
	const unwrapped = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, unwrap(name, value)]));
	return { inputs: unwrapped as Properties, secretInputs: [...secretInputs] };
}

/** Unpacks every archive among the inputs, and leaves the name of its folder in its place. */
async function keepArchives(inputs: object, folder: string, archive: string): Promise<object> {
	const kept = Object.entries(inputs).map(async ([name, value]) => {
		if (!pulumi.asset.Archive.isInstance(value)) return [name, value];
		await unpack(value, join(folder, archive));
		return [name, archive];
	});
	return Object.fromEntries(await Promise.all(kept));
}

async function unpack(archive: pulumi.asset.Archive, target: string): Promise<void> {
	if (!(archive instanceof pulumi.asset.AssetArchive))
		throw new Error(`${target} would come from a ${archive.constructor.name}, which cannot be unpacked here.`);
	for (const [path, part] of Object.entries(await archive.assets)) {
		const file = join(target, path);
		mkdirSync(dirname(file), { recursive: true });
		if (part instanceof pulumi.asset.StringAsset) writeFileSync(file, await part.text);
		else if (part instanceof pulumi.asset.FileAsset) linkOrCopy(await part.path, file);
		else throw new Error(`${file} would come from a ${part.constructor.name}, which cannot be unpacked here.`);
	}
}

/** The same file under another name takes no time; on another file system it has to be copied. */
function linkOrCopy(source: string, target: string): void {
	try {
		linkSync(source, target);
	} catch {
		copyFileSync(source, target);
	}
}

function withoutArchives(state: Record<string, unknown>): Record<string, unknown> {
	return Object.fromEntries(Object.entries(state).filter(([, value]) => !pulumi.asset.Archive.isInstance(value)));
}

/** The value of an output once everything in it is known. */
function plain(output: Properties | undefined): Promise<Properties> {
	return new Promise((resolve) => pulumi.output(output ?? {}).apply(resolve));
}

// The one who asked is gone.
process.on("disconnect", () => process.exit(1));
const [file = "", options = ""] = process.argv.slice(2);
main(file, JSON.parse(options)).then(
	() => process.exit(0),
	(error: Error) => process.send!(error.message, () => process.exit(1)),
);
