/** The program's record for a block of tests, and ways to find things in it. */

import { find, type ProgramRecord, type RecordedResource, type RecordOptions } from "../../local/program/record";
import { type Statement, statementsOf } from "./policies";
import { programOf } from "./program";

export const FUNCTION_NAMES = ["extract", "load", "export", "report", "notify", "migrate", "rotate"] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

export const ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm";
export const BUCKET = "aws:s3/bucket:Bucket";
export const DATABASE = "aws:rds/instance:Instance";
export const EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
export const ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint";
export const FUNCTION = "aws:lambda/function:Function";
export const GROUP = "aws:ec2/securityGroup:SecurityGroup";
export const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
export const INVOCATION = "aws:lambda/invocation:Invocation";
export const KEY = "aws:kms/key:Key";
export const LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup";
export const MACHINE = "aws:sfn/stateMachine:StateMachine";
export const ROLE = "aws:iam/role:Role";
export const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
export const SCHEDULE = "aws:scheduler/schedule:Schedule";
export const SECRET = "aws:secretsmanager/secret:Secret";
export const TOPIC = "aws:sns/topic:Topic";
export const VPC = "awsx:ec2:Vpc";

// Evaluating the program takes seconds, so tests share two variants of dev, also with test/pipeline/iam.test.ts.

/** Adds the host through which people reach the database, and the page on the web. */
export const WITH_OPTIONS = { access: "true", publicPage: "true" };

/** Leaves out the NAT gateways; raw pages are JSON, which does not affect them. */
export const WITHOUT_NAT = { format: "json", natGateways: "none" };

/** Evaluates the program before the tests of the block around it. */
export function useProgram(stack: RecordOptions["stack"], settings: Record<string, string> = {}) {
	let record: ProgramRecord;
	before(async function () {
		this.timeout(300_000);
		record = await programOf(stack, settings);
	});
	/** The one resource of a type, or of a type and a name. */
	const one = (type: string, name?: string) => find(record, type, name);
	const all = (type: string) => record.resources.filter((resource) => resource.type === type);
	return {
		record: () => record,
		one,
		all,
		arnOf: (type: string, name?: string): string => one(type, name).state.arn,
		lambda: (name: FunctionName): RecordedResource => one(FUNCTION, name),
		/** The statements of a role's policy. */
		policyOf: (name: string): Statement[] => statementsOf(one(ROLE_POLICY, name).inputs.policy),
	};
}

/** `aws:kms/key:Key ev` */
export function nameOf({ type, name }: RecordedResource): string {
	return `${type} ${name}`;
}
