/** bootstrap/github.yaml as CloudFormation would make it: its resources, with every reference replaced by what it stands for. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse, type ScalarTag, type YAMLMap, type YAMLSeq } from "yaml";
import type { PolicyStatement } from "../../../local/aws/policies";
import type { Properties } from "../../../local/program/record";

export const ACCOUNT = "000000000000";
export const REGION = "ap-northeast-1";
export const REPOSITORY = "octocat@583231/ev-registrations@1296269";

export interface Template {
	Parameters: Record<string, { AllowedPattern?: string }>;
	Resources: Record<string, { Type: string; DeletionPolicy?: string; Condition?: string; Properties: Properties }>;
	Outputs: Record<string, { Description: string; Value: string }>;
}

/** An account's numbers, the parameter, and the bucket's name, which the template makes of the account's. */
const REFERENCES: Record<string, string> = {
	"AWS::AccountId": ACCOUNT,
	"AWS::Region": REGION,
	Repository: REPOSITORY,
	CreateProvider: "true",
	State: `pulumi-state-ev-registrations-${ACCOUNT}`,
	"State.Arn": `arn:aws:s3:::pulumi-state-ev-registrations-${ACCOUNT}`,
	"DeployRole.Arn": `arn:aws:iam::${ACCOUNT}:role/github-deploys-ev-registrations`,
	"PreviewRole.Arn": `arn:aws:iam::${ACCOUNT}:role/github-previews-ev-registrations`,
	Boundary: `arn:aws:iam::${ACCOUNT}:policy/ev-registrations-boundary`,
	// A managed policy without a name has one that nothing here depends on.
	...Object.fromEntries(
		["Roles", "Network", "Storage", "Runs", "Page"].map((name) => [`Deploy${name}`, `Deploy${name}`]),
	),
};

const referred = (name: string): string => {
	const value = REFERENCES[name];
	if (value === undefined)
		throw new Error(`The template refers to ${name}, which test/program/bootstrap does not know.`);
	return value;
};

const scalar = (tag: string, resolve: (text: string) => unknown): ScalarTag => ({ tag, resolve });
const TAGS = [
	scalar("!Ref", referred),
	scalar("!GetAtt", referred),
	scalar("!Sub", (text) => text.replaceAll(/\$\{([\w:.]+)\}/g, (_, name) => referred(name))),
	{ tag: "!Equals", collection: "seq" as const, resolve: (values: YAMLMap.Parsed | YAMLSeq.Parsed) => values },
];

export function readTemplate(): Template {
	return parse(readFileSync(resolve(__dirname, "../../../bootstrap/github.yaml"), "utf8"), { customTags: TAGS });
}

/** What a role's own and attached policies say. */
export function statementsOfRole(template: Template, role: string): PolicyStatement[] {
	const { Policies = [], ManagedPolicyArns = [] } = template.Resources[role]!.Properties;
	const documents = [
		...Policies.map(({ PolicyDocument }: Properties) => PolicyDocument),
		...ManagedPolicyArns.map((name: string) => template.Resources[name]!.Properties.PolicyDocument),
	];
	return documents.flatMap(({ Statement }) => Statement);
}
