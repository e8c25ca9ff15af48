/** What must be there before what: of both stacks, as the engine keeps it. */

import { expect } from "chai";
import { find, type ProgramRecord, type RecordedResource } from "../../local/program/record";
import { engineRecordOf } from "./record";

const FUNCTIONS = ["extract", "load", "notify", "migrate", "rotate"];

/** By type and name, short of `aws:`: all that must be there before. */
const NEEDED: Record<string, string[]> = {
	...Object.fromEntries(
		FUNCTIONS.map((name) => [
			`lambda/function:Function ${name}`,
			[`iam/rolePolicy:RolePolicy ${name}`, `cloudwatch/logGroup:LogGroup ${name}`, "kms/key:Key ev"],
		]),
	),
	"rds/instance:Instance ev": [
		"cloudwatch/logGroup:LogGroup postgresql",
		"cloudwatch/logGroup:LogGroup upgrade",
		"ec2/securityGroup:SecurityGroup database",
		"ec2/routeTableAssociation:RouteTableAssociation ev-isolated-1",
		"rds/parameterGroup:ParameterGroup ev",
	],
	"lambda/invocation:Invocation migrate": [
		"lambda/function:Function migrate",
		"iam/rolePolicy:RolePolicy migrate",
		"rds/instance:Instance ev",
		"secretsmanager/secret:Secret database",
		"secretsmanager/secret:Secret reader",
		"ec2/vpcEndpoint:VpcEndpoint secrets",
		"vpc/securityGroupEgressRule:SecurityGroupEgressRule inward-secrets",
		"vpc/securityGroupIngressRule:SecurityGroupIngressRule inward-secrets",
		"vpc/securityGroupEgressRule:SecurityGroupEgressRule inward-database",
		"vpc/securityGroupIngressRule:SecurityGroupIngressRule inward-database",
	],
	"sfn/stateMachine:StateMachine workflow": [
		"lambda/invocation:Invocation migrate",
		"iam/rolePolicy:RolePolicy workflow",
		"cloudwatch/logGroup:LogGroup workflow",
		"sns/topic:Topic runs",
		...["extract", "load", "notify"].map((name) => `lambda/function:Function ${name}`),
	],
	"scheduler/schedule:Schedule nightly": [
		"lambda/invocation:Invocation migrate",
		"sfn/stateMachine:StateMachine workflow",
		"iam/rolePolicy:RolePolicy schedule",
		"sqs/queue:Queue undelivered",
		// Ways to the source, to S3 and to SNS.
		"ec2/route:Route ev-private-1",
		"ec2/natGateway:NatGateway ev-1",
		"ec2/vpcEndpoint:VpcEndpoint s3",
		"vpc/securityGroupEgressRule:SecurityGroupEgressRule outward-https",
		"vpc/securityGroupEgressRule:SecurityGroupEgressRule inward-s3",
		"vpc/securityGroupIngressRule:SecurityGroupIngressRule outward-secrets",
		// Nothing is kept in the bucket before it is guarded, and nobody knows of it before.
		"secretsmanager/secretVersion:SecretVersion pipeline",
		"s3/bucketPolicy:BucketPolicy raw",
		"s3/bucketPublicAccessBlock:BucketPublicAccessBlock raw",
		"s3/bucketOwnershipControls:BucketOwnershipControls raw",
		"s3/bucketVersioning:BucketVersioning raw",
		"s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration raw",
		"s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration raw",
		"s3/bucketLogging:BucketLogging raw",
	],
	// Secrets Manager tries the function at once.
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

/** URNs of all that a resource waits for, directly or not. A component is there when all below it are. */
function waitsFor(record: ProgramRecord, resource: RecordedResource, known = new Set<string>()): Set<string> {
	const isComponent = ({ id }: RecordedResource) => id === "";
	for (const other of record.resources) {
		const isNeeded =
			resource.dependsOn.includes(other.urn) || (isComponent(resource) && isBelow(record, other, resource));
		if (isNeeded && !known.has(other.urn)) waitsFor(record, other, known.add(other.urn));
	}
	return known;
}

function isBelow(record: ProgramRecord, resource: RecordedResource, ancestor: RecordedResource): boolean {
	const parent = record.resources.find(({ urn }) => urn === resource.parent);
	return parent !== undefined && (parent === ancestor || isBelow(record, parent, ancestor));
}

for (const stack of ["dev", "prod"] as const)
	describe(`in the stack ${stack}`, function () {
		this.timeout(300_000);
		let record: ProgramRecord;
		before(async () => {
			record = await engineRecordOf(stack);
		});

		for (const [resource, needed] of Object.entries(NEEDED))
			it(`${resource.split(":")[1]} comes after all that it takes`, () => {
				const [type, name] = resource.split(" ");
				const awaited = waitsFor(record, find(record, `aws:${type}`, name));
				const named = record.resources.filter(({ urn }) => awaited.has(urn)).map(({ type, name }) => `${type} ${name}`);
				expect(named).to.include.members(needed.map((other) => `aws:${other}`));
			});
	});
