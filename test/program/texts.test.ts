/** Names, descriptions and tags: texts in which AWS allows only some characters, or only so many. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { MOST_STACK_LETTERS } from "../../infra/settings";
import { PROJECT_ROOT, type ProgramRecord, type RecordedResource } from "../../local/program/record";
import {
	ALARM,
	BUCKET,
	DATABASE,
	EGRESS,
	ENDPOINT,
	FUNCTION,
	GROUP,
	INGRESS,
	INVOCATION,
	KEY,
	LOG_GROUP,
	MACHINE,
	nameOf,
	ROLE,
	ROLE_POLICY,
	SCHEDULE,
	SECRET,
	TOPIC,
} from "../support/use-program";
import { CHOICES, evaluateVariant, VARIANTS } from "../support/variants";

interface Text {
	type: string;
	/** The input; `name` also where Pulumi makes the name up. */
	input: string;
	/** Below docs.aws.amazon.com. */
	source: string;
	allowed: RegExp;
	refused: string;
}

/** Texts of a length that may have any characters but control characters. */
const upTo = (length: number) => new RegExp(`^\\P{Cc}{0,${length}}$`, "u");
const long = (length: number) => "x".repeat(length + 1);

const SCHEDULER = "scheduler/latest/APIReference/API_CreateSchedule.html";
const DB_INSTANCE = "AmazonRDS/latest/APIReference/API_CreateDBInstance.html";
const CLOUDFRONT = "cloudfront/latest/APIReference";
const IAM_NAME = (length: number) => new RegExp(`^[\\w+=,.@-]{1,${length}}$`);
/** The characters of API_CreateSecurityGroup without `&`, which rules do not take. */
const GROUP_TEXT = /^[\w .\-:/()#,@[\]+=;{}!$*]{1,255}$/;

const TEXTS: Text[] = [
	{
		type: ALARM,
		input: "name",
		source: "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
		allowed: /^\P{Cc}{1,255}$/u,
		refused: "run\nfailed",
	},
	{
		type: ALARM,
		input: "alarmDescription",
		source: "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
		allowed: upTo(1024),
		refused: long(1024),
	},
	{
		type: "aws:budgets/budget:Budget",
		input: "name",
		source: "aws-cost-management/latest/APIReference/API_budgets_Budget.html",
		allowed: /^[^:\\]{1,100}$/,
		refused: "ev:monthly",
	},
	{
		type: "aws:cloudwatch/dashboard:Dashboard",
		input: "dashboardName",
		source: "AmazonCloudWatch/latest/APIReference/API_PutDashboard.html",
		allowed: /^[\w-]{1,255}$/,
		refused: "EV registrations",
	},
	{
		type: "aws:cloudwatch/eventRule:EventRule",
		input: "name",
		source: "eventbridge/latest/APIReference/API_PutRule.html",
		allowed: /^[.\w-]{1,64}$/,
		refused: "lost runs",
	},
	{
		type: "aws:cloudwatch/eventRule:EventRule",
		input: "description",
		source: "eventbridge/latest/APIReference/API_PutRule.html",
		allowed: upTo(512),
		refused: long(512),
	},
	{
		type: LOG_GROUP,
		input: "name",
		source: "AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
		allowed: /^(?!aws\/)[.\-_/#A-Za-z0-9]{1,512}$/,
		refused: "aws/load",
	},
	{
		type: BUCKET,
		input: "name",
		source: "AmazonS3/latest/userguide/bucketnamingrules.html",
		allowed:
			/^(?!xn--|sthree-|amzn-s3-demo-)(?!.*\.\.)(?!.*(-s3alias|--ol-s3|--x-s3)$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
		refused: "raw_data-1234567",
	},
	{
		type: "aws:cloudfront/cachePolicy:CachePolicy",
		input: "comment",
		source: `${CLOUDFRONT}/API_CachePolicyConfig.html`,
		allowed: upTo(128),
		refused: long(128),
	},
	{
		type: "aws:cloudfront/distribution:Distribution",
		input: "comment",
		source: `${CLOUDFRONT}/API_DistributionConfig.html`,
		allowed: upTo(128),
		refused: long(128),
	},
	{
		type: "aws:cloudfront/originAccessControl:OriginAccessControl",
		input: "description",
		source: `${CLOUDFRONT}/API_OriginAccessControlConfig.html`,
		allowed: upTo(256),
		refused: long(256),
	},
	{
		type: "aws:cloudfront/originAccessControl:OriginAccessControl",
		input: "name",
		source: `${CLOUDFRONT}/API_OriginAccessControlConfig.html`,
		allowed: /^\P{Cc}{1,64}$/u,
		refused: long(64),
	},
	{
		type: "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
		input: "comment",
		source: `${CLOUDFRONT}/API_ResponseHeadersPolicyConfig.html`,
		allowed: upTo(128),
		refused: long(128),
	},
	{
		type: GROUP,
		input: "name",
		source: "AWSEC2/latest/APIReference/API_CreateSecurityGroup.html",
		allowed: new RegExp(`^(?!sg-)${GROUP_TEXT.source.slice(1)}`),
		refused: "sg-database",
	},
	...[GROUP, EGRESS, INGRESS].map((type) => ({
		type,
		input: "description",
		source: "AWSEC2/latest/APIReference/API_IpRange.html",
		allowed: GROUP_TEXT,
		refused: "to the page's bucket",
	})),
	{
		type: "aws:iam/instanceProfile:InstanceProfile",
		input: "name",
		source: "IAM/latest/APIReference/API_CreateInstanceProfile.html",
		allowed: IAM_NAME(128),
		refused: "bastion host",
	},
	{
		type: ROLE,
		input: "name",
		source: "IAM/latest/APIReference/API_CreateRole.html",
		allowed: IAM_NAME(64),
		refused: long(64),
	},
	{
		type: ROLE_POLICY,
		input: "name",
		source: "IAM/latest/APIReference/API_PutRolePolicy.html",
		allowed: IAM_NAME(128),
		refused: "policy of load",
	},
	{
		type: KEY,
		input: "description",
		source: "kms/latest/APIReference/API_CreateKey.html",
		allowed: upTo(8192),
		refused: long(8192),
	},
	{
		type: FUNCTION,
		input: "name",
		source: "lambda/latest/api/API_CreateFunction.html",
		allowed: /^[\w-]{1,64}$/,
		refused: "load.data",
	},
	{
		type: DATABASE,
		input: "identifier",
		source: DB_INSTANCE,
		allowed: /^[a-z](?!.*--)[a-z0-9-]{0,61}[a-z0-9]$/,
		refused: "ev--registrations",
	},
	{
		type: DATABASE,
		input: "dbName",
		source: DB_INSTANCE,
		allowed: /^[A-Za-z][A-Za-z0-9]{0,62}$/,
		refused: "ev-registrations",
	},
	{
		type: DATABASE,
		input: "username",
		source: DB_INSTANCE,
		allowed: /^[A-Za-z][A-Za-z0-9_]{0,15}$/,
		refused: "ev-admin",
	},
	{
		type: DATABASE,
		input: "finalSnapshotIdentifier",
		source: "AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html",
		allowed: /^[A-Za-z](?!.*--)[A-Za-z0-9-]{0,253}[A-Za-z0-9]$/,
		refused: "ev_final",
	},
	{
		type: "aws:rds/parameterGroup:ParameterGroup",
		input: "name",
		source: "AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html",
		allowed: /^[a-z](?!.*--)[a-z0-9-]{0,253}[a-z0-9]$/,
		refused: "ev_parameters",
	},
	{
		type: "aws:rds/subnetGroup:SubnetGroup",
		input: "name",
		source: "AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html",
		allowed: /^(?!default$)[a-z][a-z0-9._ -]{0,254}$/,
		refused: "default",
	},
	{ type: SCHEDULE, input: "name", source: SCHEDULER, allowed: /^[\w.-]{1,64}$/, refused: "every night" },
	{ type: SCHEDULE, input: "description", source: SCHEDULER, allowed: upTo(512), refused: long(512) },
	{
		type: SECRET,
		input: "name",
		source: "secretsmanager/latest/apireference/API_CreateSecret.html",
		allowed: /^[\w/+=.@-]{1,512}$/,
		refused: "reader's login",
	},
	{
		type: SECRET,
		input: "description",
		source: "secretsmanager/latest/apireference/API_CreateSecret.html",
		allowed: upTo(2048),
		refused: long(2048),
	},
	{
		// Fewer than API_CreateStateMachine accepts: CloudWatch logs and metrics take no others.
		type: MACHINE,
		input: "name",
		source: "step-functions/latest/apireference/API_CreateStateMachine.html",
		allowed: /^[\w-]{1,80}$/,
		refused: "work flow",
	},
	{
		type: TOPIC,
		input: "name",
		source: "sns/latest/api/API_CreateTopic.html",
		allowed: /^[\w-]{1,256}$/,
		refused: "EV runs",
	},
	{
		type: TOPIC,
		input: "displayName",
		source: "AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topic.html",
		allowed: /^[\w \t-]{1,100}$/,
		refused: "EV's registrations",
	},
	{
		type: "aws:sqs/queue:Queue",
		input: "name",
		source: "AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
		allowed: /^[\w-]{1,80}$/,
		refused: "runs.undelivered",
	},
];

/** Texts for which AWS publishes no limits. */
const UNLIMITED = ["aws:rds/parameterGroup:ParameterGroup description", "aws:rds/subnetGroup:SubnetGroup description"];

/** Names of what AWS or another resource names. */
const OF_OTHERS = [
	`${ALARM} metricName`,
	`${DATABASE} caCertIdentifier`,
	`${DATABASE} snapshotIdentifier`,
	`${DATABASE} dbSubnetGroupName`,
	`${DATABASE} parameterGroupName`,
	`${ENDPOINT} serviceName`,
	`${INVOCATION} functionName`,
];

/** https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html#id_tags_naming_best_practices */
const TAG_KEY = /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/iu;
const TAG_VALUE = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;

/** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
const SUBJECT = /^[!-~][ -~]{0,99}$/;

const LONGEST_PREFIX = `ev-registrations-${"s".repeat(MOST_STACK_LETTERS)}-`;

/** Types whose resources have a name that Pulumi makes up where the program gives none. */
const NAMED = new Set(TEXTS.filter(({ input }) => input === "name").map(({ type }) => type));

describe("texts", () => {
	let records: ProgramRecord[];
	before(async function () {
		this.timeout(300_000);
		records = [];
		for (const variant of VARIANTS) records.push(await evaluateVariant(variant));
	});

	for (const { type, input, source, allowed, refused } of TEXTS)
		it(`are allowed: ${input} of ${type.split(":").pop()}`, () => {
			const found = records.flatMap(({ resources }) => resources.filter((resource) => resource.type === type));
			const texts = found.filter((resource) => textOf(resource, input) !== undefined);
			expect(texts).to.not.be.empty;
			for (const resource of texts)
				expect(textOf(resource, input), `${nameOf(resource)}, https://docs.aws.amazon.com/${source}`).to.match(allowed);
			expect(refused).to.not.match(allowed);
		});

	it("are allowed: tags", () => {
		const tags = records.flatMap(({ resources, config }) => [
			JSON.parse(config!["aws:defaultTags"]!).tags,
			...resources.flatMap(({ inputs }) => inputs.tags ?? []),
		]);
		for (const [key, value] of tags.flatMap(Object.entries)) {
			expect(key).to.match(TAG_KEY);
			expect(value).to.match(TAG_VALUE);
		}
		for (const key of ["aws:name", "AWS:name", "a&b", ""]) expect(key).to.not.match(TAG_KEY);
		expect("the page's").to.not.match(TAG_VALUE);
	});

	it("are allowed: subjects of messages", () => {
		const machines = records.flatMap(({ resources }) => resources.filter(({ type }) => type === MACHINE));
		const subjects = machines.flatMap(({ inputs }) => [...inputs.definition.matchAll(/"Subject":("[^"]*")/g)]);
		expect(subjects).to.not.be.empty;
		for (const [, subject] of subjects) expect(JSON.parse(subject)).to.match(SUBJECT);
		for (const subject of ["é", "", " a", long(100)]) expect(subject).to.not.match(SUBJECT);
	});

	it("are all in the table", () => {
		const known = [...TEXTS.map(({ type, input }) => `${type} ${input}`), ...UNLIMITED, ...OF_OTHERS];
		const found = records.flatMap(({ resources }) =>
			resources.flatMap(({ type, inputs }) =>
				Object.keys(inputs)
					.filter((input) => /description$|^comment$|(^|[a-z])name(Prefix)?$|identifier$/i.test(input))
					.map((input) => `${type} ${input.replace("namePrefix", "name")}`),
			),
		);
		expect([...new Set(found)].filter((text) => !known.includes(text))).to.deep.equal([]);
	});
});

describe("the programs whose texts are read", () => {
	it("have every setting at two values or more", () => {
		const described = Object.keys(parse(readFileSync(join(PROJECT_ROOT, "Pulumi.yaml"), "utf8")).config);
		const chosen = CHOICES.filter(({ length }) => length > 1).flatMap(([choice]) =>
			Object.keys(choice!.settings ?? {}),
		);
		expect(chosen).to.have.members(described.filter((name) => !/^(aws|pulumi):/.test(name)));
	});

	it("have every pair of values", () => {
		const holds = (variant: (typeof VARIANTS)[number], { stack, settings = {} }: (typeof CHOICES)[number][number]) =>
			(stack ?? variant.stack) === variant.stack &&
			Object.entries(settings).every(([name, value]) => variant.settings[name] === value);
		for (const [line, choices] of CHOICES.entries())
			for (const choice of choices)
				for (const other of CHOICES.slice(line + 1).flat())
					expect(
						VARIANTS.some((variant) => holds(variant, choice) && holds(variant, other)),
						JSON.stringify([choice, other]),
					).to.equal(true);
	});
});

/** An input's text; a name as pulumi:autonaming in Pulumi.yaml makes it up, for a stack whose name is as long as it may be. */
function textOf({ type, name, inputs }: RecordedResource, input: string): string | undefined {
	if (input !== "name" || !NAMED.has(type)) return inputs[input];
	// The provider appends 26 digits to a prefix.
	return (
		inputs.name ?? (inputs.namePrefix ? `${inputs.namePrefix}${"0".repeat(26)}` : `${LONGEST_PREFIX}${name}-1234567`)
	);
}
