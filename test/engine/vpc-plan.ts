/**
 * What `awsx.ec2.Vpc` registers, worked out from its arguments alone.
 *
 * Written after the component's documentation (https://www.pulumi.com/registry/packages/awsx/api-docs/ec2/vpc/), its
 * source (https://github.com/pulumi/pulumi-awsx, awsx/ec2) and what it was seen to register.
 */

import type { Properties } from "../../local/program/record";

export interface VpcArgs {
	cidrBlock: string;
	enableDnsHostnames?: boolean;
	enableDnsSupport?: boolean;
	numberOfAvailabilityZones: number;
	natGateways: { strategy: "None" | "Single" | "OnePerAz" };
	subnetStrategy: "Auto";
	/** Blocks by zone, if given of any. */
	subnetSpecs: { type: SubnetType; cidrMask?: number; cidrBlocks?: string[] }[];
	vpcEndpointStrategy?: "Auto";
	vpcEndpointSpecs?: { serviceName: string; vpcEndpointType: "Gateway" | "Interface"; policy?: string }[];
	tags?: Record<string, string>;
}

type SubnetType = "Public" | "Private" | "Isolated";

/** Another resource of the plan: in an input, its id. */
export type Reference = `<${string}>`;

export interface PlannedResource {
	type: string;
	name: string;
	/** Undefined: the component itself. */
	parent: Reference | undefined;
	inputs: Properties;
}

interface PlannedSubnet {
	name: string;
	type: SubnetType;
	zone: string;
	/** From 1. */
	zoneNumber: number;
	cidrBlock: string;
}

/** Within a zone, what others need comes first. */
const ORDER: SubnetType[] = ["Public", "Private", "Isolated"];
const EVERYWHERE = { destinationCidrBlock: "0.0.0.0/0" };

/** `aws:ec2/routeTable:RouteTable`, `ev` → `<RouteTable ev>` */
export function referenceTo({ type, name }: Pick<PlannedResource, "type" | "name">): Reference {
	return `<${type.split(":").pop()} ${name}>`;
}

/**
 * Plans the component's children.
 * @param name the component's
 * @param zones names of the zones that the account sees; the first of them are used
 * @returns them in an order in which each comes after all that it refers to
 */
export function planVpc(name: string, args: VpcArgs, zones: string[]): PlannedResource[] {
	const { cidrBlock, enableDnsHostnames, enableDnsSupport, tags = {} } = args;
	const shared = { Name: name, ...tags };
	const vpc: PlannedResource = {
		type: "aws:ec2/vpc:Vpc",
		name,
		parent: undefined,
		inputs: { cidrBlock, enableDnsHostnames, enableDnsSupport, tags: shared },
	};
	const inVpc = { vpcId: referenceTo(vpc) };
	const gateway: PlannedResource = {
		type: "aws:ec2/internetGateway:InternetGateway",
		name,
		parent: referenceTo(vpc),
		inputs: { ...inVpc, tags: shared },
	};
	const subnets = planSubnets(name, args, zones.slice(0, args.numberOfAvailabilityZones));
	const natZones = subnets.filter(({ type }) => type === "Public").map(({ zoneNumber }) => zoneNumber);
	const { strategy } = args.natGateways;
	const gatewaysIn = strategy === "None" ? [] : strategy === "Single" ? natZones.slice(0, 1) : natZones;
	const natOf = (zoneNumber: number): Reference =>
		`<NatGateway ${name}-${strategy === "Single" ? gatewaysIn[0] : zoneNumber}>`;

	const ofSubnets = subnets.flatMap((subnet) => {
		const subnetTags = { ...shared, Name: subnet.name, SubnetType: subnet.type };
		const own = (kind: string, parent: Reference, inputs: Properties): PlannedResource => ({
			type: `aws:ec2/${kind[0]!.toLowerCase()}${kind.slice(1)}:${kind}`,
			name: subnet.name,
			parent,
			inputs,
		});
		const itself = own("Subnet", referenceTo(vpc), {
			...inVpc,
			assignIpv6AddressOnCreation: false,
			availabilityZone: subnet.zone,
			cidrBlock: subnet.cidrBlock,
			mapPublicIpOnLaunch: subnet.type === "Public",
			tags: subnetTags,
		});
		const subnetId = referenceTo(itself);
		const table = own("RouteTable", subnetId, { ...inVpc, tags: subnetTags });
		const routeTableId = referenceTo(table);
		const association = own("RouteTableAssociation", routeTableId, { routeTableId, subnetId });
		const route = (target: Properties) => own("Route", routeTableId, { ...EVERYWHERE, ...target, routeTableId });
		const nat =
			subnet.type === "Public" && gatewaysIn.includes(subnet.zoneNumber)
				? planNatGateway(`${name}-${subnet.zoneNumber}`, subnetId, tags)
				: [];
		const routes =
			subnet.type === "Public"
				? [route({ gatewayId: referenceTo(gateway) })]
				: subnet.type === "Private" && gatewaysIn.length > 0
					? [route({ natGatewayId: natOf(subnet.zoneNumber) })]
					: [];
		return [itself, table, association, ...nat, ...routes];
	});
	return [vpc, gateway, ...ofSubnets, ...planEndpoints(args, referenceTo(vpc), subnets, shared)];
}

