/** The program, deployed on parts of this machine of its own, for tests that run what would run on AWS. */

import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { WorkflowInput } from "../../handlers/common/contract";
import { startAws } from "../../local/aws/services";
import type { Outcome } from "../../local/aws/step-functions";
import { type Deployment, deploy, type Parts } from "../../local/deployment";
import { removePostgres } from "../../local/machine/postgres";
import type { ProgramRecord } from "../../local/program/record";
import type { Snapshot } from "../../local/source/snapshot";
import { startSource } from "../../local/source/soda-server";
import { reachableFolder, startTestPostgres } from "./cluster";

export interface Machine extends Parts {
	/** Puts another snapshot in the place of the one that the source serves. */
	publish(snapshot: Snapshot): void;
	/** What functions printed and what the runner told, since the last deployment. */
	lines: string[];
	/** Deploys a record in the place of the one before, whose functions are ended. */
	deploy(record: ProgramRecord): Promise<Deployment>;
	stop(): Promise<void>;
}

/** The steps of a rotation, in their order. https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html */
const ROTATION = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/** Rotates a secret as Secrets Manager does. */
export async function rotateSecret({ aws }: Parts, deployment: Deployment, arn: string): Promise<void> {
	const id = aws.secrets.beginRotation(arn);
	for (const Step of ROTATION) await deployment.invoke("rotate", { Step, SecretId: arn, ClientRequestToken: id });
}

/** Runs the workflow over the sample, with nobody watching. */
export function runOnce(deployment: Deployment, input: Partial<WorkflowInput> = {}): Promise<Outcome> {
	const silent = { started() {}, finished() {}, failed() {} };
	return deployment.run(randomUUID(), { dataset: "sample", ...input }, silent);
}

/** Starts a PostgreSQL, the AWS services and the source, with nothing in them. */
export async function startMachine(snapshot: Snapshot): Promise<Machine> {
	const directory = reachableFolder("ev-registrations-deployed-");
	const [postgres, aws, source] = await Promise.all([
		startTestPostgres(join(directory, "postgres")),
		startAws(join(directory, "aws")),
		startSource(snapshot),
	]);
	const lines: string[] = [];
	const parts: Parts = { postgres, aws, sourceUrl: source.url, onLine: (line) => lines.push(line) };
	let deployment: Deployment | undefined;
	return {
		...parts,
		publish: source.publish,
		lines,
		async deploy(record) {
			await deployment?.stop();
			lines.length = 0;
			deployment = await deploy(record, parts);
			return deployment;
		},
		async stop() {
			await deployment?.stop();
			await Promise.all([postgres.stop(), aws.stop(), source.stop()]);
			removePostgres(join(directory, "postgres"));
			rmSync(directory, { recursive: true, force: true });
		},
	};
}
