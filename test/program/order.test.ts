/** What must exist before what. test/engine/graph.test.ts adds what only the real engine registers. */

import { expect } from "chai";
import type { ProgramRecord, RecordedResource } from "../../local/program/record";
import { EGRESS, FUNCTION_NAMES, INGRESS, nameOf, useProgram } from "../support/use-program";

/** What a run needs. */
const BEFORE_RUNS = [
	"lambda/invocation:Invocation migrate",
	"sfn/stateMachine:StateMachine workflow",
	"iam/rolePolicy:RolePolicy schedule",
	"sqs/queue:Queue undelivered",
	"ec2/vpcEndpoint:VpcEndpoint s3",
	"ec2/vpcEndpoint:VpcEndpoint secrets",
	// Nothing is written to the bucket before it is protected; its name is known only afterwards.
	"secretsmanager/secretVersion:SecretVersion pipeline",
	"s3/bucketPolicy:BucketPolicy raw",
	"s3/bucketPublicAccessBlock:BucketPublicAccessBlock raw",
	"s3/bucketOwnershipControls:BucketOwnershipControls raw",
	"s3/bucketVersioning:BucketVersioning raw",
	"s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration raw",
	"s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration raw",
	"s3/bucketLogging:BucketLogging raw",
	"s3/bucketPolicy:BucketPolicy site",
	"s3/bucketPublicAccessBlock:BucketPublicAccessBlock site",
	"s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration site",
	"s3/bucketLogging:BucketLogging site",
];

/** By type and name, without `aws:`: what must exist before. */
const NEEDED: Record<string, string[]> = {
	...Object.fromEntries(
		FUNCTION_NAMES.map((name) => [
			`lambda/function:Function ${name}`,
			[`iam/rolePolicy:RolePolicy ${name}`, `cloudwatch/logGroup:LogGroup ${name}`, "kms/key:Key ev"],
		]),
	),
	"rds/instance:Instance ev": [
		"cloudwatch/logGroup:LogGroup postgresql",
		"cloudwatch/logGroup:LogGroup upgrade",
		"ec2/securityGroup:SecurityGroup database",
		"rds/parameterGroup:ParameterGroup ev",
	],
	"lambda/invocation:Invocation migrate": [
		"lambda/function:Function migrate",
		"iam/rolePolicy:RolePolicy migrate",
		"rds/instance:Instance ev",
		"secretsmanager/secret:Secret database",
		"secretsmanager/secret:Secret reader",
		"ec2/vpcEndpoint:VpcEndpoint s3",
		"ec2/vpcEndpoint:VpcEndpoint secrets",
	],
	"sfn/stateMachine:StateMachine workflow": [
		"lambda/invocation:Invocation migrate",
		"iam/rolePolicy:RolePolicy workflow",
		"cloudwatch/logGroup:LogGroup workflow",
		"sns/topic:Topic runs",
		...["extract", "load", "export", "report", "notify"].map((name) => `lambda/function:Function ${name}`),
	],
	"scheduler/schedule:Schedule nightly": BEFORE_RUNS,
	"scheduler/schedule:Schedule first": BEFORE_RUNS,
	// Secrets Manager tests the function as soon as a rotation is declared.
	...Object.fromEntries(
		["database", "reader"].map((name) => [
			`secretsmanager/secretRotation:SecretRotation ${name}`,
			[
				"lambda/invocation:Invocation migrate",
				"lambda/function:Function rotate",
				`lambda/permission:Permission rotate-${name}`,
				"ec2/vpcEndpoint:VpcEndpoint secrets",
			],
		]),
	),
};

describe("the order of a deployment", () => {
	const { record, one, all } = useProgram("dev");

	for (const [resource, needed] of Object.entries(NEEDED))
		it(`creates ${resource.split(":")[1]} after what it needs`, () => {
			const [type, name] = resource.split(" ");
			const earlier = neededBy(record(), one(`aws:${type}`, name)).map(nameOf);
			expect(earlier).to.include.members(needed.map((other) => `aws:${other}`));
		});

	it("opens every connection before it runs migrate and the schedule", () => {
		const rules = [...all(EGRESS), ...all(INGRESS)].map(nameOf);
		for (const waiting of ["aws:lambda/invocation:Invocation", "aws:scheduler/schedule:Schedule"])
			for (const resource of all(waiting)) expect(neededBy(record(), resource).map(nameOf)).to.include.members(rules);
	});

	it("runs migrate again when its inputs change", () => {
		const { triggers } = one("aws:lambda/invocation:Invocation").inputs;
		const { state } = one("aws:lambda/function:Function", "migrate");
		expect(triggers).to.have.all.keys("migrations", "code", "database", "secrets");
		expect(triggers).to.include({
			code: state.sourceCodeHash,
			database: one("aws:rds/instance:Instance").state.resourceId,
			secrets: ["database", "reader"].map((name) => one("aws:secretsmanager/secret:Secret", name).id).join(" "),
		});
		expect(triggers.migrations).to.match(/^[0-9a-f]{64}$/);
	});
});

/** All that a resource waits for, directly or not. */
function neededBy(record: ProgramRecord, resource: RecordedResource, known = new Set<RecordedResource>()) {
	for (const other of record.resources)
		if (resource.dependsOn.includes(other.urn) && !known.has(other)) neededBy(record, other, known.add(other));
	return [...known];
}
