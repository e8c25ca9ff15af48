/** Ways through the network as it was registered, awsx's parts included: from a function to what it must reach. */

import type { RecordedResource } from "../../local/program/record";

export type Resources = RecordedResource[];

/** Who sets out: something with subnets and security groups, or, with none, outside of the network. */
export interface Traveller {
	name: string;
	subnetIds: string[];
	groupIds: string[];
}

/** A part of a way, and what is there when it is taken away. */
export interface Hop {
	what: string;
	takenFrom(resources: Resources): Resources;
}

const VPC = "aws:ec2/vpc:Vpc";
const ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint";
const ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation";
const EVERYWHERE = "0.0.0.0/0";
export const HTTPS = 443;
export const POSTGRESQL = 5432;

/** A function or a host by its name. */
export function travellerOf(resources: Resources, type: string, name: string): Traveller {
	const { inputs } = one(resources, `${type} ${name}`, (other) => other.type === type && other.name === name);
	const { vpcConfig } = inputs;
	if (type.includes("/instance:")) return { name, subnetIds: [inputs.subnetId], groupIds: inputs.vpcSecurityGroupIds };
	return { name, subnetIds: vpcConfig?.subnetIds ?? [], groupIds: vpcConfig?.securityGroupIds ?? [] };
}

/**
 * The way to an action on a resource of an AWS service: through the service's endpoint, if its routes or its name lead
 * there; else through the internet, which then stands in for an endpoint that is taken away.
 * @throws what is missing
 */
export function wayToService(resources: Resources, from: Traveller, action: string, resource: string): Hop[] {
	if (isOutside(from)) return [];
	const [service] = action.split(":") as [string];
	const endpoint = resources.find(
		(other) =>
			other.type === ENDPOINT && other.inputs.serviceName.endsWith(`.${service}`) && leadsTo(resources, from, other),
	);
	if (!endpoint) return wayToInternet(resources, from);
	const isGateway = endpoint.inputs.vpcEndpointType === "Gateway";
	return [
		...names(resources),
		permission(endpoint, action, resource),
		...(hasWayOut(resources, from) ? [] : leading(resources, from, endpoint)),
		...(isGateway
			? [egress(resources, from, HTTPS, (rule) => rule.prefixListId === endpoint.state.prefixListId)]
			: between(resources, from, endpoint.inputs.securityGroupIds, HTTPS)),
	];
}

/** Whether a service's requests go to an endpoint: by the routes of every subnet, or by the service's usual name. */
function leadsTo(resources: Resources, from: Traveller, { inputs }: RecordedResource): boolean {
	return inputs.vpcEndpointType === "Gateway"
		? from.subnetIds.every((subnet) => inputs.routeTableIds.includes(tableOf(resources, subnet).inputs.routeTableId))
		: inputs.privateDnsEnabled && inputs.subnetIds.length > 0;
}

/** What makes requests go to an endpoint. */
function leading(resources: Resources, from: Traveller, endpoint: RecordedResource): Hop[] {
	if (endpoint.inputs.vpcEndpointType !== "Gateway") return [whole(endpoint), flag(endpoint, "privateDnsEnabled")];
	const tables = from.subnetIds.map((subnet) => tableOf(resources, subnet));
	return [
		whole(endpoint),
		...tables.flatMap((table) => [whole(table), entry(endpoint, "routeTableIds", table.inputs.routeTableId)]),
	];
}

function hasWayOut(resources: Resources, from: Traveller): boolean {
	try {
		wayToInternet(resources, from);
		return true;
	} catch {
		return false;
	}
}

/** The way to PostgreSQL. @throws what is missing */
export function wayToDatabase(resources: Resources, from: Traveller): Hop[] {
	const database = one(resources, "database", ({ type }) => type === "aws:rds/instance:Instance");
	const subnets = one(resources, "subnet group", ({ state }) => state.name === database.inputs.dbSubnetGroupName);
	for (const subnet of [...subnets.inputs.subnetIds, ...from.subnetIds])
		one(resources, `subnet ${subnet}`, ({ type, id }) => type === "aws:ec2/subnet:Subnet" && id === subnet);
	if (isOutside(from)) throw new Error(`${from.name} is outside of the database's network`);
	return [...names(resources), ...between(resources, from, database.inputs.vpcSecurityGroupIds, POSTGRESQL)];
}

/** The way to any host of the internet over HTTPS, from each of the traveller's subnets. @throws what is missing */
export function wayToInternet(resources: Resources, from: Traveller): Hop[] {
	if (isOutside(from)) return [];
	return [
		...names(resources),
		egress(resources, from, HTTPS, () => false),
		...from.subnetIds.flatMap((subnet) => {
			const route = defaultRoute(resources, subnet);
			const nat = one(resources, `NAT gateway behind ${subnet}`, ({ id }) => id === route.inputs.natGatewayId);
			const out = defaultRoute(resources, nat.inputs.subnetId);
			const gateway = one(resources, "internet gateway", ({ id }) => id === out.inputs.gatewayId);
			const address = one(resources, "NAT gateway's address", ({ id }) => id === nat.inputs.allocationId);
			const tables = [subnet, nat.inputs.subnetId].map((id) => tableOf(resources, id));
			return [...tables, route, nat, address, out, gateway].map(whole);
		}),
	];
}

