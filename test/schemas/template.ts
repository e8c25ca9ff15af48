/** A record of the program as a template of CloudFormation. */

import { find, type ProgramRecord, type Properties, type RecordedResource } from "../../local/program/record";
import { planVpc, referenceTo, type VpcArgs } from "../engine/vpc-plan";
import { VPC } from "../support/use-program";
import { COUNTERPARTS, type Counterpart, capitalised, WITHOUT_COUNTERPART } from "./counterparts";

export interface Template {
	Resources: Record<string, { Type: string; Properties: Properties }>;
}

const ZONES = ["a", "c", "d"].map((zone) => `ap-northeast-1${zone}`);

type Declared = Pick<RecordedResource, "type" | "name" | "inputs"> & Partial<Pick<RecordedResource, "id" | "state">>;

/** @throws one sentence if a type is in none of the tables */
export function templateOf(record: ProgramRecord): Template {
	const vpc = find(record, VPC);
	const declared = declaredBy(record).filter(({ type }) => !(type in WITHOUT_COUNTERPART));
	const references = new Map<unknown, string>([
		...childIds(vpc),
		...declared.map((resource) => [resource.id ?? referenceTo(resource), logicalId(resource)] as const),
	]);

	const template: Template = { Resources: {} };
	for (const resource of declared) {
		const counterpart = COUNTERPARTS[resource.type];
		if (!counterpart)
			throw new Error(
				`${resource.type} is in no table of test/schemas/counterparts.ts: add what CloudFormation calls it.`,
			);
		const { [counterpart.partOf ?? ""]: owner, ...own } = resource.inputs;
		const id = owner === undefined ? logicalId(resource) : references.get(owner)!;
		template.Resources[id] ??= { Type: counterpart.type, Properties: {} };
		const properties = propertiesOf({ ...resource, inputs: own }, counterpart);
		addTo(template.Resources[id].Properties, counterpart, refer(properties, logicalId(resource), references));
	}
	return template;
}

/** Resources, the network's parts included. */
export function declaredBy(record: ProgramRecord): Declared[] {
	const { name, inputs } = find(record, VPC);
	return [...record.resources, ...planVpc(name, inputs as VpcArgs, ZONES)];
}

/** Letters and digits only. */
function logicalId({ type, name }: Pick<Declared, "type" | "name">): string {
	return `${type.split(":").pop()} ${name}`.replace(/\W|_/g, "");
}

/** The ids that the component returns, and the children whose they are. */
function childIds({ name, state }: RecordedResource): [id: unknown, logicalId: string][] {
	const subnets = ["public", "private", "isolated"].flatMap((kind) =>
		(state[`${kind}SubnetIds`] as string[]).map((id, zone) => ({ id, name: `${name}-${kind}-${zone + 1}` })),
	);
	return [
		[state.vpcId, logicalId({ type: "aws:ec2/vpc:Vpc", name })],
		...subnets.map(({ id, name }): [string, string] => [id, logicalId({ type: "aws:ec2/subnet:Subnet", name })]),
		// In the same order.
		...(state.routeTables as { id: string }[]).map(({ id }, index): [string, string] => [
			id,
			logicalId({ type: "aws:ec2/routeTable:RouteTable", name: subnets[index]!.name }),
		]),
	];
}

/** A resource's inputs as CloudFormation calls them. */
function propertiesOf({ inputs, id, state }: Declared, { name, names = {}, values = {}, absent = {} }: Counterpart) {
	const translate = (value: unknown, path: string): unknown => {
		const convert = values[path];
		if (convert) return convert(value as never);
		if (Array.isArray(value)) return value.map((part) => translate(part, path));
		if (value === null || typeof value !== "object") return value;
		const translated: Properties = {};
		for (const [key, part] of Object.entries(value)) {
			const below = path ? `${path}.${key}` : key;
			if (below in absent) continue;
			const target = names[below] ?? capitalised(key);
			if (target === "") Object.assign(translated, translate(part, below));
			else set(translated, target, translate(part, below));
		}
		return translated;
	};
	const translated = translate(inputs, "") as Properties;
	const hasName = "name" in inputs || "namePrefix" in inputs;
	if (name && !hasName) set(translated, name, state?.name ?? id);
	return translated;
}

/** Adds properties to a resource, at the counterpart's place. */
function addTo(target: Properties, { at = "", implied }: Counterpart, properties: Properties): void {
	const [place = "", isList] = at.split(/(\[\])/);
	if (isList) target[place] = [...(target[place] ?? []), properties];
	else if (place) target[place] = { ...target[place], ...properties };
	else Object.assign(target, properties);
	Object.assign(target, implied);
}

/** Replaces ids of other resources by references. */
function refer<T>(value: T, self: string, references: Map<unknown, string>): T {
	const other = references.get(value);
	if (other !== undefined && other !== self) return { Ref: other } as T;
	if (Array.isArray(value)) return value.map((part) => refer(part, self, references)) as T;
	if (value === null || typeof value !== "object") return value;
	return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, refer(part, self, references)])) as T;
}

/** `set(object, "a.b", 1)` sets `b` of the object `a`. */
function set(object: Properties, path: string, value: unknown): void {
	const [first, ...rest] = path.split(".") as [string, ...string[]];
	object[first] ??= {};
	if (rest.length === 0) object[first] = value;
	else set(object[first], rest.join("."), value);
}
