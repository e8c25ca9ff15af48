/** Least privilege: the policies allow everything that the pipeline does, and nothing else. */

import { randomUUID } from "node:crypto";
import { expect } from "chai";
import type { ExtractResult, LoadResult, NotifyEvent } from "../../handlers/common/contract";
import { createIam, type Decision, type Iam } from "../../local/aws/iam";
import { policiesOf } from "../../local/aws/policies";
import { type Deployment, scheduledInput } from "../../local/deployment";
import { find, type ProgramRecord } from "../../local/program/record";
import { makeSample } from "../../local/source/sample";
import { failed } from "../support/assertions";
import { type Machine, rotateSecret, runOnce, startMachine } from "../support/deployed";
import {
	concernedBy,
	describePiece,
	lacking,
	type Piece,
	piecesOf,
	refusedBy,
	replacing,
	without,
} from "../support/policy-pieces";
import { programOf } from "../support/program";
import { sampleSnapshot } from "../support/source";
import { WITH_OPTIONS } from "../support/use-program";

/** Permissions that no test uses, and what uses them on AWS. */
const USED_BY_AWS: { of: RegExp; actions: RegExp; because: string }[] = [
	{ of: /RolePolicy/, actions: /^logs:(CreateLogStream|PutLogEvents)$/, because: "Lambda writes the functions' logs" },
	{
		of: /RolePolicy/,
		actions: /^xray:(Put(TraceSegments|TelemetryRecords)|GetSampling(Rules|Targets))$/,
		because: "Lambda and Step Functions send traces",
	},
	{ of: /RolePolicy/, actions: /^ec2:/, because: "Lambda creates the functions' network interfaces" },
	{ of: /RolePolicy workflow/, actions: /^logs:/, because: "Step Functions delivers its logs" },
	{
		of: /RolePolicy schedule/,
		actions: /^sqs:SendMessage$/,
		because: "EventBridge Scheduler sends failed invocations to the queue",
	},
	{ of: /RolePolicy network/, actions: /^logs:/, because: "the VPC writes its flow log" },
	{ of: /Role network/, actions: /^sts:AssumeRole$/, because: "the VPC writes its flow log" },
	{ of: /RolePolicy monitoring/, actions: /^logs:/, because: "RDS writes Enhanced Monitoring" },
	{ of: /Role monitoring/, actions: /^sts:AssumeRole$/, because: "RDS writes Enhanced Monitoring" },
	{
		of: /RolePolicy access|VpcEndpoint ssm/,
		actions: /^ssm(messages)?:/,
		because: "the agent on the access host, which tests do not run",
	},
	{ of: /Role access/, actions: /^sts:AssumeRole$/, because: "the access host, which tests do not run" },
	{ of: /Key ev, Account/, actions: /^kms:/, because: "the account must be able to manage its key" },
	{ of: /Key ev, Logs/, actions: /^kms:/, because: "CloudWatch Logs encrypts the log groups" },
	{
		of: /RolePolicy (notify|workflow)|Key ev, (Messages|Alarms)/,
		actions: /^kms:GenerateDataKey(Pair|WithoutPlaintext|PairWithoutPlaintext)$/,
		because: "SNS's documentation asks for kms:GenerateDataKey*",
	},
];

const VEHICLES = 60;

