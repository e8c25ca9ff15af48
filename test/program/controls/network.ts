/** Controls on the network. https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html */

import type { ProgramRecord, RecordedResource } from "../../../local/program/record";
import { adding, control, of, set, within, without } from "./control";

const VPC = "aws:ec2/vpc:Vpc";
const GROUP = "aws:ec2/securityGroup:SecurityGroup";
const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";

/** The component's own network where the engine registered that, and else the component, which knows its id. */
const networks = (record: ProgramRecord) => {
	const inside = of(VPC)(record);
	return inside.length ? inside : of("awsx:ec2:Vpc")(record);
};
const idOf = ({ id, state }: RecordedResource) => state.vpcId ?? id;
const partOfNetwork =
	(type: string, isMeant = (_: RecordedResource) => true) =>
	(network: RecordedResource, { resources }: ProgramRecord) =>
		resources.find((other) => other.type === type && other.inputs.vpcId === idOf(network) && isMeant(other));
const defaultGroup = partOfNetwork("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup");
const flowLog = partOfNetwork("aws:ec2/flowLog:FlowLog");
const ec2Endpoint = partOfNetwork("aws:ec2/vpcEndpoint:VpcEndpoint", ({ inputs }) =>
	inputs.serviceName.endsWith(".ec2"),
);

const hosts = of("aws:ec2/instance:Instance");

type Rule = RecordedResource["inputs"];
const isToAll = ({ cidrIpv4, cidrIpv6 }: Rule) => cidrIpv4 === "0.0.0.0/0" || cidrIpv6 === "::/0";
const isOfAllPorts = ({ ipProtocol, fromPort }: Rule) =>
	ipProtocol === "-1" || fromPort === undefined || fromPort === -1;
const covers = (rule: Rule, port: number) => isOfAllPorts(rule) || (rule.fromPort <= port && port <= rule.toPort);

const opening =
	(fromPort: number | undefined, toPort: number | undefined, cidr: object = { cidrIpv4: "0.0.0.0/0" }) =>
	({ inputs }: RecordedResource) => {
		const open = fromPort === undefined ? { ipProtocol: "-1" } : { ipProtocol: "tcp" };
		Object.assign(inputs, { referencedSecurityGroupId: undefined, fromPort, toPort, ...open, ...cidr });
	};

const isDescribed = ({ inputs }: RecordedResource) =>
	Boolean(inputs.description) && !/^Managed by/.test(inputs.description);
const isInUse = (group: RecordedResource, { resources }: ProgramRecord) =>
	resources.some(
		({ type, inputs }) => ![GROUP, INGRESS, EGRESS].includes(type) && JSON.stringify(inputs).includes(`"${group.id}"`),
	);

export const NETWORK = [
	control(
		"EC2.2 CKV2_AWS_12",
		"lets nothing through by default",
		networks,
		(network, record) => {
			const group = defaultGroup(network, record);
			const rules = of(INGRESS, EGRESS)(record).filter(({ inputs }) => inputs.securityGroupId === group?.id);
			return (
				group !== undefined &&
				[rules, group.inputs.ingress, group.inputs.egress].every((list = []) => list.length === 0)
			);
		},
		without(defaultGroup),
		within(defaultGroup, set("ingress", [{ protocol: "-1", self: true }])),
		within(defaultGroup, set("egress", [{ protocol: "-1", cidrBlocks: ["0.0.0.0/0"] }])),
		within(defaultGroup, (group, record) =>
			adding(() => ({ type: INGRESS, inputs: { securityGroupId: group.id } }))(group, record),
		),
	),
	control(
		"EC2.6 CKV2_AWS_11",
		"keeps a log of who spoke to whom",
		networks,
		(network, record) => /^(ALL|REJECT)$/.test(flowLog(network, record)?.inputs.trafficType),
		without(flowLog),
		within(flowLog, set("trafficType", "ACCEPT")),
	),
	{
		...control("EC2.10", "reaches EC2's API by an endpoint", networks, ec2Endpoint, without(ec2Endpoint)),
		mend: adding((network) => ({
			type: "aws:ec2/vpcEndpoint:VpcEndpoint",
			inputs: { vpcId: idOf(network), serviceName: "com.amazonaws.ap-northeast-1.ec2" },
		})),
	},
	{
		...control(
			"EC2.15 CKV_AWS_130",
			"gives nobody a public address",
			of("aws:ec2/subnet:Subnet"),
			({ inputs }) => !inputs.mapPublicIpOnLaunch,
			set("mapPublicIpOnLaunch", true),
		),
		specimen: { type: "aws:ec2/subnet:Subnet", inputs: { mapPublicIpOnLaunch: false } },
		insideComponent: true as const,
	},
	control(
		// These ask for ports that not everybody may reach; here there is none that everybody may.
		"EC2.18 EC2.19 CKV_AWS_24 CKV_AWS_25 CKV_AWS_260 CKV_AWS_277",
		"admits nobody from the whole internet",
		of(INGRESS),
		({ inputs }) => !isToAll(inputs),
		opening(22, 22),
		opening(443, 443),
		opening(0, 65_535),
		opening(undefined, undefined),
		opening(443, 443, { cidrIpv6: "::/0" }),
	),
	control(
		"CKV_AWS_382",
		"lets out to the world by some ports at most",
		of(EGRESS),
		({ inputs }) => !isToAll(inputs) || !isOfAllPorts(inputs),
		opening(undefined, undefined),
	),
	{
		...control(
			"EC2.21",
			"lets nobody in to a shell or a desktop",
			of("aws:ec2/networkAclRule:NetworkAclRule"),
			({ inputs }) =>
				inputs.egress ||
				inputs.ruleAction !== "allow" ||
				inputs.cidrBlock !== "0.0.0.0/0" ||
				![22, 3389].some((port) => covers(inputs, port)),
			set("cidrBlock", "0.0.0.0/0"),
		),
		specimen: {
			type: "aws:ec2/networkAclRule:NetworkAclRule",
			inputs: { ruleAction: "allow", cidrBlock: "10.20.0.0/16", fromPort: 22, toPort: 22 },
		},
	},
	control(
		"CKV_AWS_23",
		"says what it is for",
		of(GROUP, INGRESS, EGRESS),
		isDescribed,
		set("description", undefined),
		set("description", "Managed by Pulumi"),
	),
	control("CKV2_AWS_5", "is somebody's", of(GROUP), isInUse, (group, { resources }) => {
		for (const other of resources)
			if (![GROUP, INGRESS, EGRESS].includes(other.type))
				other.inputs = JSON.parse(JSON.stringify(other.inputs).replaceAll(`"${group.id}"`, '"sg-another"'));
	}),
	control(
		"EC2.3 CKV_AWS_8",
		"has its disk encrypted",
		hosts,
		({ inputs }) => inputs.rootBlockDevice?.encrypted === true,
		set("rootBlockDevice.encrypted", false),
		set("rootBlockDevice", undefined),
	),
	control(
		"EC2.8 CKV_AWS_79",
		"gives its credentials to no request without a token",
		hosts,
		({ inputs }) => inputs.metadataOptions?.httpTokens === "required",
		set("metadataOptions.httpTokens", "optional"),
		set("metadataOptions", undefined),
	),
	control(
		"EC2.9 CKV_AWS_88",
		"has no public address",
		hosts,
		({ inputs }) => inputs.associatePublicIpAddress === false,
		set("associatePublicIpAddress", true),
		set("associatePublicIpAddress", undefined),
	),
];
