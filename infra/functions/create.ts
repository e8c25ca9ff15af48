/** Creates Lambda functions from closures that Pulumi serialises, each with its own role, log group and packages. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { dependencies } from "../../package.json";
import { createLogGroup } from "../log-group";
import type { Network, Placement } from "../network";
import { createRole, type Statement } from "../role";
import type { Settings } from "../settings";
import type { Storage } from "../storage";
import { pruneArchive, type ResolvedArchive } from "./archive";
import { compileModules } from "./modules";

type Package = keyof typeof dependencies;

/** Everything that functions use. */
export interface FunctionDependencies {
	settings: Settings;
	storage: Storage;
	network: Network;
	database: aws.rds.Instance;
	/** Where notify publishes. */
	topic: aws.sns.Topic;
}

export interface FunctionOptions<E, R> {
	/** Creates the handler, once per cold start. It may capture only plain data, or an Output read with `.get()`. */
	factory: () => (event: E, context: aws.lambda.Context) => Promise<R>;
	memoryMb: number;
	timeoutSeconds: number;
	/** Addresses and ARNs that AWS assigns, never a secret. Settings are captured by the factory instead. */
	environment: Record<string, pulumi.Input<string>>;
	/** Dependencies in package.json that the archive includes; all others are left out. */
	packages: Package[];
	/** Further files and folders in the archive. */
	files?: string[];
	/** Modules of the project that the handler requires at run time: paths without extension. */
	modules?: string[];
	/** Further compiled files, by their path in the archive. */
	compiled?: pulumi.asset.AssetMap;
	/** Undefined: outside the network. */
	placement: Placement | undefined;
	/** What its role may do, besides writing its log and traces and using the network. */
	statements: Statement[];
}

/**
 * Allows Lambda to attach a function to a network. The interfaces' ids are unknown beforehand, and the Describe actions do not
 * support resources. https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
 */
function allowNetworkInterfaces(): Statement[] {
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
 * Creates a function with its role and log group.
 * @param name of all three
 */
export function createFunction<E, R>(
	name: string,
	settings: Settings,
	key: aws.kms.Key,
	options: FunctionOptions<E, R>,
): aws.lambda.CallbackFunction<E, R> {
	const log = createLogGroup(name, settings, key);
	const role = createRole(name, settings, "lambda.amazonaws.com", [
		...options.statements,
		{ actions: ["logs:CreateLogStream", "logs:PutLogEvents"], resources: [log.arn.apply((arn) => `${arn}:*`)] },
		{ actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources: ["*"] },
		...(options.placement ? allowNetworkInterfaces() : []),
	]);
	const hasVariables = Object.keys(options.environment).length > 0;
	return new aws.lambda.CallbackFunction<E, R>(
		name,
		{
			callbackFactory: options.factory,
			role: role.arn,
			runtime: "nodejs24.x",
			architectures: ["arm64"],
			memorySize: options.memoryMb,
			timeout: options.timeoutSeconds,
			// AWS keeps no key for an empty environment, and for an empty block the provider plans a new version at each update.
			// https://github.com/hashicorp/terraform-provider-aws/issues/43780
			...(hasVariables && { environment: { variables: options.environment }, kmsKeyArn: key.arn }),
			...(options.placement && { vpcConfig: options.placement }),
			...(settings.reservedConcurrency && { reservedConcurrentExecutions: settings.reservedConcurrency }),
			// The workflow calls a version, so new code runs only once the workflow is updated.
			publish: true,
			loggingConfig: { logFormat: "JSON", logGroup: log.name },
			tracingConfig: { mode: "Active" },
			codePathOptions: {
				extraExcludePackages: Object.keys(dependencies).filter((other) => !options.packages.includes(other as Package)),
				...(options.files && { extraIncludePaths: options.files }),
			},
		},
		{
			dependsOn: [role.policy],
			transformations: [replaceArchive(options)],
			// Old versions keep their subnets and groups, which then cannot be deleted; they go with the function.
			// https://github.com/aws/aws-cdk/issues/34400
			replaceOnChanges: ["vpcConfig"],
		},
	);
}

/**
 * Replaces the archive that CallbackFunction builds by one without unused files and with compiled modules.
 *
 * CallbackFunction sets `code` itself, after the caller's arguments, and its codePathOptions choose whole packages, not files.
 * A transformation is the only place where its inputs can be changed before they are sent to the engine.
 */
function replaceArchive({
	modules = [],
	compiled,
}: Pick<FunctionOptions<never, never>, "modules" | "compiled">): pulumi.ResourceTransformation {
	const replace = (code: ResolvedArchive) => pruneArchive(code, { ...compileModules(modules), ...compiled });
	return ({ props, opts }) => ({ props: { ...props, code: pulumi.output(props.code).apply(replace) }, opts });
}
