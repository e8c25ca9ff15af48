/** The AWS services that the functions call, on loopback: S3 and SNS by fauxqs, Secrets Manager by secrets-manager.ts. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ProgramRecord } from "../program/record";
import { type Authorize, isAccessDenied } from "./api";
import type { Iam } from "./iam";
import { startFauxqs } from "./s3-and-sns";
import { type SecretsManager, startSecretsManager } from "./secrets-manager";

export interface Notification {
	subject: string;
	message: string;
}

export interface Aws {
	/** Environment variables that direct an unmodified AWS SDK to these services, as the account's owner. */
	environment: Record<string, string>;
	secrets: SecretsManager;
	/**
	 * Enforces the program's policies from now on. A request's access key is the name of its caller's role, or the
	 * owner's, who may do everything. Before this call all requests are allowed.
	 * @param onDenied receives each refusal, since a service's answer to HEAD carries no message
	 */
	enforce(record: ProgramRecord, onDenied: (sentence: string) => void): Iam;
	createBucket(name: string): void;
	/** Creates a topic. @returns a function that returns what was published since its last call */
	createTopic(arn: string): () => Notification[];
	/** Publishes as Step Functions' SNS integration does. */
	publish(arn: string, subject: string, message: string): void;
	stop(): Promise<void>;
}

const REGION = "ap-northeast-1";
const NOTIFICATIONS = "notifications";
/** The account owner's access key. Signatures need a secret key too, but are not verified. */
const OWNER = "local";

/**
 * Starts the services.
 * @param directory stores objects and secrets between runs
 */
export async function startAws(directory: string): Promise<Aws> {
	mkdirSync(directory, { recursive: true });
	let enforced: Authorize = async () => {};
	const authorize: Authorize = (accessKey, read) => enforced(accessKey, read);
	const secrets = await startSecretsManager(join(directory, "secrets.json"), authorize);
	const storage = { dataDir: join(directory, "services"), s3StorageDir: join(directory, "objects") };
	const server = await startFauxqs({ port: 0, logger: false, defaultRegion: REGION, ...storage }, authorize);
	// Takes some tenths of a second, while the program is evaluated.
	const { createIam } = require("./iam") as typeof import("./iam");
	const url = `http://127.0.0.1:${server.port}`;
	const region = { region: REGION };

	return {
		environment: {
			AWS_REGION: REGION,
			AWS_ACCESS_KEY_ID: OWNER,
			AWS_SECRET_ACCESS_KEY: "local",
			AWS_ENDPOINT_URL_S3: url,
			AWS_ENDPOINT_URL_SNS: url,
			AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
		},
		secrets,
		enforce(record, onDenied) {
			const iam = createIam(record);
			enforced = async (accessKey = "", read) => {
				if (accessKey === OWNER) return;
				try {
					const call = read();
					if (call) await iam.authorize({ role: accessKey }, call);
				} catch (error) {
					if (isAccessDenied(error)) onDenied(error.message);
					throw error;
				}
			};
			return iam;
		},
		createBucket: (name) => {
			server.createBucket(name);
		},
		createTopic(arn) {
			const topic = topicName(arn);
			server.deleteQueue(NOTIFICATIONS, region);
			server.deleteTopic(topic, region);
			server.createTopic(topic, region);
			server.createQueue(NOTIFICATIONS, region);
			server.subscribe({ topic, queue: NOTIFICATIONS, ...region });
			let told = 0;
			return () => {
				const ready = server.inspectQueue(NOTIFICATIONS)?.messages.ready ?? [];
				const news = ready.slice(told).map(({ body }) => JSON.parse(body) as { Subject: string; Message: string });
				told = ready.length;
				return news.map(({ Subject: subject, Message: message }) => ({ subject, message }));
			};
		},
		publish: (arn, subject, message) => {
			server.publish(topicName(arn), message, { subject, ...region });
		},
		async stop() {
			await server.stop();
			await secrets.stop();
		},
	};
}

function topicName(arn: string): string {
	return arn.slice(arn.lastIndexOf(":") + 1);
}
