/** The network: where functions and database are, and which connections the security groups allow. */

import { expect } from "chai";
import { subnetRanges } from "../../infra/subnet-ranges";
import {
	DATABASE,
	EGRESS,
	ENDPOINT,
	FUNCTION,
	FUNCTION_NAMES,
	type FunctionName,
	GROUP,
	INGRESS,
	LOG_GROUP,
	ROLE,
	useProgram,
	VPC,
	WITHOUT_NAT,
} from "../support/use-program";

const OUTWARD: readonly FunctionName[] = ["extract", "notify"];

describe("the network", () => {
	const { one, all, arnOf, lambda } = useProgram("dev");
	const group = (name: string) => one(GROUP, name).id;

	it("has three kinds of subnets in two zones, and resolves names", () => {
		expect(one(VPC).inputs).to.deep.include({
			numberOfAvailabilityZones: 2,
			subnetSpecs: (["Public", "Private", "Isolated"] as const).map((type) => ({
				type,
				cidrBlocks: subnetRanges("10.20.0.0/16", type, 2),
			})),
			enableDnsHostnames: true,
			enableDnsSupport: true,
		});
	});

	it("runs only extract and notify where there is a way out", () => {
		const { isolatedSubnetIds, privateSubnetIds } = one(VPC).state;
		for (const name of FUNCTION_NAMES)
			expect(lambda(name).inputs.vpcConfig, name).to.deep.equal(
				OUTWARD.includes(name)
					? { subnetIds: privateSubnetIds, securityGroupIds: [group("outward")] }
					: { subnetIds: isolatedSubnetIds, securityGroupIds: [group("inward")] },
			);
	});

	it("keeps the database in isolated subnets", () => {
		const subnets = one("aws:rds/subnetGroup:SubnetGroup");
		expect(subnets.inputs.subnetIds).to.deep.equal(one(VPC).state.isolatedSubnetIds);
		expect(one(DATABASE).inputs).to.deep.include({
			dbSubnetGroupName: subnets.state.name,
			vpcSecurityGroupIds: [group("database")],
		});
	});

	it("admits only connections between its own groups", () => {
		for (const { inputs } of all(GROUP)) expect(inputs).to.not.have.any.keys("ingress", "egress");
		const admitted = all(INGRESS).map(({ inputs }) => {
			expect(inputs).to.not.have.any.keys("cidrIpv4", "cidrIpv6", "prefixListId");
			expect(inputs).to.include({ ipProtocol: "tcp", toPort: inputs.fromPort });
			return [inputs.referencedSecurityGroupId, inputs.securityGroupId, inputs.fromPort];
		});
		expect(admitted).to.have.deep.members([
			[group("inward"), group("database"), 5432],
			[group("inward"), group("endpoint"), 443],
			[group("outward"), group("endpoint"), 443],
		]);
	});

	it("lets only extract and notify out, over HTTPS", () => {
		const allowed = all(EGRESS).map(({ inputs }) => {
			expect(inputs).to.include({ ipProtocol: "tcp", toPort: inputs.fromPort });
			expect(inputs).to.not.have.any.keys("cidrIpv6");
			const to = inputs.cidrIpv4 ?? inputs.referencedSecurityGroupId ?? inputs.prefixListId;
			return [inputs.securityGroupId, to, inputs.fromPort];
		});
		expect(allowed).to.have.deep.members([
			[group("outward"), "0.0.0.0/0", 443],
			[group("inward"), group("endpoint"), 443],
			[group("inward"), group("database"), 5432],
			[group("inward"), one(ENDPOINT, "s3").state.prefixListId, 443],
		]);
	});

	it("leaves the default security group empty", () => {
		expect(one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup").inputs).to.deep.equal({
			vpcId: one(VPC).state.vpcId,
			ingress: [],
			egress: [],
		});
	});

	it("writes its flow log to a log group of its own", () => {
		expect(one("aws:ec2/flowLog:FlowLog").inputs).to.include({
			trafficType: "ALL",
			logDestination: arnOf(LOG_GROUP, "network"),
			iamRoleArn: arnOf(ROLE, "network"),
		});
	});

	it("reaches S3 from every subnet", () => {
		expect(one(ENDPOINT, "s3").inputs).to.deep.include({
			vpcEndpointType: "Gateway",
			serviceName: "com.amazonaws.ap-northeast-1.s3",
			routeTableIds: one(VPC).state.routeTables.map(({ id }: { id: string }) => id),
		});
	});

	it("reaches Secrets Manager from isolated subnets", () => {
		const { inputs } = one(ENDPOINT, "secrets");
		expect(inputs).to.deep.include({
			vpcEndpointType: "Interface",
			serviceName: "com.amazonaws.ap-northeast-1.secretsmanager",
			privateDnsEnabled: true,
			securityGroupIds: [group("endpoint")],
		});
		expect(inputs.subnetIds).to.not.be.empty;
		expect(one(VPC).state.isolatedSubnetIds).to.include.members(inputs.subnetIds);
	});
});

describe("the network without NAT gateways", () => {
	const { record, one, all } = useProgram("dev", WITHOUT_NAT);

	it("has only isolated subnets", () => {
		expect(one(VPC).inputs).to.deep.include({
			natGateways: { strategy: "None" },
			subnetSpecs: [{ type: "Isolated", cidrBlocks: subnetRanges("10.20.0.0/16", "Isolated", 2) }],
		});
	});

	it("runs extract and notify outside", () => {
		const outside = all(FUNCTION).filter(({ inputs }) => inputs.vpcConfig === undefined);
		expect(outside.map(({ name }) => name)).to.have.members(OUTWARD);
		expect(record().resources.map(({ name }) => name)).to.not.include("outward");
	});

	it("lets nothing out into the world", () => {
		for (const { inputs } of all(EGRESS)) expect(inputs).to.not.have.any.keys("cidrIpv4", "cidrIpv6");
	});
});