describe("the policies", function () {
	this.timeout(120_000);
	let machine: Machine;
	let program: ProgramRecord;
	let pieces: Piece[];
	/** What was authorized while the pipeline did everything that it can do. */
	let used: Decision[];
	let manifestKey: string;
	/** The endpoints' policies are stricter without NAT gateways; JSON, since one evaluation can have both. */
	let otherProgram: ProgramRecord;

	const month = (number: number) => sampleSnapshot(VEHICLES, makeSample(number, VEHICLES));
	const arnOf = (type: string, name?: string) => find(program, type, name).state.arn as string;
	const secrets = () => scheduledInput(program).secrets;
	const readerSecret = () => program.outputs.readerSecretArn as string;
	const invoke = {
		extract: (deployment: Deployment) =>
			deployment.invoke("extract", { runId: randomUUID(), dataset: "sample", secrets: secrets() }),
		load: (deployment: Deployment, key = manifestKey) =>
			deployment.invoke("load", { runId: randomUUID(), manifestKey: key, secrets: secrets(), reload: true }),
		/** Under another name each time, so that the stored files and page are always others. */
		export: (deployment: Deployment) => deployment.invoke("export", { runId: randomUUID(), dataset: randomUUID() }),
		report: (deployment: Deployment) => deployment.invoke("report", { runId: randomUUID(), dataset: randomUUID() }),
		notify: (deployment: Deployment) =>
			deployment.invoke("notify", {
				...{ runId: "run", dataset: "sample", execution: "arn", startedAt: new Date().toISOString() },
				...{
					extract: null,
					load: null,
					exportError: null,
					reportError: null,
					error: { Error: "OutOfTime", Cause: "{}" },
				},
			} satisfies NotifyEvent),
		migrate(deployment: Deployment) {
			// migrate keeps a password that works.
			machine.aws.secrets.put(readerSecret(), { ...machine.aws.secrets.get(readerSecret()), password: "forgotten" });
			return deployment.migrate();
		},
		rotate: (deployment: Deployment) => rotateSecret(machine, deployment, readerSecret()),
	};

	before(async () => {
		[machine, program, otherProgram] = await Promise.all([
			startMachine(month(0)),
			programOf("dev", WITH_OPTIONS),
			programOf("dev", { format: "json", natGateways: "none" }),
		]);
		pieces = await piecesOf(program);
		used = await useEverything();
	});
	after(() => machine?.stop());

	/** Makes every function do everything that it can do. @returns what was authorized, each once, with one raw object for all */
	async function useEverything(): Promise<Decision[]> {
		const decisions = new Map<string, Decision>();
		let deployment = await machine.deploy(program);
		const next = async (record: ProgramRecord, number: number) => {
			for (const decision of deployment.iam.allowed())
				decisions.set(
					JSON.stringify({ ...decision, resource: decision.resource.replace(/\/(raw|site)\/.*/, "") }),
					decision,
				);
			machine.publish(month(number));
			deployment = await machine.deploy(record);
		};
		await deployment.migrate();
		for (const input of [{}, {}, { refetch: true }, { reload: true }]) {
			const { output } = (await runOnce(deployment, input)) as { output: { extract: ExtractResult; load: LoadResult } };
			manifestKey = output.extract.manifestKey;
		}
		expect(await runOnce(deployment, { replay: true })).to.have.nested.property("output.load.status", "loaded");
		await rotateSecret(machine, deployment, secrets().database);
		await rotateSecret(machine, deployment, readerSecret());
		expect(await failed(invoke.load(deployment, "raw/none.json"))).to.have.property("name", "ManifestInvalid");
		await useAsServices(deployment.iam);

		await next(otherProgram, 1);
		expect(await runOnce(deployment)).to.have.nested.property("output.load.status", "loaded");
		// The workflow publishes by itself if notify cannot.
		await next(await lacking(program, "notify", "sns:Publish"), 2);
		expect(await runOnce(deployment)).to.have.nested.property("output.load.status", "loaded");
		expect(deployment.notifications().at(-1)).to.have.property("subject", "EV registrations: a run succeeded");
		await next(program, 3);
		return [...decisions.values()];
	}

	/** Requests of AWS services in their own name. */
	async function useAsServices(iam: Iam): Promise<void> {
		const publishing = { action: "sns:Publish", resource: arnOf("aws:sns/topic:Topic") };
		const events = (name: string) => ({
			service: "events.amazonaws.com",
			source: `arn:aws:events:ap-northeast-1:000000000000:rule/${find(program, "aws:cloudwatch/eventRule:EventRule", name).state.name}`,
		});
		for (const name of ["lost-runs", "ended-alarms"]) await iam.authorize(events(name), publishing);
		const sending = { action: "sqs:SendMessage", resource: arnOf("aws:sqs/queue:Queue") };
		await iam.authorize(events("lost-runs"), sending);
		for (const { type, state } of program.resources)
			if (type === "aws:cloudwatch/metricAlarm:MetricAlarm")
				await iam.authorize({ service: "cloudwatch.amazonaws.com", source: state.arn }, publishing);
		for (const name of ["raw", "site"]) {
			const logging = { service: "logging.s3.amazonaws.com", source: arnOf("aws:s3/bucket:Bucket", name) };
			const log = `${arnOf("aws:s3/bucket:Bucket", "access-log")}/${name}/2024-01-01`;
			await iam.authorize(logging, { action: "s3:PutObject", resource: log });
		}
		const page = `${arnOf("aws:s3/bucket:Bucket", "site")}/site/index.html`;
		const distribution = arnOf("aws:cloudfront/distribution:Distribution");
		const cloudFront = { service: "cloudfront.amazonaws.com", source: distribution };
		await iam.authorize(cloudFront, { action: "s3:GetObject", resource: page });
	}

	const reasonFor = (piece: Piece) =>
		USED_BY_AWS.find(
			({ of, actions }) => of.test(describePiece(piece)) && piece.actions.every((one) => actions.test(one)),
		);

	it("are used by each function, the workflow and the schedule", () => {
		const roles = new Set(
			used.flatMap(({ caller }) => ("role" in caller ? caller.role.replace(/^ev-registrations-dev-|-\w+$/g, "") : [])),
		);
		expect([...roles]).to.have.members([
			"extract",
			"load",
			"export",
			"report",
			"notify",
			"migrate",
			"rotate",
			"workflow",
			"schedule",
		]);
	});

	/** The pieces that nothing needs. */
	async function spareOf(record: ProgramRecord, pieces: Piece[]): Promise<string[]> {
		const spare: string[] = [];
		for (const piece of pieces.filter((piece) => !reasonFor(piece))) {
			const refused = await refusedBy(await without(record, piece), concernedBy(piece, used));
			const isMissed = piece.part === "Action" ? refused.has(piece.value) : refused.size > 0;
			if (!isMissed) spare.push(describePiece(piece));
		}
		return spare;
	}

	it("allow no action, resource or service that nothing needs", async () => {
		expect(await spareOf(program, pieces)).to.deep.equal([]);
	});

	it("allow nothing unused at endpoints without NAT gateways", async () => {
		const ofEndpoints = (await piecesOf(otherProgram)).filter(({ policy }) => policy.kind === "endpoint");
		expect(ofEndpoints).to.not.be.empty;
		expect(await spareOf(otherProgram, ofEndpoints)).to.deep.equal([]);
	});

	it("have each permission that only AWS uses", () => {
		for (const use of USED_BY_AWS) expect(pieces.map(reasonFor), use.because).to.include(use);
	});

	/** One deployment, whose functions stay warm while the policies change. */
	describe("with a permission missing", () => {
		let deployment: Deployment;
		before(async () => {
			machine.publish(month(4));
			deployment = await machine.deploy(program);
		});
		const enforce = (record: ProgramRecord) => {
			machine.lines.length = 0;
			machine.aws.enforce(record, machine.onLine);
		};

		for (const [name, action, failure] of [
			["extract", "secretsmanager:GetSecretValue", "SecretUnavailable"],
			["extract", "s3:GetObject", "StorageUnavailable"],
			["extract", "s3:ListBucket", "StorageUnavailable"],
			["extract", "s3:PutObject", "StorageUnavailable"],
			["extract", "kms:GenerateDataKey", "StorageUnavailable"],
			["load", "secretsmanager:GetSecretValue", "SecretUnavailable"],
			["load", "s3:GetObject", "StorageUnavailable"],
			["load", "kms:Decrypt", "SecretUnavailable"],
			["export", "secretsmanager:GetSecretValue", "SecretUnavailable"],
			["export", "s3:PutObject", "StorageUnavailable"],
			["export", "kms:GenerateDataKey", "StorageUnavailable"],
			["report", "secretsmanager:GetSecretValue", "SecretUnavailable"],
			["report", "s3:GetObject", "StorageUnavailable"],
			["report", "s3:PutObject", "StorageUnavailable"],
			["report", "kms:GenerateDataKey", "StorageUnavailable"],
			["notify", "sns:Publish", "AuthorizationErrorException"],
			["notify", "kms:GenerateDataKey", "KMSAccessDeniedException"],
			["rotate", "secretsmanager:DescribeSecret", "SecretUnavailable"],
			["rotate", "secretsmanager:PutSecretValue", "SecretUnavailable"],
			["rotate", "secretsmanager:UpdateSecretVersionStage", "SecretUnavailable"],
			["migrate", "secretsmanager:GetSecretValue", "SecretUnavailable"],
			["migrate", "secretsmanager:PutSecretValue", "MigrationFailed"],
		] as const)
			it(`fails ${name} with ${failure} without ${action}`, async () => {
				enforce(await lacking(program, name, action));
				const error = await failed(invoke[name](deployment));
				expect(error).to.have.property("name", failure);
				const sentence = new RegExp(
					`The role ev-registrations-dev-${name}-\\w+ may not ${action} on arn:aws:\\S+.*: no statement of the role's policy`,
				);
				expect(error.message).to.match(sentence);
				expect(machine.lines.join("\n"), "and the runner prints it").to.match(sentence);
			});

		it("fails load without s3:ListBucket", async () => {
			enforce(await lacking(program, "load", "s3:ListBucket"));
			const error = await failed(invoke.load(deployment, "raw/none.json"));
			expect(error).to.have.property("name", "StorageUnavailable");
			expect(error.message).to.match(
				/The role ev-registrations-dev-load-\w+ may not s3:ListBucket on arn:aws:s3:::ev-registrations-dev-raw-\w+: /,
			);
		});

		it("fails functions in the VPC if the endpoint denies it", async () => {
			const name = "aws:ec2/vpcEndpoint:VpcEndpoint secrets";
			const piece = pieces.find(({ policy, value }) => policy.name === name && value.endsWith(":GetSecretValue"))!;
			const record = await without(program, piece);
			enforce(record);
			const error = await failed(invoke.migrate(deployment));
			expect(error.message).to.match(
				/ may not secretsmanager:GetSecretValue on .*: no statement of the policy of the network's endpoint/,
			);

			const outside = structuredClone(record);
			delete find(outside, "aws:lambda/function:Function", "migrate").inputs.vpcConfig;
			enforce(outside);
			await invoke.migrate(deployment);
		});

		it("fails if the resource's own policy denies it", async () => {
			const policy = policiesOf(program).find(({ name }) => name === "aws:s3/bucketPolicy:BucketPolicy raw")!;
			const denial = { Effect: "Deny", Principal: "*", Action: "s3:PutObject", Resource: `${policy.of}/*` };
			enforce(replacing(program, policy, [denial]));
			const error = await failed(invoke.extract(deployment));
			expect(error.message).to.match(/ may not s3:PutObject on .*: a statement of the resource's policy denies it\.$/);
		});
	});

	it("let the workflow report that it may not invoke", async () => {
		const { arn } = find(program, "aws:lambda/function:Function", "load").state;
		const piece = pieces.find(({ policy, value }) => policy.name.endsWith(" workflow") && value === `${arn}:*`)!;
		const record = structuredClone(await without(program, piece));
		const { inputs } = find(record, "aws:sfn/stateMachine:StateMachine");
		// Retries are proven elsewhere, and take seconds.
		inputs.definition = inputs.definition.replace(/"MaxAttempts":\d+/g, '"MaxAttempts":0');
		const deployment = await machine.deploy(record);
		const outcome = await runOnce(deployment);
		expect(outcome).to.have.property("error", "Lambda.AWSLambdaException");
		expect(JSON.stringify(outcome)).to.match(
			/The role ev-registrations-dev-workflow-\w+ may not lambda:InvokeFunction on arn:\S+:function:ev-registrations-dev-load-/,
		);
		expect(deployment.notifications().at(-1)!.message).to.include("may not lambda:InvokeFunction");
	});

	it("deny a schedule that may not start the workflow", async () => {
		const deployment = await machine.deploy(await lacking(program, "schedule", "states:StartExecution"));
		const error = await failed(runOnce(deployment));
		expect(error).to.have.property("name", "AccessDenied");
		expect(error.message).to.match(
			/The role ev-registrations-dev-schedule-\w+ may not states:StartExecution on arn:\S+:stateMachine:ev-registrations-dev-workflow-/,
		);
	});

	it("fail the deployment if a role does not trust its service", async () => {
		const trust = pieces.find(({ policy }) => policy.name === "aws:iam/role:Role load")!;
		const error = await failed(machine.deploy(await without(program, trust)));
		expect(error.message).to.match(
			/^lambda\.amazonaws\.com may not sts:AssumeRole on arn:\S+:role\/ev-registrations-dev-load-/,
		);
	});

	describe("for AWS services", () => {
		const expectDenied = async (request: Promise<unknown>) =>
			expect(await failed(request)).to.have.property("name", "AccessDenied");

		it("let Secrets Manager invoke rotate for two secrets only", async () => {
			const call = { action: "lambda:InvokeFunction", resource: arnOf("aws:lambda/function:Function", "rotate") };
			const asFor = (source: string) => ({ service: "secretsmanager.amazonaws.com", source });
			const own = { database: secrets().database, reader: readerSecret() };
			for (const [name, secret] of Object.entries(own)) {
				await createIam(program).authorize(asFor(secret), call);
				const resources = program.resources.filter((resource) => resource.name !== `rotate-${name}`);
				await expectDenied(createIam({ ...program, resources }).authorize(asFor(secret), call));
			}
			await expectDenied(createIam(program).authorize(asFor(secrets().source), call));
			await expectDenied(createIam(program).authorize({ service: "events.amazonaws.com", source: own.reader }, call));
		});

		it("require a service to assume a role for this account", async () => {
			const { arn } = find(program, "aws:iam/role:Role", "workflow").state;
			const service = "states.amazonaws.com";
			await createIam(program).assume(arn, { service, source: arnOf("aws:sfn/stateMachine:StateMachine") });
			await expectDenied(createIam(program).assume(arn, { service }));
		});

		it("let only this account's alarms publish", async () => {
			const iam = createIam(program);
			const call = { action: "sns:Publish", resource: arnOf("aws:sns/topic:Topic") };
			const source = "arn:aws:cloudwatch:ap-northeast-1:000000000000:alarm:somebody-elses";
			await expectDenied(iam.authorize({ service: "cloudwatch.amazonaws.com", source }, call));
			await expectDenied(iam.authorize({ service: "budgets.amazonaws.com", source }, call));
		});

		it("let one distribution read the site, and nothing else", async () => {
			const iam = createIam(program);
			const asFor = (source: string) => ({ service: "cloudfront.amazonaws.com", source });
			const own = arnOf("aws:cloudfront/distribution:Distribution");
			const read = (name: string, key: string) => ({
				action: "s3:GetObject",
				resource: `${arnOf("aws:s3/bucket:Bucket", name)}/${key}`,
			});
			await iam.authorize(asFor(own), read("site", "site/data/vehicles.parquet"));
			await expectDenied(iam.authorize(asFor(`${own}X`), read("site", "site/index.html")));
			await expectDenied(iam.authorize(asFor(own), read("site", "other/index.html")));
			await expectDenied(iam.authorize(asFor(own), read("raw", "raw/manifest.json")));
			await expectDenied(
				iam.authorize(asFor(`${own}X`), { action: "kms:Decrypt", resource: arnOf("aws:kms/key:Key") }),
			);
		});

		it("let roles use the key only through a service", async () => {
			const resource = arnOf("aws:kms/key:Key");
			for (const { caller } of used.filter(({ action, via }) => action === "kms:Decrypt" && via))
				if ("role" in caller)
					await expectDenied(createIam(program).authorize(caller, { action: "kms:Decrypt", resource }));
		});
	});
});