/** Whether any route of a traveller's subnets leads anywhere but to the network itself and its endpoints. */
export function hasRouteOut(resources: Resources, from: Traveller): boolean {
	const tables = from.subnetIds.map((subnet) => tableOf(resources, subnet).inputs.routeTableId);
	return resources.some(({ type, inputs }) => type === "aws:ec2/route:Route" && tables.includes(inputs.routeTableId));
}

function isOutside({ subnetIds }: Traveller): boolean {
	return subnetIds.length === 0;
}

/** Hosts are found by name, AWS's and the world's alike. */
function names(resources: Resources): Hop[] {
	const vpc = one(resources, "network", ({ type }) => type === VPC);
	for (const name of ["enableDnsSupport", "enableDnsHostnames"])
		if (!vpc.inputs[name]) throw new Error(`The network's ${name} is off`);
	return [flag(vpc, "enableDnsSupport"), flag(vpc, "enableDnsHostnames")];
}

/** Out of the traveller's group and into the other one. */
function between(resources: Resources, from: Traveller, groups: string[], port: number): Hop[] {
	const out = egress(resources, from, port, (rule) => groups.includes(rule.referencedSecurityGroupId));
	const into = one(
		resources,
		`rule that lets ${from.name} in on port ${port}`,
		({ type, inputs }) =>
			type === "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule" &&
			groups.includes(inputs.securityGroupId) &&
			from.groupIds.includes(inputs.referencedSecurityGroupId) &&
			covers(inputs, port),
	);
	return [out, whole(into)];
}

/** Out of the traveller's group: to everywhere, or to where it must go. */
function egress(
	resources: Resources,
	from: Traveller,
	port: number,
	leadsThere: (rule: RecordedResource["inputs"]) => boolean,
): Hop {
	const rule = one(
		resources,
		`rule that lets ${from.name} out on port ${port}`,
		({ type, inputs }) =>
			type === "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule" &&
			from.groupIds.includes(inputs.securityGroupId) &&
			covers(inputs, port) &&
			(inputs.cidrIpv4 === EVERYWHERE || leadsThere(inputs)),
	);
	return whole(rule);
}

function covers({ ipProtocol, fromPort, toPort }: RecordedResource["inputs"], port: number): boolean {
	return ipProtocol === "tcp" && fromPort <= port && port <= toPort;
}

function tableOf(resources: Resources, subnet: string): RecordedResource {
	return one(
		resources,
		`route table of ${subnet}`,
		(other) => other.type === ASSOCIATION && other.inputs.subnetId === subnet,
	);
}

function defaultRoute(resources: Resources, subnet: string): RecordedResource {
	const { routeTableId } = tableOf(resources, subnet).inputs;
	return one(
		resources,
		`way out of ${subnet}`,
		({ type, inputs }) =>
			type === "aws:ec2/route:Route" &&
			inputs.routeTableId === routeTableId &&
			inputs.destinationCidrBlock === EVERYWHERE,
	);
}

/** That the endpoint's policy lets an action on a resource through. */
function permission(endpoint: RecordedResource, action: string, resource: string): Hop {
	const { Statement: statements } = JSON.parse(endpoint.inputs.policy) as {
		Statement: { Effect: string; Action: string | string[]; Resource: string | string[] }[];
	};
	const allowed = statements.some(
		(statement) =>
			statement.Effect === "Allow" &&
			[statement.Action].flat().includes(action) &&
			[statement.Resource].flat().some((pattern) => matches(pattern, resource)),
	);
	if (!allowed) throw new Error(`${label(endpoint)} does not let ${action} on ${resource} through`);
	return changed(endpoint, "policy", JSON.stringify({ Statement: [] }));
}

function matches(pattern: string, resource: string): boolean {
	return pattern.endsWith("*") ? resource.startsWith(pattern.slice(0, -1)) : pattern === resource;
}

/** An entry of a list among a resource's inputs. */
function entry(resource: RecordedResource, input: string, value: string): Hop {
	const others = (resource.inputs[input] as string[]).filter((other) => other !== value);
	return changed(resource, input, others, value);
}

function flag(resource: RecordedResource, input: string): Hop {
	return changed(resource, input, false);
}

function changed(resource: RecordedResource, input: string, value: unknown, part = ""): Hop {
	return {
		what: `${label(resource)}'s ${input} ${part}`.trim(),
		takenFrom: (resources) =>
			resources.map((other) =>
				other.urn === resource.urn ? { ...other, inputs: { ...other.inputs, [input]: value } } : other,
			),
	};
}

function whole(resource: RecordedResource): Hop {
	return {
		what: label(resource),
		takenFrom: (resources) => resources.filter(({ urn }) => urn !== resource.urn),
	};
}

function label({ type, name }: RecordedResource): string {
	return `${type.split(":").pop()} ${name}`;
}

function one(resources: Resources, what: string, isIt: (resource: RecordedResource) => boolean): RecordedResource {
	const found = resources.find(isIt);
	if (!found) throw new Error(`There is no ${what}`);
	return found;
}
