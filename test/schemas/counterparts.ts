/** What CloudFormation calls each type of resource and each input of it that the program declares. */

import type { Properties } from "../../local/program/record";

export interface Counterpart {
	/** CloudFormation's type. */
	type: string;
	/** The input that names another resource, where CloudFormation makes this one a part of that. */
	partOf?: string;
	/** Where below the resource's properties its inputs are; a list, if it ends in `[]`. */
	at?: string;
	/** The property that holds the name which Pulumi makes up. */
	name?: string;
	/** Names by an input's path, where they are not the input's own with a capital letter. A dot leads further down; an empty name, one up. */
	names?: Record<string, string>;
	/** Values by an input's path, where they have another form. What is inside is left as it is. */
	values?: Record<string, (value: never) => unknown>;
	/** Properties that CloudFormation requires and Pulumi's inputs imply. */
	implied?: Properties;
	/** Inputs by path that CloudFormation does not have, and why. */
	absent?: Record<string, string>;
}

export const capitalised = (name: string) => name[0]!.toUpperCase() + name.slice(1);

const DELETION = "CloudFormation has a DeletionPolicy instead";
const json = (text: string) => JSON.parse(text) as unknown;
const list = (value: unknown) => [value];
const pairs =
	(name: string) =>
	(values: Record<string, unknown>): unknown[] =>
		Object.entries(values).map(([key, Value]) => ({ [name]: key, Value }));
const capitals = (properties: Properties) =>
	Object.fromEntries(Object.entries(properties).map(([key, value]) => [capitalised(key), value]));
const tags = pairs("Key");
const dimensions = pairs("Name");

