/**
 * What a deployment asks of AWS for each type of resource: to create, read, update and delete it. Of the provider's code,
 * https://github.com/hashicorp/terraform-provider-aws, and of the permissions that AWS's own handlers need,
 * https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
 */

import type { RecordedResource } from "../../../local/program/record";
import { ACCOUNT, REGION } from "./template";

/** A request, with the condition keys that AWS sets in it. */
export interface Need {
	action: string;
	resource: string;
	context?: Record<string, string>;
}

const PROJECT = "ev-registrations";
/** A resource that is there; one that is made in the request. */
const EXISTING = { "aws:ResourceTag/project": PROJECT };
const NEW = { "aws:RequestTag/project": PROJECT };
const IN_REGION = { "aws:RequestedRegion": REGION };

const needs = (service: string, names: string, resource: string, context?: Need["context"]): Need[] =>
	names.split(" ").map((name) => ({ action: `${service}:${name}`, resource, ...(context && { context }) }));
const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
const role = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;

/** A role is given to a service. */
const pass = (roleArn: string, service: string): Need[] =>
	needs("iam", "PassRole", roleArn, { "iam:PassedToService": `${service}.amazonaws.com` });

/** Things of EC2 by their kinds, of which the first is made and tagged, in or beside the others. */
function creates(action: string, [made, ...others]: [string, ...string[]]): Need[] {
	return [
		...needs("ec2", action, arn("ec2", `${made}/new`), NEW),
		...needs("ec2", "CreateTags", arn("ec2", `${made}/new`), { ...NEW, "ec2:CreateAction": action }),
		...others.flatMap((kind) => changes(action, kind)),
	];
}
const changes = (actions: string, kind: string) => needs("ec2", actions, arn("ec2", `${kind}/old`), EXISTING);
const describes = (what: string) =>
	needs(
		"ec2",
		what
			.split(" ")
			.map((name) => `Describe${name}`)
			.join(" "),
		"*",
		IN_REGION,
	);
const retags = (kind: string) => changes("CreateTags DeleteTags", kind);

/** What services do with the key in the name of who makes a resource that is encrypted with it. */
const usesKey = (key: string): Need[] => [
	...needs("kms", "DescribeKey Decrypt Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext", key, EXISTING),
	...needs("kms", "CreateGrant", key, { ...EXISTING, "kms:GrantIsForAWSResource": "true" }),
];

const bucketPart = (actions: string) => (resource: RecordedResource) =>
	needs("s3", actions, `arn:aws:s3:::${resource.inputs.bucket}`);
const cloudFront = (kind: string) => {
	const name = kind.replaceAll(/(^|-)([a-z])/g, (_, _dash, letter) => letter.toUpperCase());
	return ({ id }: RecordedResource) => [
		...needs("cloudfront", `Create${name}`, "*"),
		...needs("cloudfront", `Get${name} Update${name} Delete${name}`, `arn:aws:cloudfront::${ACCOUNT}:${kind}/${id}`),
	];
};
const securityGroupRule = (direction: string): Need[] => [
	...creates(`AuthorizeSecurityGroup${direction}`, ["security-group-rule", "security-group"]),
	...changes(`RevokeSecurityGroup${direction} ModifySecurityGroupRules`, "security-group"),
	...retags("security-group-rule"),
	...describes("SecurityGroupRules"),
];

