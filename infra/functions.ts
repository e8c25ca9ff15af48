/** The functions: closures that Pulumi serialises, each with its own role, log, memory and packages. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { dependencies } from "../package.json";
import { withoutDeadWeight } from "./archive";
import type { Settings } from "./config";
import type { Placement } from "./network";

type Package = keyof typeof dependencies;
type Statement = aws.types.input.iam.GetPolicyDocumentStatementArgs;

export interface FunctionOptions<E, R> {
	/** Makes the handler, once per cold start; what it captures must be plain, or an Output read with `.get()`. */
	factory: () => (event: E, context: aws.lambda.Context) => Promise<R>;
	memoryMb: number;
	timeoutSeconds: number;
	/** Addresses and ARNs that AWS decides; what the configuration decides is captured instead. Never a secret. */
	environment: Record<string, pulumi.Input<string>>;
	/** Top-level packages that ship with it; no other does. */
	packages: Package[];
	/** Files that ship with it. */
	files?: string[];
	placement: Placement;
	/** What its role may do, beyond writing its log and living in the network. */
	statements: Statement[];
	dependsOn?: pulumi.Resource[];
}

/** What a function in a VPC does on its own behalf. These actions know no resources. https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html */
const NETWORK_INTERFACES: Statement = {
	actions: [
		"ec2:CreateNetworkInterface",
		"ec2:DescribeNetworkInterfaces",
		"ec2:DescribeSubnets",
		"ec2:DeleteNetworkInterface",
		"ec2:AssignPrivateIpAddresses",
		"ec2:UnassignPrivateIpAddresses",
	],
	resources: ["*"],
};

/**
 * Creates a function from a handler's factory.
 * @param name the function's name, and its role's and log's
 */
export function createFunction<E, R>(
	name: string,
	settings: Settings,
	key: aws.kms.Key,
	options: FunctionOptions<E, R>,
): aws.lambda.CallbackFunction<E, R> {
	const log = createLogGroup(name, settings, key);
	const role = createRole(name, "lambda.amazonaws.com", [
		...options.statements,
		{ actions: ["logs:CreateLogStream", "logs:PutLogEvents"], resources: [log.arn.apply((arn) => `${arn}:*`)] },
		{ actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources: ["*"] },
		NETWORK_INTERFACES,
	]);
	return new aws.lambda.CallbackFunction<E, R>(
		name,
		{
			callbackFactory: options.factory,
			role: role.arn,
			runtime: "nodejs24.x",
			architectures: ["arm64"],
			memorySize: options.memoryMb,
			timeout: options.timeoutSeconds,
			environment: { variables: options.environment },
			vpcConfig: options.placement,
			loggingConfig: { logFormat: "JSON", logGroup: log.name },
			tracingConfig: { mode: "Active" },
			codePathOptions: {
				extraExcludePackages: Object.keys(dependencies).filter((other) => !options.packages.includes(other as Package)),
				...(options.files && { extraIncludePaths: options.files }),
			},
		},
		{ dependsOn: [role.policy, ...(options.dependsOn ?? [])], transformations: [slim] },
	);
}

/** CallbackFunction decides what ships; this takes the dead weight out of it. */
function slim({ props, opts }: pulumi.ResourceTransformationArgs): pulumi.ResourceTransformationResult {
	return { props: { ...props, code: pulumi.output(props.code).apply(withoutDeadWeight) }, opts };
}

/** A log group that outlives nothing: declared, so that it has a retention and a key, and goes with the stack. */
export function createLogGroup(
	name: string,
	settings: Settings,
	key: aws.kms.Key,
	prefix = "",
): aws.cloudwatch.LogGroup {
	return new aws.cloudwatch.LogGroup(name, {
		...(prefix && { namePrefix: prefix }),
		retentionInDays: settings.logDays,
		kmsKeyId: key.arn,
	});
}

/** A role for one service with one policy. @returns the role's ARN, and the policy for those who must wait for it */
export function createRole(
	name: string,
	service: string,
	statements: Statement[],
): { arn: pulumi.Output<string>; policy: pulumi.Resource } {
	const role = new aws.iam.Role(name, {
		assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
			statements: [{ actions: ["sts:AssumeRole"], principals: [{ type: "Service", identifiers: [service] }] }],
		}).json,
	});
	const policy = new aws.iam.RolePolicy(name, {
		role: role.id,
		policy: aws.iam.getPolicyDocumentOutput({ statements }).json,
	});
	return { arn: role.arn, policy };
}
