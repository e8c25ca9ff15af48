/** Deploys a record of the program on this machine, as `pulumi up` does on AWS, and fires its schedule. */

import { join } from "node:path";
import type { WorkflowInput } from "../handlers/common/contract";
import { newPassword } from "../handlers/common/passwords";
import type { MigrateResult } from "../handlers/migrate";
import { isAccessDenied } from "./aws/api";
import type { Iam } from "./aws/iam";
import type { Aws } from "./aws/services";
import { type CallResource, type Outcome, runWorkflow, type TaskWatcher } from "./aws/step-functions";
import { createInvoker, type Invoker } from "./machine/lambda";
import { createDatabase, type Postgres } from "./machine/postgres";
import { find, type ProgramRecord, type RecordedResource } from "./program/record";
import { copySite } from "./site";

export type FunctionName = "extract" | "load" | "export" | "report" | "notify" | "migrate" | "rotate";

export interface Deployment {
	/** Invokes migrate as the deployment does. */
	migrate(): Promise<MigrateResult>;
	/** Runs the workflow with the schedule's input, overridden by the given one. */
	run(name: string, input: Partial<WorkflowInput>, watcher: TaskWatcher): Promise<Outcome>;
	/** Invokes one function without the workflow. @throws an error with the name that Step Functions would see */
	invoke(name: FunctionName, event: object): Promise<unknown>;
	/** Decides by the program's policies, and lists what the functions were allowed. */
	iam: Iam;
	/** What was published to the topic since the last call. */
	notifications: ReturnType<Aws["createTopic"]>;
	/** Copies the page and its data files to a folder. */
	copySite(directory: string): Promise<void>;
	/** Peak memory of a function's process in MB; null if it did not run. */
	peakRssMb(name: FunctionName): number | null;
	/** Ends the functions' processes, so that the next invocation starts cold. */
	stopFunctions(): void;
	/** Ends the functions' processes for good: a running workflow stops where it is. */
	stop(): Promise<void>;
}

export interface Parts {
	postgres: Postgres;
	aws: Aws;
	/** Where the functions find the open-data API. */
	sourceUrl: string;
	/** Receives what a function prints, line by line. */
	onLine(line: string): void;
}

const FUNCTION = "aws:lambda/function:Function";
const SNS_PUBLISH = "arn:aws:states:::sns:publish";

/** Creates the program's database, secrets, buckets, topic and functions. Nothing runs yet. */
export async function deploy(record: ProgramRecord, parts: Parts): Promise<Deployment> {
	const { aws } = parts;
	await deployDatabase(record, parts);
	deploySecrets(record, aws);
	for (const name of ["raw", "site"]) aws.createBucket(bucketOf(record, name));
	// When a deployment invokes migrate, it may have no topic yet, and has no workflow.
	const topic = record.resources.find(({ type }) => type === "aws:sns/topic:Topic");
	const notifications = topic ? aws.createTopic(topic.state.arn) : () => [];

	const iam = aws.enforce(record, parts.onLine);
	const functions = new Map<string, { resource: RecordedResource; invoker: Invoker }>();
	for (const resource of record.resources.filter(({ type }) => type === FUNCTION))
		functions.set(resource.state.qualifiedArn, {
			resource,
			invoker: await deployFunction(record, resource, parts, iam),
		});
	const named = (name: FunctionName) => functions.get(find(record, FUNCTION, name).state.qualifiedArn)!.invoker;
	const stopFunctions = () => {
		for (const { invoker } of functions.values()) invoker.stop();
	};
	let isStopped = false;
	const invoke = async (arn: string, event: unknown) => {
		// Only the workflow calls now, to report the function that was ended.
		if (isStopped) return await new Promise(() => {});
		const deployed = functions.get(arn);
		if (!deployed) throw new Error(`The workflow calls ${arn}, which the program does not declare.`);
		return await deployed.invoker.invoke(event);
	};
	return {
		async migrate() {
			const { inputs } = find(record, "aws:lambda/invocation:Invocation");
			const invoked = record.resources.find(
				({ type, state }) => type === FUNCTION && state.name === inputs.functionName,
			)!;
			return (await invoke(invoked.state.qualifiedArn, JSON.parse(inputs.input))) as MigrateResult;
		},
		async run(name, input, watcher) {
			const machine = find(record, "aws:sfn/stateMachine:StateMachine");
			const scheduled = await fireSchedule(record, machine, iam);
			const call = await createTaskCaller(machine, aws, iam, invoke);
			const arn = `${machine.state.arn.replace(":stateMachine:", ":execution:")}:${name}`;
			return await runWorkflow(
				machine.inputs.definition,
				{ name, arn, input: { ...scheduled, ...input } },
				call,
				watcher,
			);
		},
		invoke: (name, event) => named(name).invoke(event),
		iam,
		notifications,
		copySite: (directory) => copySite(aws.environment, bucketOf(record, "site"), directory),
		peakRssMb: (name) => named(name).peakRssMb(),
		stopFunctions,
		async stop() {
			isStopped = true;
			stopFunctions();
		},
	};
}

