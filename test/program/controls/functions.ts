/** Controls on functions. https://docs.aws.amazon.com/securityhub/latest/userguide/lambda-controls.html */

import type { RecordedResource } from "../../../local/program/record";
import { asking, control, of, set } from "./control";

const functions = of("aws:lambda/function:Function");
const ask = asking(functions);
const permissions = of("aws:lambda/permission:Permission");

/** Not deprecated, and not about to be. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html */
const RUNTIMES = ["nodejs22.x", "nodejs24.x"];

/** An AWS key's id, a JSON web token, a private key, a URL with a password. */
const SECRET = /\b(AKIA|ASIA)[A-Z0-9]{16}\b|\beyJ[\w-]{10,}\.|-----BEGIN|:\/\/[^/\s:]*:[^/\s@]+@/;
const SECRET_NAME = /PASSWORD|TOKEN|SECRET|API_?KEY|PRIVATE/;

const variables = (inputs: RecordedResource["inputs"]) => Object.entries<string>(inputs.environment?.variables ?? {});

export const FUNCTIONS = [
	control(
		"Lambda.1 CKV_AWS_364",
		"lets one service call, on behalf of one resource of this account",
		permissions,
		({ inputs }) =>
			/^[a-z-]+\.amazonaws\.com$/.test(inputs.principal) &&
			Boolean(inputs.sourceAccount) &&
			inputs.sourceArn?.startsWith("arn:aws:"),
		set("principal", "*"),
		set("sourceAccount", undefined),
		set("sourceArn", undefined),
	),
	ask(
		"Lambda.2 CKV_AWS_363",
		"runs on a runtime that is kept up",
		({ runtime }) => RUNTIMES.includes(runtime),
		set("runtime", "nodejs18.x"),
		set("runtime", undefined),
	),
	ask(
		"Lambda.3 CKV_AWS_117",
		"is inside the network",
		({ vpcConfig }) => vpcConfig?.subnetIds.length > 0,
		set("vpcConfig", undefined),
		set("vpcConfig.subnetIds", []),
	),
	control(
		"Lambda.5",
		"has two zones to run in, where it is inside the network",
		(record) => functions(record).filter(({ inputs }) => inputs.vpcConfig),
		({ inputs }) => new Set(inputs.vpcConfig.subnetIds).size >= 2,
		({ inputs }) => {
			inputs.vpcConfig.subnetIds.length = 1;
		},
	),
	ask(
		"CKV_AWS_45",
		"has no secret in its environment",
		(inputs) =>
			variables(inputs).every(
				([name, value]) =>
					!SECRET.test(value) && (!SECRET_NAME.test(name) || value.startsWith("arn:aws:secretsmanager:")),
			),
		set("environment.variables.KEY", `AKIA${"ABCD".repeat(4)}`),
		set("environment.variables.DATABASE_PASSWORD", "hunter2"),
		set("environment.variables.DATABASE_URL", "postgres://ev:hunter2@localhost/ev"),
	),
	ask(
		"CKV_AWS_50",
		"is traced",
		({ tracingConfig }) => tracingConfig?.mode === "Active",
		set("tracingConfig.mode", "PassThrough"),
		set("tracingConfig", undefined),
	),
	{
		...ask(
			"CKV_AWS_115",
			"has concurrency reserved",
			({ reservedConcurrentExecutions }) => reservedConcurrentExecutions > 0,
			set("reservedConcurrentExecutions", -1),
			set("reservedConcurrentExecutions", undefined),
		),
		mend: set("reservedConcurrentExecutions", 2),
	},
	{
		...ask(
			"CKV_AWS_116",
			"keeps events that it failed at",
			({ deadLetterConfig }) => deadLetterConfig?.targetArn,
			set("deadLetterConfig", undefined),
		),
		mend: set("deadLetterConfig", { targetArn: "arn:aws:sqs:ap-northeast-1:000000000000:failed" }),
	},
	control(
		"CKV_AWS_173",
		"has its environment encrypted with a key of one's own, where it has one",
		(record) => functions(record).filter(({ inputs }) => variables(inputs).length > 0),
		({ inputs }, record) => of("aws:kms/key:Key")(record).some(({ state }) => state.arn === inputs.kmsKeyArn),
		set("kmsKeyArn", undefined),
		set("kmsKeyArn", "arn:aws:kms:ap-northeast-1:000000000000:key/another"),
	),
];
