/** The functions: closures that Pulumi serialises, each with its own role, log, memory and packages. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { dependencies } from "../../package.json";
import type { Settings } from "../config";
import { createLogGroup } from "../log-group";
import type { Placement } from "../network";
import { createRole, type Statement } from "../role";
import { packed } from "./archive";
import { compileModules } from "./modules";

type Package = keyof typeof dependencies;

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
	/** Modules of the project that it requires when it runs, by path without extension. */
	modules?: string[];
	/** Undefined: outside the network. */
	placement: Placement | undefined;
	/** What its role may do, beyond writing its log and living in the network. */
	statements: Statement[];
}

/**
 * What Lambda does with a function's role to place it in a network. Interfaces have no names beforehand, and describing knows
 * no resources. https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
 */
function networkInterfaces(): Statement[] {
	const { accountId } = aws.getCallerIdentityOutput();
	return [
		{
			actions: [
				"ec2:CreateNetworkInterface",
				"ec2:DeleteNetworkInterface",
				"ec2:AssignPrivateIpAddresses",
				"ec2:UnassignPrivateIpAddresses",
			],
			resources: [pulumi.interpolate`arn:aws:ec2:${aws.getRegionOutput().region}:${accountId}:*/*`],
		},
		{ actions: ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"], resources: ["*"] },
	];
}

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
		...(options.placement ? networkInterfaces() : []),
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
			// Where there is nothing to encrypt, AWS keeps no key.
			...(Object.keys(options.environment).length > 0 && { kmsKeyArn: key.arn }),
			...(options.placement && { vpcConfig: options.placement }),
			...(settings.reservedConcurrency && { reservedConcurrentExecutions: settings.reservedConcurrency }),
			// Callers name a version, so that new code runs when they do, and not before.
			publish: true,
			loggingConfig: { logFormat: "JSON", logGroup: log.name },
			tracingConfig: { mode: "Active" },
			codePathOptions: {
				extraExcludePackages: Object.keys(dependencies).filter((other) => !options.packages.includes(other as Package)),
				...(options.files && { extraIncludePaths: options.files }),
			},
		},
		{ dependsOn: [role.policy], transformations: [ship(options.modules ?? [])] },
	);
}

/** CallbackFunction decides what ships; this takes the dead weight out of it, and adds modules. */
function ship(modules: string[]): pulumi.ResourceTransformation {
	return ({ props, opts }) => ({
		props: { ...props, code: pulumi.output(props.code).apply((archive) => packed(archive, compileModules(modules))) },
		opts,
	});
}
