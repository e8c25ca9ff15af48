/** The AWS services that the functions call, on loopback: S3 and SNS by fauxqs, Secrets Manager by a page of our own. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { type SecretsManager, startSecretsManager } from "./secrets-manager";

export interface Notification {
	subject: string;
	message: string;
}

export interface Aws {
	/** What makes an unmodified AWS SDK talk to these services, and to nothing else. */
	environment: Record<string, string>;
	secrets: SecretsManager;
	createBucket(name: string): void;
	/** Keys of a bucket's objects, in order. */
	listObjects(bucket: string): Promise<string[]>;
	/** Makes a topic. @returns what was published to it since this was asked last */
	createTopic(arn: string): () => Notification[];
	/** Publishes as Step Functions' own SNS integration would. */
	publish(arn: string, subject: string, message: string): void;
	stop(): Promise<void>;
}

const REGION = "ap-northeast-1";
const NOTIFICATIONS = "notifications";

/**
 * Starts the services.
 * @param directory where objects and secrets are kept between runs
 */
export async function startAws(directory: string): Promise<Aws> {
	mkdirSync(directory, { recursive: true });
	const secrets = await startSecretsManager(join(directory, "secrets.json"));
	const { startFauxqs } = await import("fauxqs");
	const server = await startFauxqs({
		port: 0,
		host: "127.0.0.1",
		logger: false,
		defaultRegion: REGION,
		dataDir: join(directory, "services"),
		s3StorageDir: join(directory, "objects"),
	});
	const url = `http://127.0.0.1:${server.port}`;
	const region = { region: REGION };

	return {
		environment: {
			AWS_REGION: REGION,
			// Signatures need a key; nobody checks these.
			AWS_ACCESS_KEY_ID: "local",
			AWS_SECRET_ACCESS_KEY: "local",
			AWS_ENDPOINT_URL_S3: url,
			AWS_ENDPOINT_URL_SNS: url,
			AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
		},
		secrets,
		createBucket: (name) => {
			server.createBucket(name);
		},
		async listObjects(bucket) {
			const client = new S3Client({
				...region,
				endpoint: url,
				credentials: { accessKeyId: "local", secretAccessKey: "local" },
			});
			const keys: string[] = [];
			for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket }))
				keys.push(...(page.Contents ?? []).map(({ Key }) => Key!));
			return keys;
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
