/** The stand-in for the awsx provider: registers with the engine what vpc-plan.ts says, and answers what that became. */

import { promisify } from "node:util";
import { credentials } from "@grpc/grpc-js";
import { version as awsVersion } from "@pulumi/aws/package.json";
import { version as awsxVersion } from "@pulumi/awsx/package.json";
import { runtime } from "@pulumi/pulumi";
import { type ConstructRequest, ConstructResponse, type InvokeResponse } from "@pulumi/pulumi/proto/provider_pb";
import { ResourceMonitorClient } from "@pulumi/pulumi/proto/resource_grpc_pb";
import {
	RegisterResourceOutputsRequest,
	RegisterResourceRequest,
	type RegisterResourceResponse,
	ResourceInvokeRequest,
} from "@pulumi/pulumi/proto/resource_pb";
import type { Properties } from "../../local/program/record";
import { NO_MESSAGE_LIMIT, type Plugin, servePlugin, toObject, toStruct } from "./plugin";
import { type PlannedResource, planVpc, type Reference, referenceTo, type VpcArgs } from "./vpc-plan";

interface Monitor {
	register(request: RegisterResourceRequest): Promise<RegisterResourceResponse>;
	registerOutputs(request: RegisterResourceOutputsRequest): Promise<unknown>;
	invoke(request: ResourceInvokeRequest): Promise<InvokeResponse>;
}

/** A child that the engine knows. */
interface Registered extends PlannedResource {
	urn: string;
	/** As inputs and outputs say it: unknown in a preview. */
	id: string;
}

/** Serves the provider until it is stopped. */
export function serveAwsx(): Promise<Plugin> {
	return servePlugin(awsxVersion, { construct: constructVpc });
}

async function constructVpc(request: ConstructRequest): Promise<ConstructResponse> {
	if (request.getType() !== "awsx:ec2:Vpc")
		throw new Error(`The stand-in for awsx does not know ${request.getType()}; teach it in test/engine.`);
	const client = new ResourceMonitorClient(
		request.getMonitorendpoint(),
		credentials.createInsecure(),
		NO_MESSAGE_LIMIT,
	);
	try {
		const monitor: Monitor = {
			register: promisify(client.registerResource.bind(client)) as Monitor["register"],
			registerOutputs: promisify(client.registerResourceOutputs.bind(client)) as Monitor["registerOutputs"],
			invoke: promisify(client.invoke.bind(client)) as Monitor["invoke"],
		};
		const component = await monitor.register(registrationOf(request));
		const args = toObject(request.getInputs()) as VpcArgs;
		const plan = planVpc(request.getName(), args, await zonesOf(monitor));
		const children = await registerAll(monitor, plan, component.getUrn());
		const response = answer(component.getUrn(), children);
		await monitor.registerOutputs(
			new RegisterResourceOutputsRequest().setUrn(component.getUrn()).setOutputs(response.getState()),
		);
		return response;
	} finally {
		client.close();
	}
}

function registrationOf(request: ConstructRequest): RegisterResourceRequest {
	const registration = new RegisterResourceRequest()
		.setType(request.getType())
		.setName(request.getName())
		.setParent(request.getParent())
		.setObject(request.getInputs())
		.setDependenciesList(request.getDependenciesList())
		.setAcceptsecrets(true)
		.setAcceptresources(true);
	if (request.hasProtect()) registration.setProtect(request.getProtect()!);
	return registration;
}

/** Zones that the account sees. */
async function zonesOf(monitor: Monitor): Promise<string[]> {
	const token = "aws:index/getAvailabilityZones:getAvailabilityZones";
	const response = await monitor.invoke(
		new ResourceInvokeRequest().setTok(token).setArgs(toStruct({})).setVersion(awsVersion),
	);
	return toObject(response.getReturn()).names;
}

/** Registers each child as soon as those that it refers to are there. */
async function registerAll(monitor: Monitor, plan: PlannedResource[], component: string): Promise<Registered[]> {
	const registered = new Map<Reference, Promise<Registered>>();
	for (const planned of plan) {
		const needed = new Set(referencesIn([planned.inputs, planned.parent]));
		const register = async () => {
			const ready = new Map<Reference, Registered>();
			for (const reference of needed) ready.set(reference, await registered.get(reference)!);
			return await registerChild(monitor, planned, component, ready);
		};
		registered.set(referenceTo(planned), register());
	}
	return await Promise.all(registered.values());
}

