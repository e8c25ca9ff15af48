/** Values that types do not check: each is one that AWS publishes, and all stay within what a new account may have. */

import { expect } from "chai";
import { SUBNET_KINDS, subnetRanges } from "../../infra/subnet-ranges";
import { planVpc, type VpcArgs } from "../engine/vpc-plan";
import { overlaps } from "../support/networks";
import { PUBLISHED } from "../support/published";
import { FUNCTION, useProgram, VPC } from "../support/use-program";

/** A new account's quota. https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-eips */
const ELASTIC_ADDRESSES = 5;
const ADDRESS = "aws:ec2/eip:Eip";

describe("the values", () => {
	const dev = useProgram("dev");
	const prod = useProgram("prod");

	for (const { what, source, found, isAllowed, refused } of PUBLISHED)
		it(`are AWS's own: ${what}`, () => {
			for (const stack of [dev, prod]) {
				const values = found(stack.record());
				expect(values).to.not.be.empty;
				for (const value of values) expect(isAllowed(value as never), `${value}: ${source}`).to.equal(true);
			}
			for (const value of refused) expect(isAllowed(value as never), `${value} is refused`).to.equal(false);
		});

	it("name resources by ARNs of this region and account", () => {
		const arns = dev
			.record()
			.resources.flatMap(({ inputs }) => textsOf(inputs))
			.filter((text) => /^arn:/.test(text));
		expect(arns).to.have.length.above(50);
		for (const arn of arns) expect(isArn(arn), arn).to.equal(true);
	});

	it("would be seen to name a resource by anything else", () => {
		for (const arn of [
			"arn:aws:s3:::",
			"arn:aws:lambda:ap-northeast-1:123:function:load",
			"arn:aws:lambda:us-east-1:000000000000:function:load",
			"arn:aws:lambda:ap-northeast-1:111122223333:function:load",
			"arn:aws:sns:ap-northeast-1:000000000000",
			"arn:aws:sns:ap-northeast-1:000000000000:undefined",
		])
			expect(isArn(arn), arn).to.equal(false);
	});

	it("are no longer than AWS takes", () => {
		const longest: [type: string, input: string, most: number, source: string][] = [
			["aws:iam/rolePolicy:RolePolicy", "policy", 10_240, "IAM/latest/UserGuide/reference_iam-quotas.html"],
			["aws:kms/key:Key", "policy", 32_768, "kms/latest/developerguide/resource-limits.html"],
			["aws:sns/topicPolicy:TopicPolicy", "policy", 30_720, "general/latest/gr/sns.html"],
			["aws:s3/bucketPolicy:BucketPolicy", "policy", 20_480, "AmazonS3/latest/userguide/bucket-policies.html"],
			["aws:ec2/vpcEndpoint:VpcEndpoint", "policy", 20_480, "vpc/latest/privatelink/vpc-limits-endpoints.html"],
			["aws:sfn/stateMachine:StateMachine", "definition", 1_048_576, "step-functions/latest/dg/service-quotas.html"],
		];
		for (const [type, input, most, source] of longest) {
			expect(dev.all(type), type).to.not.be.empty;
			for (const { name, inputs } of dev.all(type))
				expect(inputs[input].length, `${type} ${name}, https://docs.aws.amazon.com/${source}`).to.be.at.most(most);
		}
		for (const { name, inputs } of dev.all(FUNCTION))
			expect(JSON.stringify(inputs.environment ?? {}).length, name).to.be.at.most(4096);
	});

	it("name no zone, since most accounts lack one of them", () => {
		for (const { inputs, name } of dev.record().resources)
			for (const text of textsOf(inputs)) expect(text, name).to.not.match(/ap-northeast-1[a-z]\b/);
	});

	it("need no more elastic IP addresses than a new account has", () => {
		// config.test.ts refuses more than three zones.
		const network = { ...(prod.one(VPC).inputs as VpcArgs), numberOfAvailabilityZones: 3 };
		const planned = planVpc("ev", network, ["a", "c", "d"]).filter(({ type }) => type === ADDRESS);
		expect(planned).to.not.be.empty;
		expect(planned.length + prod.all(ADDRESS).length).to.be.at.most(ELASTIC_ADDRESSES);
	});
});

describe("subnets", () => {
	const { one } = useProgram("dev");

	it("overlap where one holds the other", () => {
		expect(overlaps(["10.20.0.0/24", "10.20.1.0/24", "10.20.2.0/23"])).to.deep.equal([]);
		expect(overlaps(["10.20.0.0/23", "10.20.1.0/24"])).to.deep.equal([["10.20.0.0/23", "10.20.1.0/24"]]);
		expect(overlaps(["10.20.0.0/16", "10.20.255.128/25"])).to.have.length(1);
	});

	it("do not overlap in any network that the settings allow", () => {
		for (const cidrBlock of ["10.20.0.0/16", "10.20.0.0/20"])
			for (const numberOfAvailabilityZones of [2, 3]) {
				const subnetSpecs = SUBNET_KINDS.map((type) => ({
					type,
					cidrBlocks: subnetRanges(cidrBlock, type, numberOfAvailabilityZones),
				}));
				const network = { ...(one(VPC).inputs as VpcArgs), cidrBlock, numberOfAvailabilityZones, subnetSpecs };
				const subnets = planVpc("ev", network, ["a", "c", "d"]).filter(({ type }) => type === "aws:ec2/subnet:Subnet");
				expect(subnets).to.have.length(3 * numberOfAvailabilityZones);
				expect(overlaps(subnets.map(({ inputs }) => inputs.cidrBlock))).to.deep.equal([]);
			}
	});
});

/** Every text among some properties, those inside JSON included. */
function textsOf(value: unknown): string[] {
	if (typeof value === "string") {
		if (!/^[[{]/.test(value)) return [value];
		try {
			return textsOf(JSON.parse(value));
		} catch {
			return [value];
		}
	}
	return value && typeof value === "object" ? Object.values(value).flatMap(textsOf) : [];
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
function isArn(text: string): boolean {
	if (/undefined|\[object/.test(text)) return false;
	return (
		/^arn:aws:s3:::[a-z0-9][a-z0-9.-]{1,62}(\/.+)?$/.test(text) ||
		/^arn:aws:iam::(000000000000|aws):(root|role|policy)(\/.+)?$/.test(text) ||
		/^arn:aws:states:::[a-z]+:[A-Za-z]+$/.test(text) ||
		/^arn:aws:[a-z0-9-]+:ap-northeast-1:000000000000:.+$/.test(text)
	);
}