/** A bucket's name. */
function bucketOf(record: ProgramRecord, name: string): string {
	return find(record, "aws:s3/bucket:Bucket", name).id;
}

/** Creates the database and its master user, whose secret RDS would manage. */
async function deployDatabase(record: ProgramRecord, { postgres, aws }: Parts): Promise<void> {
	const { inputs, state } = find(record, "aws:rds/instance:Instance");
	const master = { username: inputs.username as string, password: newPassword() };
	await createDatabase(postgres, inputs.dbName, { user: master.username, password: master.password });
	aws.secrets.put(state.masterUserSecrets[0].secretArn, { ...master, ca: postgres.ca });
}

/** Writes the secrets whose values the program declares; functions and operators write the others. */
function deploySecrets(record: ProgramRecord, aws: Aws): void {
	for (const { type, inputs } of record.resources)
		if (type === "aws:secretsmanager/secretVersion:SecretVersion")
			aws.secrets.put(inputs.secretId, JSON.parse(inputs.secretString));
}

/** Fires the schedule. @returns the execution's input @throws if the schedule's role may not start it */
async function fireSchedule(record: ProgramRecord, machine: RecordedResource, iam: Iam): Promise<WorkflowInput> {
	const { inputs, state } = find(record, "aws:scheduler/schedule:Schedule", "nightly");
	const scheduler = { service: "scheduler.amazonaws.com", source: state.arn };
	const schedule = { role: await iam.assume(inputs.target.roleArn, scheduler) };
	// Its input is encrypted.
	if (inputs.kmsKeyArn) await iam.authorize(schedule, { action: "kms:Decrypt", resource: inputs.kmsKeyArn });
	await iam.authorize(schedule, { action: "states:StartExecution", resource: machine.state.arn });
	return scheduledInput(record);
}

/** The input with which the schedule starts each run. */
export function scheduledInput(record: ProgramRecord): WorkflowInput {
	const { target } = find(record, "aws:scheduler/schedule:Schedule", "nightly").inputs;
	return JSON.parse(target.input);
}

/** Calls what a task of the workflow names, as the workflow's role. Refusals have Step Functions' own error names. */
async function createTaskCaller(
	{ inputs, state }: RecordedResource,
	aws: Aws,
	iam: Iam,
	invoke: (functionArn: string, event: unknown) => Promise<unknown>,
): Promise<CallResource> {
	const workflow = { role: await iam.assume(inputs.roleArn, { service: "states.amazonaws.com", source: state.arn }) };
	const authorize = async (action: string, resource: string, refusal: string) => {
		try {
			await iam.authorize(workflow, { action, resource });
		} catch (error) {
			throw isAccessDenied(error) ? Object.assign(error, { name: refusal }) : error;
		}
	};
	return async (resource, parameters) => {
		if (resource === SNS_PUBLISH) {
			const { TopicArn, Subject, Message } = parameters as Record<string, string>;
			await authorize("sns:Publish", TopicArn!, "SNS.AuthorizationErrorException");
			return aws.publish(TopicArn!, Subject!, Message!);
		}
		await authorize("lambda:InvokeFunction", resource, "Lambda.AWSLambdaException");
		return await invoke(resource, parameters);
	};
}

async function deployFunction(
	record: ProgramRecord,
	resource: RecordedResource,
	{ aws, ...parts }: Parts,
	iam: Iam,
): Promise<Invoker> {
	const { inputs, state } = resource;
	const declared: Record<string, string> = inputs.environment?.variables ?? {};
	// This machine's addresses instead of AWS's; everything else is as declared.
	const here: Record<string, string> = {
		SOURCE_URL: parts.sourceUrl,
		DATABASE_HOST: parts.postgres.host,
		DATABASE_PORT: String(parts.postgres.port),
	};
	const environment = Object.fromEntries(Object.entries(declared).map(([name, value]) => [name, here[name] ?? value]));
	const lambda = {
		name: state.name as string,
		code: join(record.directory, inputs.code),
		handler: inputs.handler as string,
		environment,
		timeoutSeconds: inputs.timeout as number,
		memoryMb: inputs.memorySize as number,
	};
	const role = await iam.assume(inputs.role, { service: "lambda.amazonaws.com" });
	return createInvoker(lambda, { ...aws.environment, AWS_ACCESS_KEY_ID: role }, parts.onLine);
}