async function registerChild(
	monitor: Monitor,
	planned: PlannedResource,
	component: string,
	needed: Map<Reference, Registered>,
): Promise<Registered> {
	const { type, name, parent, inputs } = planned;
	const request = new RegisterResourceRequest()
		.setType(type)
		.setName(name)
		.setParent(parent ? needed.get(parent)!.urn : component)
		.setCustom(true)
		.setObject(toStruct(withIds(inputs, needed) as Properties))
		.setDependenciesList([...needed.values()].map(({ urn }) => urn))
		.setVersion(awsVersion)
		.setAcceptsecrets(true)
		.setAcceptresources(true);
	for (const [input, value] of Object.entries(inputs)) {
		const urns = referencesIn(value).map((reference) => needed.get(reference)!.urn);
		request
			.getPropertydependenciesMap()
			.set(input, new RegisterResourceRequest.PropertyDependencies().setUrnsList(urns));
	}
	const response = await monitor.register(request);
	return { ...planned, urn: response.getUrn(), id: response.getId() || runtime.unknownValue };
}

function referencesIn(value: unknown): Reference[] {
	if (typeof value === "string") return /^<.+>$/.test(value) ? [value as Reference] : [];
	if (value === null || typeof value !== "object") return [];
	return Object.values(value).flatMap(referencesIn);
}

/** Inputs as the engine takes them: ids in place of references. */
function withIds(value: unknown, known: Map<Reference, Registered>): unknown {
	if (Array.isArray(value)) return value.map((part) => withIds(part, known));
	if (value !== null && typeof value === "object")
		return Object.fromEntries(
			Object.entries(value)
				.filter(([, part]) => part !== undefined)
				.map(([name, part]) => [name, withIds(part, known)]),
		);
	return known.get(value as Reference)?.id ?? value;
}

/** The component's outputs, each with the children that it waits for. */
function answer(urn: string, children: Registered[]): ConstructResponse {
	const of = (kind: string) => children.filter(({ type }) => type === `aws:ec2/${kind}`);
	const subnets = (type: string) => of("subnet:Subnet").filter(({ inputs }) => inputs.tags.SubnetType === type);
	const [vpc] = of("vpc:Vpc");
	const ids = (resources: Registered[]) => resources.map(({ id }) => id);
	const references = (resources: Registered[]) => resources.map(resourceReference);
	const outputs: [name: string, value: unknown, from: Registered[]][] = [
		["vpcId", vpc!.id, [vpc!]],
		["vpc", resourceReference(vpc!), [vpc!]],
		...(["Public", "Private", "Isolated"] as const).flatMap((type): typeof outputs => {
			const name = `${type.toLowerCase()}Subnet`;
			return [
				[`${name}Ids`, ids(subnets(type)), subnets(type)],
				[`${name}s`, references(subnets(type)), subnets(type)],
			];
		}),
		...Object.entries({
			subnets: "subnet:Subnet",
			routeTables: "routeTable:RouteTable",
			routeTableAssociations: "routeTableAssociation:RouteTableAssociation",
			routes: "route:Route",
			natGateways: "natGateway:NatGateway",
			eips: "eip:Eip",
			vpcEndpoints: "vpcEndpoint:VpcEndpoint",
		}).map(([name, kind]): (typeof outputs)[number] => [name, references(of(kind)), of(kind)]),
	];
	const response = new ConstructResponse().setUrn(urn);
	response.setState(toStruct(Object.fromEntries(outputs)));
	for (const [name, , from] of outputs)
		response
			.getStatedependenciesMap()
			.set(name, new ConstructResponse.PropertyDependencies().setUrnsList(from.map((child) => child.urn)));
	return response;
}

function resourceReference({ urn, id }: Registered): Properties {
	return { [runtime.specialSigKey]: runtime.specialResourceSig, urn, id, packageVersion: awsVersion };
}