/** By type. A resource whose type is missing here has not been thought of in bootstrap/github.yaml. */
export const NEEDS: Record<string, (resource: RecordedResource) => Need[]> = {
	"pulumi:pulumi:Stack": () => [],
	"aws:budgets/budget:Budget": ({ id }) =>
		needs(
			"budgets",
			"ViewBudget ModifyBudget ListTagsForResource TagResource UntagResource",
			`arn:aws:budgets::${ACCOUNT}:budget/${id}`,
		),
	"aws:cloudfront/cachePolicy:CachePolicy": cloudFront("cache-policy"),
	"aws:cloudfront/originAccessControl:OriginAccessControl": cloudFront("origin-access-control"),
	"aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": cloudFront("response-headers-policy"),
	"aws:cloudfront/distribution:Distribution": ({ state }) => [
		...needs("cloudfront", "CreateDistribution", "*", NEW),
		...needs("cloudfront", "TagResource", state.arn, NEW),
		...needs("cloudfront", "TagResource", state.arn, { ...NEW, ...EXISTING }),
		...needs(
			"cloudfront",
			"GetDistribution UpdateDistribution DeleteDistribution ListTagsForResource UntagResource",
			state.arn,
			EXISTING,
		),
	],
	"aws:cloudwatch/dashboard:Dashboard": ({ id }) =>
		needs("cloudwatch", "PutDashboard GetDashboard DeleteDashboards", `arn:aws:cloudwatch::${ACCOUNT}:dashboard/${id}`),
	"aws:cloudwatch/eventRule:EventRule": ({ id }) =>
		needs(
			"events",
			"PutRule DescribeRule DeleteRule ListTagsForResource TagResource UntagResource",
			arn("events", `rule/${id}`),
		),
	"aws:cloudwatch/eventTarget:EventTarget": ({ inputs }) =>
		needs("events", "PutTargets ListTargetsByRule RemoveTargets", arn("events", `rule/${inputs.rule}`)),
	"aws:cloudwatch/logGroup:LogGroup": ({ inputs, state }) => {
		const name = inputs.namePrefix ? `${inputs.namePrefix}2026` : state.name;
		return [
			...needs(
				"logs",
				"CreateLogGroup PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey DisassociateKmsKey DeleteLogGroup ListTagsForResource TagResource UntagResource",
				arn("logs", `log-group:${name}`),
			),
			...needs("logs", "DescribeLogGroups", "*", IN_REGION),
		];
	},
	"aws:cloudwatch/metricAlarm:MetricAlarm": ({ id }) =>
		needs(
			"cloudwatch",
			"PutMetricAlarm DescribeAlarms DeleteAlarms ListTagsForResource TagResource UntagResource",
			arn("cloudwatch", `alarm:${id}`),
		),
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": () => [
		...describes("SecurityGroups"),
		...needs("ec2", "CreateTags", arn("ec2", "security-group/default"), NEW),
		...changes("RevokeSecurityGroupIngress RevokeSecurityGroupEgress", "security-group"),
	],
	"aws:ec2/flowLog:FlowLog": ({ inputs }) => [
		...creates("CreateFlowLogs", ["vpc-flow-log", "vpc"]),
		...changes("DeleteFlowLogs", "vpc-flow-log"),
		...retags("vpc-flow-log"),
		...describes("FlowLogs"),
		...needs("logs", "CreateLogDelivery DeleteLogDelivery", "*", IN_REGION),
		...pass(inputs.iamRoleArn, "vpc-flow-logs"),
	],
	"aws:ec2/instance:Instance": ({ inputs }) => [
		...creates("RunInstances", ["instance", "subnet", "security-group"]),
		...creates("RunInstances", ["volume"]),
		...needs("ec2", "RunInstances", arn("ec2", "network-interface/new")),
		...needs("ec2", "RunInstances", `arn:aws:ec2:${REGION}::image/ami-1`, { "ec2:Owner": "amazon" }),
		...changes(
			"ModifyInstanceAttribute ModifyInstanceMetadataOptions StartInstances StopInstances TerminateInstances",
			"instance",
		),
		...retags("instance"),
		...describes("Instances InstanceAttribute InstanceTypes Images Volumes NetworkInterfaces"),
		...needs("iam", "GetInstanceProfile", `arn:aws:iam::${ACCOUNT}:instance-profile/${inputs.iamInstanceProfile}`),
		...pass(role("ev-registrations-dev-access-1234567"), "ec2"),
		...usesKey(inputs.rootBlockDevice.kmsKeyId),
		// Its image.
		...needs("ssm", "GetParameter", arn("ssm", "parameter/aws/service/ami-amazon-linux-latest/al2023")),
	],
	"aws:ec2/securityGroup:SecurityGroup": () => [
		...creates("CreateSecurityGroup", ["security-group", "vpc"]),
		...changes("RevokeSecurityGroupEgress RevokeSecurityGroupIngress DeleteSecurityGroup", "security-group"),
		...retags("security-group"),
		...describes("SecurityGroups SecurityGroupRules NetworkInterfaces"),
		...needs("ec2", "DeleteNetworkInterface", arn("ec2", "network-interface/of-lambda")),
	],
	"aws:ec2/vpcEndpoint:VpcEndpoint": ({ inputs }) => [
		...creates("CreateVpcEndpoint", ["vpc-endpoint", "vpc"]),
		...(inputs.vpcEndpointType === "Gateway" ? ["route-table"] : ["subnet", "security-group"]).flatMap((kind) =>
			changes("CreateVpcEndpoint ModifyVpcEndpoint", kind),
		),
		...changes("ModifyVpcEndpoint DeleteVpcEndpoints", "vpc-endpoint"),
		...retags("vpc-endpoint"),
		...describes("VpcEndpoints PrefixLists"),
	],
	"aws:iam/instanceProfile:InstanceProfile": ({ id, inputs }) => [
		...needs(
			"iam",
			"CreateInstanceProfile GetInstanceProfile AddRoleToInstanceProfile RemoveRoleFromInstanceProfile DeleteInstanceProfile TagInstanceProfile UntagInstanceProfile",
			`arn:aws:iam::${ACCOUNT}:instance-profile/${id}`,
		),
		...needs("iam", "GetRole", role(inputs.role)),
		...pass(role(inputs.role), "ec2"),
	],
	"aws:iam/role:Role": ({ state, inputs }) => [
		...needs("iam", "CreateRole PutRolePermissionsBoundary", state.arn, {
			"iam:PermissionsBoundary": inputs.permissionsBoundary,
		}),
		...needs(
			"iam",
			"GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy DeleteRole TagRole UntagRole ListRolePolicies ListAttachedRolePolicies ListInstanceProfilesForRole",
			state.arn,
		),
	],
	"aws:iam/rolePolicy:RolePolicy": ({ inputs }) => [
		...needs("iam", "PutRolePolicy", role(inputs.role), {
			"iam:PermissionsBoundary": `arn:aws:iam::${ACCOUNT}:policy/ev-registrations-boundary`,
		}),
		...needs("iam", "GetRolePolicy DeleteRolePolicy", role(inputs.role)),
	],
	"aws:kms/key:Key": ({ state }) => [
		...needs("kms", "CreateKey", "*", { ...NEW, ...IN_REGION }),
		...needs("kms", "TagResource", state.arn, NEW),
		...needs("kms", "TagResource", state.arn, { ...NEW, ...EXISTING }),
		...needs(
			"kms",
			"DescribeKey GetKeyPolicy GetKeyRotationStatus ListResourceTags PutKeyPolicy EnableKeyRotation UpdateKeyDescription ScheduleKeyDeletion UntagResource",
			state.arn,
			EXISTING,
		),
	],
	"aws:lambda/function:Function": ({ state, inputs }) => [
		...needs(
			"lambda",
			"CreateFunction GetFunction GetFunctionConfiguration GetFunctionCodeSigningConfig UpdateFunctionCode UpdateFunctionConfiguration PublishVersion ListVersionsByFunction PutFunctionConcurrency DeleteFunctionConcurrency DeleteFunction ListTags TagResource UntagResource",
			state.arn,
		),
		...pass(inputs.role, "lambda"),
		...(inputs.vpcConfig ? describes("Vpcs Subnets SecurityGroups NetworkInterfaces") : []),
		...(inputs.kmsKeyArn ? usesKey(inputs.kmsKeyArn) : []),
	],
	"aws:lambda/invocation:Invocation": ({ inputs }) =>
		needs("lambda", "InvokeFunction", arn("lambda", `function:${inputs.functionName}`)),
	"aws:lambda/permission:Permission": ({ inputs }) =>
		needs("lambda", "AddPermission GetPolicy RemovePermission", arn("lambda", `function:${inputs.function}`)),
	"aws:rds/instance:Instance": ({ id, inputs }) => [
		...[
			`db:${inputs.identifier}`,
			`subgrp:${inputs.dbSubnetGroupName}`,
			`pg:${inputs.parameterGroupName}`,
			"og:default:postgres-18",
		].flatMap((part) =>
			needs(
				"rds",
				"CreateDBInstance ModifyDBInstance RestoreDBInstanceFromDBSnapshot RestoreDBInstanceToPointInTime",
				arn("rds", part),
			),
		),
		// With the setting restoreFrom: what RDS backed up by itself, or what a person did.
		...[`snapshot:rds:${inputs.identifier}-2026-11-20-04-10`, `snapshot:${inputs.identifier}-before-19`].flatMap(
			(part) => needs("rds", "RestoreDBInstanceFromDBSnapshot", arn("rds", part)),
		),
		...needs(
			"rds",
			"DescribeDBInstances RebootDBInstance DeleteDBInstance AddTagsToResource RemoveTagsFromResource ListTagsForResource",
			arn("rds", `db:${inputs.identifier}`),
		),
		...(inputs.finalSnapshotIdentifier
			? needs("rds", "CreateDBSnapshot AddTagsToResource", arn("rds", `snapshot:${inputs.finalSnapshotIdentifier}`))
			: []),
		...needs("secretsmanager", "CreateSecret TagResource", arn("secretsmanager", `secret:rds!db-${id}`)),
		...needs("iam", "CreateServiceLinkedRole", role("aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"), {
			"iam:AWSServiceName": "rds.amazonaws.com",
		}),
		...pass(inputs.monitoringRoleArn, "monitoring.rds"),
		...usesKey(inputs.kmsKeyId),
	],
	"aws:rds/parameterGroup:ParameterGroup": ({ id }) =>
		needs(
			"rds",
			"CreateDBParameterGroup ModifyDBParameterGroup ResetDBParameterGroup DescribeDBParameterGroups DescribeDBParameters DeleteDBParameterGroup AddTagsToResource RemoveTagsFromResource ListTagsForResource",
			arn("rds", `pg:${id}`),
		),
	"aws:rds/subnetGroup:SubnetGroup": ({ id }) =>
		needs(
			"rds",
			"CreateDBSubnetGroup ModifyDBSubnetGroup DescribeDBSubnetGroups DeleteDBSubnetGroup AddTagsToResource RemoveTagsFromResource ListTagsForResource",
			arn("rds", `subgrp:${id}`),
		),
	"aws:s3/bucket:Bucket": ({ id, inputs, state }) => [
		...needs(
			"s3",
			"CreateBucket DeleteBucket ListBucket GetBucketLocation GetBucketAcl GetBucketCORS GetBucketWebsite GetBucketRequestPayment GetBucketLogging GetBucketVersioning GetBucketPolicy GetBucketTagging GetBucketObjectLockConfiguration GetAccelerateConfiguration GetEncryptionConfiguration GetLifecycleConfiguration GetReplicationConfiguration PutBucketTagging ListTagsForResource TagResource UntagResource",
			state.arn,
		),
		...(inputs.forceDestroy
			? [
					...needs("s3", "ListBucketVersions", state.arn),
					...needs("s3", "DeleteObject DeleteObjectVersion", `arn:aws:s3:::${id}/any`),
				]
			: []),
	],
	"aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": bucketPart(
		"PutLifecycleConfiguration GetLifecycleConfiguration",
	),
	"aws:s3/bucketLogging:BucketLogging": bucketPart("PutBucketLogging GetBucketLogging"),
	"aws:s3/bucketOwnershipControls:BucketOwnershipControls": bucketPart(
		"PutBucketOwnershipControls GetBucketOwnershipControls",
	),
	"aws:s3/bucketPolicy:BucketPolicy": bucketPart("PutBucketPolicy GetBucketPolicy DeleteBucketPolicy"),
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": bucketPart(
		"PutBucketPublicAccessBlock GetBucketPublicAccessBlock",
	),
	"aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": bucketPart(
		"PutEncryptionConfiguration GetEncryptionConfiguration",
	),
	"aws:s3/bucketVersioning:BucketVersioning": bucketPart("PutBucketVersioning GetBucketVersioning"),
	"aws:scheduler/schedule:Schedule": ({ id, inputs }) => [
		...needs(
			"scheduler",
			"CreateSchedule GetSchedule UpdateSchedule DeleteSchedule",
			arn("scheduler", `schedule/default/${id}`),
		),
		...pass(inputs.target.roleArn, "scheduler"),
		...usesKey(inputs.kmsKeyArn),
	],
	"aws:secretsmanager/secret:Secret": ({ state, inputs }) => [
		...needs(
			"secretsmanager",
			"CreateSecret DescribeSecret UpdateSecret DeleteSecret GetResourcePolicy TagResource UntagResource",
			state.arn,
		),
		...usesKey(inputs.kmsKeyId),
	],
	"aws:secretsmanager/secretRotation:SecretRotation": ({ inputs }) =>
		needs("secretsmanager", "RotateSecret CancelRotateSecret DescribeSecret", inputs.secretId),
	"aws:secretsmanager/secretVersion:SecretVersion": ({ inputs }) =>
		needs("secretsmanager", "PutSecretValue GetSecretValue DescribeSecret UpdateSecretVersionStage", inputs.secretId),
	"aws:sfn/stateMachine:StateMachine": ({ state, inputs }) => [
		...needs(
			"states",
			"CreateStateMachine DescribeStateMachine UpdateStateMachine DeleteStateMachine ListStateMachineVersions ListTagsForResource TagResource UntagResource",
			state.arn,
		),
		...needs("states", "ValidateStateMachineDefinition", "*", IN_REGION),
		...pass(inputs.roleArn, "states"),
	],
	"aws:sns/topic:Topic": ({ state }) =>
		needs(
			"sns",
			"CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic ListTagsForResource TagResource UntagResource",
			state.arn,
		),
	"aws:sns/topicPolicy:TopicPolicy": ({ inputs }) => needs("sns", "SetTopicAttributes GetTopicAttributes", inputs.arn),
	"aws:sns/topicSubscription:TopicSubscription": ({ inputs }) =>
		needs("sns", "Subscribe GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe", inputs.topic),
	"aws:sqs/queue:Queue": ({ state }) =>
		needs(
			"sqs",
			"CreateQueue GetQueueUrl GetQueueAttributes SetQueueAttributes DeleteQueue ListQueueTags TagQueue UntagQueue",
			state.arn,
		),
	"aws:sqs/queuePolicy:QueuePolicy": ({ inputs }) =>
		needs("sqs", "SetQueueAttributes GetQueueAttributes", arn("sqs", inputs.queueUrl)),
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": () => securityGroupRule("Egress"),
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": () => securityGroupRule("Ingress"),
	// The network that awsx makes, whose parts are not in the record.
	"awsx:ec2:Vpc": () => [
		...describes(
			"AvailabilityZones Vpcs VpcAttribute Subnets InternetGateways RouteTables NatGateways Addresses AddressesAttribute NetworkAcls SecurityGroups",
		),
		...creates("CreateVpc", ["vpc"]),
		...changes("ModifyVpcAttribute DeleteVpc", "vpc"),
		...creates("CreateSubnet", ["subnet", "vpc"]),
		...changes("ModifySubnetAttribute DeleteSubnet", "subnet"),
		...creates("CreateInternetGateway", ["internet-gateway"]),
		...["internet-gateway", "vpc"].flatMap((kind) => changes("AttachInternetGateway DetachInternetGateway", kind)),
		...changes("DeleteInternetGateway", "internet-gateway"),
		...creates("AllocateAddress", ["elastic-ip"]),
		...changes("ReleaseAddress", "elastic-ip"),
		...creates("CreateNatGateway", ["natgateway", "subnet", "elastic-ip"]),
		...changes("DeleteNatGateway", "natgateway"),
		...creates("CreateRouteTable", ["route-table", "vpc"]),
		...changes("CreateRoute ReplaceRoute DeleteRoute DeleteRouteTable", "route-table"),
		...["route-table", "subnet"].flatMap((kind) => changes("AssociateRouteTable DisassociateRouteTable", kind)),
		...["vpc", "subnet", "internet-gateway", "elastic-ip", "natgateway", "route-table"].flatMap(retags),
	],
};
