/** Values that types do not check: each is one that AWS publishes, and all stay within what a new account may have. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { find, type ProgramRecord, type Properties } from "../../local/program/record";
import { overlaps } from "../support/networks";
import { programOf } from "../support/program";
import { PUBLISHED } from "../support/published";

const STACKS = ["dev", "prod"] as const;

for (const stack of STACKS)
	describe(`the values of ${stack}`, () => {
		let record: ProgramRecord;
		const all = (type: string) => record.resources.filter((resource) => resource.type === type);
		before(async function () {
			this.timeout(180_000);
			[record] = await Promise.all([programOf(stack), ...STACKS.map((other) => programOf(other))]);
		});

		for (const { what, source, found, isAllowed } of PUBLISHED)
			it(`are AWS's own: ${what} (${source})`, () => {
				const values = found(record);
				expect(values).to.not.be.empty;
				for (const value of values) expect(isAllowed(value as never), JSON.stringify(value)).to.equal(true);
			});

		it("name resources by ARNs of this region, and no account but this one and AWS's own", () => {
			const arns = record.resources.flatMap(({ inputs }) => textsOf(inputs)).filter((text) => /^arn:/.test(text));
			expect(arns).to.have.length.above(50);
			for (const arn of arns) expect(isArn(arn), arn).to.equal(true);
		});

		it("are no longer than AWS takes", () => {
			const longest: [type: string, input: string, most: number, source: string][] = [
				["aws:iam/rolePolicy:RolePolicy", "policy", 10_240, "IAM/latest/UserGuide/reference_iam-quotas.html"],
				["aws:kms/key:Key", "policy", 32_768, "kms/latest/developerguide/resource-limits.html"],
				["aws:sns/topicPolicy:TopicPolicy", "policy", 30_720, "general/latest/gr/sns.html"],
				["aws:s3/bucketPolicy:BucketPolicy", "policy", 20_480, "AmazonS3/latest/userguide/bucket-policies.html"],
				["aws:ec2/vpcEndpoint:VpcEndpoint", "policy", 20_480, "vpc/latest/privatelink/vpc-limits-endpoints.html"],
				["aws:sfn/stateMachine:StateMachine", "definition", 1_048_576, "step-functions/latest/dg/service-quotas.html"],
				[
					"aws:ec2/securityGroup:SecurityGroup",
					"description",
					255,
					"AWSEC2/latest/APIReference/API_CreateSecurityGroup.html",
				],
				[
					"aws:cloudwatch/metricAlarm:MetricAlarm",
					"alarmDescription",
					1024,
					"AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
				],
			];
			for (const [type, input, most, source] of longest) {
				expect(all(type), type).to.not.be.empty;
				for (const { name, inputs } of all(type))
					expect(inputs[input].length, `${type} ${name}, https://docs.aws.amazon.com/${source}`).to.be.at.most(most);
			}
			for (const { name, inputs } of all("aws:lambda/function:Function"))
				expect(JSON.stringify(inputs.environment).length, name).to.be.at.most(4096);
		});

		it("name what gets its name from Pulumi briefly enough: a hyphen and seven digits follow", () => {
			const most: Record<string, number> = {
				"aws:lambda/function:Function": 64,
				"aws:iam/role:Role": 64,
				"aws:s3/bucket:Bucket": 63,
				"aws:sqs/queue:Queue": 80,
				"aws:scheduler/schedule:Schedule": 64,
			};
			for (const [type, length] of Object.entries(most))
				for (const { name } of all(type)) expect(`${name}-1234567`.length, name).to.be.at.most(length);
		});

		describe("within a new account's quotas", () => {
			it("reserve no concurrency: of 10 invocations at once, 10 must stay unreserved", () => {
				const reserved = all("aws:lambda/function:Function").map(
					({ inputs }) => inputs.reservedConcurrentExecutions ?? -1,
				);
				expect(reserved).to.deep.equal(reserved.map(() => -1));
			});

			it("need five elastic IP addresses at most, also with as many zones as there may be", () => {
				const { natGateways } = find(record, "awsx:ec2:Vpc").inputs;
				expect({ None: 0, Single: 1, OnePerAz: 3 }[natGateways.strategy as "None"]).to.be.at.most(5);
			});

			it("name no zone, of which accounts see different ones: most have no ap-northeast-1b", () => {
				for (const { inputs, name } of record.resources)
					for (const text of textsOf(inputs)) expect(text, name).to.not.match(/ap-northeast-1[a-z]\b/);
			});
		});
	});

describe("a value that AWS does not publish", () => {
	for (const { what, isAllowed, refused } of PUBLISHED)
		it(`is refused as ${what}`, () => {
			for (const value of refused) expect(isAllowed(value as never), JSON.stringify(value)).to.equal(false);
		});

	it("is refused as an ARN", () => {
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
});

describe("networks", () => {
	it("overlap where one holds the other, and not where they only touch", () => {
		expect(overlaps(["10.20.0.0/24", "10.20.1.0/24", "10.20.2.0/23"])).to.deep.equal([]);
		expect(overlaps(["10.20.0.0/23", "10.20.1.0/24"])).to.deep.equal([["10.20.0.0/23", "10.20.1.0/24"]]);
		expect(overlaps(["10.20.0.0/16", "10.20.255.128/25"])).to.have.length(1);
	});

	const recorded = resolve("../shared/data");
	const layouts = existsSync(recorded) ? readdirSync(recorded).filter((file) => /^awsx-vpc-.*\.json$/.test(file)) : [];
	it("of the subnets that awsx makes do not overlap", function () {
		if (layouts.length === 0) this.skip();
		for (const file of layouts) {
			const { children } = JSON.parse(readFileSync(join(recorded, file), "utf8")) as {
				children: { type: string; inputs: Properties }[];
			};
			const subnets = children
				.filter(({ type }) => type === "aws:ec2/subnet:Subnet")
				.map(({ inputs }) => inputs.cidrBlock);
			expect(subnets, file).to.have.length.at.least(6);
			expect(overlaps(subnets), file).to.deep.equal([]);
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
