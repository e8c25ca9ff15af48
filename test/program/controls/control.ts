/** What a control is: a question about each resource of some kind, and ways in which the answer must become no. */

import type { ProgramRecord, Properties, RecordedResource } from "../../../local/program/record";

export type Break = (resource: RecordedResource, record: ProgramRecord) => void;

/** A resource as a control would see it, for records that hold none of its kind. */
export type Specimen = Pick<RecordedResource, "type" | "inputs">;

export interface Control {
	/** By Security Hub (S3.1), cdk-nag (AwsSolutions-SF1) or checkov (CKV_AWS_18). */
	ids: string[];
	/** What is asked of each resource, as the end of a sentence that begins with its name. */
	promise: string;
	/** The resources that are asked. */
	looksAt(record: ProgramRecord): RecordedResource[];
	holds(resource: RecordedResource, record: ProgramRecord): Promise<boolean>;
	/** Each makes one resource for which the control holds into one for which it does not. */
	breaks: Break[];
	/** Makes the control hold, where it holds for nothing that the program declares. */
	mend?: Break;
	/** Given where a record may hold nothing that the control could look at. */
	specimen?: Specimen;
	/** Looks at what the network's component makes, which only the real engine registers. */
	insideComponent?: true;
}

export function control(
	ids: string,
	promise: string,
	looksAt: Control["looksAt"],
	holds: (resource: RecordedResource, record: ProgramRecord) => unknown,
	...breaks: Break[]
): Control {
	const asked: Control["holds"] = async (resource, record) => Boolean(await holds(resource, record));
	return { ids: ids.split(" "), promise, looksAt, holds: asked, breaks };
}

/** Makes controls that ask for nothing but the inputs of some resources. */
export function asking(looksAt: Control["looksAt"]) {
	return (ids: string, promise: string, holds: (inputs: Properties) => unknown, ...breaks: Break[]) =>
		control(ids, promise, looksAt, ({ inputs }) => holds(inputs), ...breaks);
}

/** All resources of some types. */
export function of(...types: string[]): Control["looksAt"] {
	return ({ resources }) => resources.filter(({ type }) => types.includes(type));
}

/** The resource of a type that names another one in an input. */
export function partOf(type: string, input: string) {
	return (resource: RecordedResource, { resources }: ProgramRecord) =>
		resources.find((other) => other.type === type && other.inputs[input] === resource.id);
}

/** Puts a value in the place of an input, or of a part of one: `set("rule.objectOwnership", …)`. */
export function set(path: string, value: unknown): Break {
	return ({ inputs }) => {
		const steps = path.split(".");
		const last = steps.pop()!;
		let at: Properties = inputs;
		for (const step of steps) at = at[step] ??= {};
		at[last] = value;
	};
}

/** Breaks something that belongs to the resource. */
export function within(find: ReturnType<typeof partOf>, breakIt: Break): Break {
	return (resource, record) => breakIt(find(resource, record)!, record);
}

/** Takes something away that belongs to the resource. */
export function without(find: ReturnType<typeof partOf>): Break {
	return (resource, record) => {
		record.resources.splice(record.resources.indexOf(find(resource, record)!), 1);
	};
}

/** Registers one more resource. */
export function adding(make: (resource: RecordedResource) => Specimen): Break {
	return (resource, record) => {
		record.resources.push(asRecorded(make(resource)));
	};
}

/** A resource that nobody registered. */
export function asRecorded({ type, inputs }: Specimen): RecordedResource {
	const rest = {
		urn: "",
		parent: "",
		id: "added",
		state: {},
		secretInputs: [],
		dependsOn: [],
		protect: false,
		retained: false,
	};
	return { ...rest, type, name: "added", inputs: structuredClone(inputs) };
}