export const COUNTERPARTS: Record<string, Counterpart> = {
	"aws:budgets/budget:Budget": {
		type: "AWS::Budgets::Budget",
		name: "Budget.BudgetName",
		names: {
			budgetType: "Budget.BudgetType",
			timeUnit: "Budget.TimeUnit",
			limitAmount: "Budget.BudgetLimit.Amount",
			limitUnit: "Budget.BudgetLimit.Unit",
			notifications: "NotificationsWithSubscribers",
		},
		values: {
			limitAmount: Number,
			notifications: (all: Properties[]) =>
				all.map(({ subscriberEmailAddresses, ...notification }) => ({
					Notification: capitals(notification),
					Subscribers: subscriberEmailAddresses.map((Address: string) => ({ SubscriptionType: "EMAIL", Address })),
				})),
		},
	},
	"aws:cloudfront/cachePolicy:CachePolicy": {
		type: "AWS::CloudFront::CachePolicy",
		at: "CachePolicyConfig",
		name: "Name",
		names: {
			minTtl: "MinTTL",
			defaultTtl: "DefaultTTL",
			maxTtl: "MaxTTL",
		},
	},
	"aws:cloudfront/distribution:Distribution": {
		type: "AWS::CloudFront::Distribution",
		at: "DistributionConfig",
		names: {
			isIpv6Enabled: "IPV6Enabled",
			"origins.originId": "Id",
			"viewerCertificate.cloudfrontDefaultCertificate": "CloudFrontDefaultCertificate",
		},
	},
	"aws:cloudfront/originAccessControl:OriginAccessControl": {
		type: "AWS::CloudFront::OriginAccessControl",
		at: "OriginAccessControlConfig",
		name: "Name",
	},
	"aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": {
		type: "AWS::CloudFront::ResponseHeadersPolicy",
		at: "ResponseHeadersPolicyConfig",
		name: "Name",
	},
	"aws:cloudwatch/dashboard:Dashboard": { type: "AWS::CloudWatch::Dashboard" },
	"aws:cloudwatch/eventRule:EventRule": {
		type: "AWS::Events::Rule",
		name: "Name",
		values: { eventPattern: json },
	},
	"aws:cloudwatch/eventTarget:EventTarget": {
		type: "AWS::Events::Rule",
		partOf: "rule",
		at: "Targets[]",
		name: "Id",
		names: { "inputTransformer.inputPaths": "InputPathsMap" },
		values: { "inputTransformer.inputPaths": (paths: Properties) => paths },
	},
	"aws:cloudwatch/logGroup:LogGroup": {
		type: "AWS::Logs::LogGroup",
		name: "LogGroupName",
		names: { name: "LogGroupName", namePrefix: "LogGroupName" },
		values: { namePrefix: (prefix: string) => `${prefix}20260101000000000000000001` },
	},
	"aws:cloudwatch/metricAlarm:MetricAlarm": {
		type: "AWS::CloudWatch::Alarm",
		names: {
			name: "AlarmName",
			metricQueries: "Metrics",
			"metricQueries.metric": "MetricStat",
			"metricQueries.metric.namespace": "Metric.Namespace",
			"metricQueries.metric.metricName": "Metric.MetricName",
			"metricQueries.metric.dimensions": "Metric.Dimensions",
		},
		values: { dimensions, "metricQueries.metric.dimensions": dimensions },
	},
	"aws:ec2/eip:Eip": { type: "AWS::EC2::EIP", values: { tags } },
	"aws:ec2/flowLog:FlowLog": {
		type: "AWS::EC2::FlowLog",
		names: { iamRoleArn: "DeliverLogsPermissionArn", vpcId: "ResourceId" },
		implied: { ResourceType: "VPC" },
	},
	"aws:ec2/instance:Instance": {
		type: "AWS::EC2::Instance",
		names: {
			ami: "ImageId",
			rootBlockDevice: "BlockDeviceMappings",
			vpcSecurityGroupIds: "SecurityGroupIds",
		},
		absent: { associatePublicIpAddress: "CloudFormation has it only for interfaces that are listed" },
		values: { tags, rootBlockDevice: (device: Properties) => [{ DeviceName: "/dev/xvda", Ebs: capitals(device) }] },
	},
	"aws:ec2/internetGateway:InternetGateway": {
		type: "AWS::EC2::InternetGateway",
		values: { tags },
		absent: { vpcId: "CloudFormation attaches a gateway by a resource of its own" },
	},
	"aws:ec2/natGateway:NatGateway": { type: "AWS::EC2::NatGateway", values: { tags } },
	"aws:ec2/route:Route": { type: "AWS::EC2::Route" },
	"aws:ec2/routeTable:RouteTable": { type: "AWS::EC2::RouteTable", values: { tags } },
	"aws:ec2/routeTableAssociation:RouteTableAssociation": { type: "AWS::EC2::SubnetRouteTableAssociation" },
	"aws:ec2/securityGroup:SecurityGroup": {
		type: "AWS::EC2::SecurityGroup",
		name: "GroupName",
		names: { description: "GroupDescription" },
	},
	"aws:ec2/subnet:Subnet": { type: "AWS::EC2::Subnet", values: { tags } },
	"aws:ec2/vpc:Vpc": { type: "AWS::EC2::VPC", values: { tags } },
	"aws:ec2/vpcEndpoint:VpcEndpoint": {
		type: "AWS::EC2::VPCEndpoint",
		names: { policy: "PolicyDocument" },
		values: { policy: json },
	},
	"aws:iam/instanceProfile:InstanceProfile": {
		type: "AWS::IAM::InstanceProfile",
		name: "InstanceProfileName",
		names: { role: "Roles" },
		values: { role: list },
	},
	"aws:iam/role:Role": {
		type: "AWS::IAM::Role",
		name: "RoleName",
		names: { assumeRolePolicy: "AssumeRolePolicyDocument" },
		values: { assumeRolePolicy: json },
	},
	"aws:iam/rolePolicy:RolePolicy": {
		type: "AWS::IAM::RolePolicy",
		name: "PolicyName",
		names: { policy: "PolicyDocument", role: "RoleName" },
		values: { policy: json },
	},
	"aws:kms/key:Key": {
		type: "AWS::KMS::Key",
		names: { deletionWindowInDays: "PendingWindowInDays", policy: "KeyPolicy" },
		values: { policy: json },
	},
	"aws:lambda/function:Function": {
		type: "AWS::Lambda::Function",
		name: "FunctionName",
		values: {
			// Archives have tests of their own.
			code: () => ({ ZipFile: "" }),
			"environment.variables": (variables: Properties) => variables,
		},
		absent: { publish: "CloudFormation has the resource AWS::Lambda::Version instead" },
	},
	"aws:lambda/permission:Permission": { type: "AWS::Lambda::Permission", names: { function: "FunctionName" } },
	"aws:rds/instance:Instance": {
		type: "AWS::RDS::DBInstance",
		names: {
			backupWindow: "PreferredBackupWindow",
			caCertIdentifier: "CACertificateIdentifier",
			dbName: "DBName",
			dbSubnetGroupName: "DBSubnetGroupName",
			enabledCloudwatchLogsExports: "EnableCloudwatchLogsExports",
			identifier: "DBInstanceIdentifier",
			instanceClass: "DBInstanceClass",
			maintenanceWindow: "PreferredMaintenanceWindow",
			masterUserSecretKmsKeyId: "MasterUserSecret.KmsKeyId",
			multiAz: "MultiAZ",
			parameterGroupName: "DBParameterGroupName",
			performanceInsightsEnabled: "EnablePerformanceInsights",
			performanceInsightsKmsKeyId: "PerformanceInsightsKMSKeyId",
			restoreToPointInTime: "",
			"restoreToPointInTime.sourceDbInstanceIdentifier": "SourceDBInstanceIdentifier",
			snapshotIdentifier: "DBSnapshotIdentifier",
			username: "MasterUsername",
			vpcSecurityGroupIds: "VPCSecurityGroups",
		},
		absent: { skipFinalSnapshot: DELETION, finalSnapshotIdentifier: DELETION },
	},
	"aws:rds/parameterGroup:ParameterGroup": {
		type: "AWS::RDS::DBParameterGroup",
		name: "DBParameterGroupName",
		absent: { "parameters.applyMethod": "CloudFormation has only names and values" },
		values: {
			parameters: (parameters: { name: string; value: string }[]) =>
				Object.fromEntries(parameters.map(({ name, value }) => [name, value])),
		},
	},
	"aws:rds/subnetGroup:SubnetGroup": {
		type: "AWS::RDS::DBSubnetGroup",
		name: "DBSubnetGroupName",
		names: { description: "DBSubnetGroupDescription" },
	},
	"aws:s3/bucket:Bucket": { type: "AWS::S3::Bucket", name: "BucketName", absent: { forceDestroy: DELETION } },
	"aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
		type: "AWS::S3::Bucket",
		partOf: "bucket",
		at: "LifecycleConfiguration",
		names: {
			"rules.expiration": "",
			"rules.expiration.days": "ExpirationInDays",
			"rules.transitions.days": "TransitionInDays",
		},
		absent: { "rules.filter": "CloudFormation has the filter's conditions in the rule itself" },
	},
	"aws:s3/bucketLogging:BucketLogging": {
		type: "AWS::S3::Bucket",
		partOf: "bucket",
		at: "LoggingConfiguration",
		names: { targetBucket: "DestinationBucketName", targetPrefix: "LogFilePrefix" },
	},
	"aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
		type: "AWS::S3::Bucket",
		partOf: "bucket",
		at: "OwnershipControls",
		names: { rule: "Rules" },
		values: { rule: (rule: Properties) => [capitals(rule)] },
	},
	"aws:s3/bucketPolicy:BucketPolicy": {
		type: "AWS::S3::BucketPolicy",
		names: { policy: "PolicyDocument" },
		values: { policy: json },
	},
	"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
		type: "AWS::S3::Bucket",
		partOf: "bucket",
		at: "PublicAccessBlockConfiguration",
	},
	"aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
		type: "AWS::S3::Bucket",
		partOf: "bucket",
		at: "BucketEncryption",
		names: {
			rules: "ServerSideEncryptionConfiguration",
			"rules.applyServerSideEncryptionByDefault": "ServerSideEncryptionByDefault",
			"rules.applyServerSideEncryptionByDefault.sseAlgorithm": "SSEAlgorithm",
			"rules.applyServerSideEncryptionByDefault.kmsMasterKeyId": "KMSMasterKeyID",
		},
	},
	"aws:s3/bucketVersioning:BucketVersioning": { type: "AWS::S3::Bucket", partOf: "bucket" },
	"aws:scheduler/schedule:Schedule": { type: "AWS::Scheduler::Schedule", name: "Name" },
	"aws:secretsmanager/secret:Secret": {
		type: "AWS::SecretsManager::Secret",
		name: "Name",
		absent: { recoveryWindowInDays: "CloudFormation deletes a secret after 30 days" },
	},
	"aws:secretsmanager/secretRotation:SecretRotation": {
		type: "AWS::SecretsManager::RotationSchedule",
		names: { rotateImmediately: "RotateImmediatelyOnUpdate", rotationLambdaArn: "RotationLambdaARN" },
	},
	"aws:secretsmanager/secretVersion:SecretVersion": { type: "AWS::SecretsManager::Secret", partOf: "secretId" },
	"aws:sfn/stateMachine:StateMachine": {
		type: "AWS::StepFunctions::StateMachine",
		name: "StateMachineName",
		names: { definition: "DefinitionString", "loggingConfiguration.logDestination": "Destinations" },
		values: {
			"loggingConfiguration.logDestination": (arn: string) => [{ CloudWatchLogsLogGroup: { LogGroupArn: arn } }],
		},
	},
	"aws:sns/topic:Topic": { type: "AWS::SNS::Topic", name: "TopicName" },
	"aws:sns/topicPolicy:TopicPolicy": {
		type: "AWS::SNS::TopicPolicy",
		names: { arn: "Topics", policy: "PolicyDocument" },
		values: { arn: list, policy: json },
	},
	"aws:sns/topicSubscription:TopicSubscription": { type: "AWS::SNS::Subscription", names: { topic: "TopicArn" } },
	"aws:sqs/queue:Queue": {
		type: "AWS::SQS::Queue",
		name: "QueueName",
		names: { messageRetentionSeconds: "MessageRetentionPeriod" },
	},
	"aws:sqs/queuePolicy:QueuePolicy": {
		type: "AWS::SQS::QueuePolicy",
		names: { policy: "PolicyDocument", queueUrl: "Queues" },
		values: { policy: json, queueUrl: list },
	},
	"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
		type: "AWS::EC2::SecurityGroupEgress",
		names: {
			cidrIpv4: "CidrIp",
			prefixListId: "DestinationPrefixListId",
			referencedSecurityGroupId: "DestinationSecurityGroupId",
			securityGroupId: "GroupId",
		},
	},
	"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
		type: "AWS::EC2::SecurityGroupIngress",
		names: { referencedSecurityGroupId: "SourceSecurityGroupId", securityGroupId: "GroupId" },
	},
};

/** Types without a counterpart, and why. */
export const WITHOUT_COUNTERPART: Record<string, string> = {
	"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "EC2 creates the group itself, and Pulumi only empties it",
	"aws:lambda/invocation:Invocation": "CloudFormation calls functions only as custom resources",
	"awsx:ec2:Vpc": "a component, whose children are translated instead",
	"pulumi:pulumi:Stack": "Pulumi's own",
};