function planNatGateway(name: string, subnetId: Reference, tags: Properties): PlannedResource[] {
	const named = { parent: subnetId, name };
	const allTags = { ...tags, Name: name };
	const address = { ...named, type: "aws:ec2/eip:Eip", inputs: { tags: allTags } };
	return [
		address,
		{
			...named,
			type: "aws:ec2/natGateway:NatGateway",
			inputs: { allocationId: referenceTo(address), subnetId, tags: allTags },
		},
	];
}

/** Every zone gets an equal block, cut into the same subnets one after the other. */
function planSubnets(name: string, args: VpcArgs, zones: string[]): PlannedSubnet[] {
	const [base, mask] = args.cidrBlock.split("/") as [string, string];
	const zoneMask = Number(mask) + bitsFor(zones.length);
	const equalMask = zoneMask + bitsFor(args.subnetSpecs.length);
	return zones.flatMap((zone, index) => {
		let next = toNumber(base) + index * sizeOf(zoneMask);
		const subnets = args.subnetSpecs.map(({ type, cidrMask = equalMask, cidrBlocks }) => {
			// A block begins at a multiple of its size.
			const start = Math.ceil(next / sizeOf(cidrMask)) * sizeOf(cidrMask);
			next = start + sizeOf(cidrMask);
			const zoneNumber = index + 1;
			const cidrBlock = cidrBlocks?.[index] ?? `${toAddress(start)}/${cidrMask}`;
			return { name: `${name}-${type.toLowerCase()}-${zoneNumber}`, type, zone, zoneNumber, cidrBlock };
		});
		return subnets.sort((one, other) => ORDER.indexOf(one.type) - ORDER.indexOf(other.type));
	});
}

/** With the strategy Auto, a gateway gets every route table, an interface a subnet of each zone and a group of its own. */
function planEndpoints(
	{ vpcEndpointSpecs = [], cidrBlock }: VpcArgs,
	vpcId: Reference,
	subnets: PlannedSubnet[],
	tags: Properties,
): PlannedResource[] {
	const inVpc = { vpcId, tags };
	return vpcEndpointSpecs.flatMap(({ serviceName, vpcEndpointType, policy }) => {
		const endpoint = (inputs: Properties): PlannedResource => ({
			type: "aws:ec2/vpcEndpoint:VpcEndpoint",
			name: serviceName,
			parent: vpcId,
			inputs: { ...inVpc, ...(policy && { policy }), serviceName, vpcEndpointType, ...inputs },
		});
		if (vpcEndpointType === "Gateway")
			return [endpoint({ routeTableIds: subnets.map(({ name }) => `<RouteTable ${name}>`) })];
		const group: PlannedResource = {
			type: "aws:ec2/securityGroup:SecurityGroup",
			name: `${serviceName}-sg`,
			parent: vpcId,
			inputs: { ...inVpc, description: "Managed by Pulumi" },
		};
		const https = { type: "ingress", protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: [cidrBlock] };
		const rule: PlannedResource = {
			type: "aws:ec2/securityGroupRule:SecurityGroupRule",
			name: `${serviceName}-ingress`,
			parent: vpcId,
			inputs: { ...https, securityGroupId: referenceTo(group) },
		};
		const privateSubnets = subnets.filter(({ type }) => type === "Private");
		const attached = {
			privateDnsEnabled: true,
			securityGroupIds: [referenceTo(group)],
			subnetIds: privateSubnets.map(({ name }) => `<Subnet ${name}>`),
		};
		return [group, rule, endpoint(attached)];
	});
}

/** Bits that tell so many apart. */
function bitsFor(count: number): number {
	return Math.ceil(Math.log2(count));
}

function sizeOf(mask: number): number {
	return 2 ** (32 - mask);
}

function toNumber(address: string): number {
	return address.split(".").reduce((number, byte) => number * 256 + Number(byte), 0);
}

function toAddress(number: number): string {
	return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join(".");
}
