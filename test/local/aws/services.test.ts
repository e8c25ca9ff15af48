/** The local AWS services, asked by the unmodified SDK as the functions ask: by environment alone. */

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import {
	GetObjectCommand,
	HeadObjectCommand,
	NoSuchKey,
	NotFound,
	PutObjectCommand,
	S3Client,
} from "@aws-sdk/client-s3";
import {
	DescribeSecretCommand,
	GetSecretValueCommand,
	PutSecretValueCommand,
	ResourceNotFoundException,
	SecretsManagerClient,
	UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { expect } from "chai";
import { type Aws, startAws } from "../../../local/aws/services";
import { failed } from "../../support/assertions";

const BUCKET = "raw";
const SECRET = "arn:aws:secretsmanager:ap-northeast-1:000000000000:secret:database-AbCdEf";
const TOPIC = "arn:aws:sns:ap-northeast-1:000000000000:ev-registrations";

/** Every byte there is, many times over. */
const bytes = Buffer.from(Array.from({ length: 256 * 1024 }, (_, at) => at & 0xff));
const sha256 = createHash("sha256").update(bytes).digest("base64");

describe("the local AWS services", () => {
	let directory: string;
	let aws: Aws;
	let s3: S3Client;
	let sns: SNSClient;
	let secrets: SecretsManagerClient;
	let before: Record<string, string | undefined>;

	/** Starts the services on what they left, and clients as a function makes them. */
	const start = async () => {
		aws = await startAws(join(directory, "aws"));
		before = Object.fromEntries(Object.keys(aws.environment).map((name) => [name, process.env[name]]));
		Object.assign(process.env, aws.environment);
		[s3, sns, secrets] = [new S3Client(), new SNSClient(), new SecretsManagerClient()];
		aws.createBucket(BUCKET);
	};
	const stop = async () => {
		for (const client of [s3, sns, secrets]) client.destroy();
		for (const [name, value] of Object.entries(before))
			if (value === undefined) delete process.env[name];
			else process.env[name] = value;
		await aws.stop();
	};
	const restart = async () => {
		await stop();
		await start();
	};

	beforeEach(async () => {
		directory = mkdtempSync(join(tmpdir(), "ev-registrations-aws-"));
		await start();
	});
	afterEach(async () => {
		await stop();
		rmSync(directory, { recursive: true, force: true });
	});

	describe("as S3", () => {
		const put = (Key: string, Body = bytes, ChecksumSHA256 = sha256) =>
			s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body, ChecksumSHA256, ContentType: "application/gzip" }));
		const get = async (Key: string) => {
			const { Body, ContentType } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
			return { ContentType, content: Buffer.from(await Body!.transformToByteArray()) };
		};
		const head = (Key: string) => s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key, ChecksumMode: "ENABLED" }));

		it("return an object with its type, size and checksum", async () => {
			await put("raw/sample/page 1+ñ.csv.gz");
			const { ContentType, content } = await get("raw/sample/page 1+ñ.csv.gz");
			expect(ContentType).to.equal("application/gzip");
			expect(content.equals(bytes)).to.equal(true);
			expect(await head("raw/sample/page 1+ñ.csv.gz")).to.deep.include({
				ContentLength: bytes.length,
				ChecksumSHA256: sha256,
			});
		});

		it("replace an object of the same key", async () => {
			await put("manifest.json");
			const other = Buffer.from("{}");
			await put("manifest.json", other, createHash("sha256").update(other).digest("base64"));
			expect((await get("manifest.json")).content.toString()).to.equal("{}");
		});

		it("answer NoSuchKey to GET and NotFound to HEAD of a missing object", async () => {
			expect(await failed(get("nothing"))).to.be.instanceOf(NoSuchKey);
			expect(await failed(head("nothing"))).to.be.instanceOf(NotFound);
		});

		it("keep objects across a restart", async () => {
			await put("page");
			await restart();
			expect((await get("page")).content.equals(bytes)).to.equal(true);
		});
	});

	describe("as Secrets Manager", () => {
		const put = (SecretString: string) => secrets.send(new PutSecretValueCommand({ SecretId: SECRET, SecretString }));
		const get = async (SecretId = SECRET) => (await secrets.send(new GetSecretValueCommand({ SecretId }))).SecretString;

		it("answer ResourceNotFoundException for a secret without a value", async () => {
			expect(await failed(get())).to.be.instanceOf(ResourceNotFoundException);
			expect(aws.secrets.get(SECRET)).to.equal(undefined);
		});

		it("return the last value, to functions and to the runner", async () => {
			aws.secrets.put(SECRET, { username: "ev_loader", password: "first" });
			expect(JSON.parse((await get())!)).to.deep.equal({ username: "ev_loader", password: "first" });
			await put('{"password":"second"}');
			expect(await get()).to.equal('{"password":"second"}');
			expect(aws.secrets.get(SECRET)).to.deep.equal({ password: "second" });
			expect(await failed(get(`${SECRET}-other`)), "and keep others apart").to.be.instanceOf(ResourceNotFoundException);
		});

		it("keep values across a restart", async () => {
			await put("kept");
			await restart();
			expect(await get()).to.equal("kept");
		});

		describe("with versions", () => {
			const [first, second] = ["1".repeat(32), "2".repeat(32)] as const;
			const putAs = (ClientRequestToken: string, SecretString: string, ...VersionStages: string[]) =>
				secrets.send(new PutSecretValueCommand({ SecretId: SECRET, SecretString, ClientRequestToken, VersionStages }));
			const getBy = async (which: { VersionId?: string; VersionStage?: string }) =>
				(await secrets.send(new GetSecretValueCommand({ SecretId: SECRET, ...which }))).SecretString;
			const labels = async () =>
				(await secrets.send(new DescribeSecretCommand({ SecretId: SECRET }))).VersionIdsToStages;
			const move = (VersionStage: string, RemoveFromVersionId?: string, MoveToVersionId?: string) =>
				secrets.send(
					new UpdateSecretVersionStageCommand({ SecretId: SECRET, VersionStage, RemoveFromVersionId, MoveToVersionId }),
				);

			it("return a version by id and by label", async () => {
				await putAs(first, "one", "AWSCURRENT");
				await putAs(second, "two", "AWSPENDING", "MINE");
				expect(await get()).to.equal("one");
				expect(await getBy({ VersionId: second })).to.equal("two");
				expect(await getBy({ VersionStage: "MINE" })).to.equal("two");
				expect(await labels()).to.deep.equal({ [first]: ["AWSCURRENT"], [second]: ["AWSPENDING", "MINE"] });
				const apart = await failed(getBy({ VersionId: first, VersionStage: "MINE" }));
				expect(apart).to.have.property("name", "InvalidRequestException");
				expect(await failed(getBy({ VersionStage: "AWSPREVIOUS" }))).to.be.instanceOf(ResourceNotFoundException);
			});

			it("make the current version the previous one", async () => {
				await putAs(first, "one", "AWSCURRENT");
				await putAs(second, "two", "AWSPENDING");
				await move("AWSCURRENT", first, second);
				expect(await labels()).to.deep.equal({ [first]: ["AWSPREVIOUS"], [second]: ["AWSPENDING", "AWSCURRENT"] });
				await put("three");
				expect(await failed(getBy({ VersionId: first }))).to.be.instanceOf(ResourceNotFoundException);
				expect(await getBy({ VersionStage: "AWSPREVIOUS" })).to.equal("two");
			});

			it("remove a label from its version, but never AWSCURRENT", async () => {
				await putAs(first, "one", "AWSCURRENT", "MINE");
				await putAs(second, "two", "AWSPENDING");
				await move("MINE", first);
				expect((await labels())![first]).to.deep.equal(["AWSCURRENT"]);
				for (const wrong of [move("AWSCURRENT", first), move("AWSCURRENT", undefined, second), move("MINE", second)])
					expect(await failed(wrong)).to.have.property("name", "InvalidParameterException");
				expect(await get()).to.equal("one");
			});

			it("accept the same value under an id again, and no other", async () => {
				await putAs(first, "one", "AWSCURRENT");
				await putAs(second, "two", "AWSPENDING");
				await putAs(first, "one", "AWSCURRENT");
				expect(await failed(putAs(first, "other", "AWSCURRENT"))).to.have.property("name", "ResourceExistsException");
				expect(await get()).to.equal("one");
			});

			it("make the first version current, whatever its label", async () => {
				await putAs(first, "one", "AWSPENDING");
				expect(await get()).to.equal("one");
			});

			it("begin a rotation with an empty version", async () => {
				expect(await labels(), "none yet").to.equal(undefined);
				await putAs(first, "one", "AWSCURRENT");
				const id = aws.secrets.beginRotation(SECRET);
				expect((await labels())![id]).to.deep.equal(["AWSPENDING"]);
				expect(await failed(getBy({ VersionId: id }))).to.be.instanceOf(ResourceNotFoundException);
				await putAs(id, '"two"', "AWSPENDING");
				await restart();
				expect(await labels()).to.deep.equal({ [first]: ["AWSCURRENT"], [id]: ["AWSPENDING"] });
				expect(aws.secrets.get(SECRET, "AWSPENDING")).to.equal("two");
			});
		});

		it("store secrets readable only for their owner", async () => {
			await put("for nobody else");
			expect(statSync(join(directory, "aws", "secrets.json")).mode & 0o777).to.equal(0o600);
		});

		it("refuse calls that the pipeline never makes", async () => {
			const error = await failed(secrets.send(new PutSecretValueCommand({ SecretId: SECRET })));
			expect(error).to.have.property("name", "InvalidParameterException");
			expect(aws.secrets.get(SECRET)).to.equal(undefined);
		});
	});

	describe("as SNS", () => {
		const publish = (Subject: string, Message: string) =>
			sns.send(new PublishCommand({ TopicArn: TOPIC, Subject, Message }));

		it("report what was published, in order and once", async () => {
			const drain = aws.createTopic(TOPIC);
			expect(drain()).to.deep.equal([]);
			const told = Array.from({ length: 12 }, (_, at) => ({ subject: `Run ${at}`, message: `Line 1\nDoña "${at}"` }));
			for (const { subject, message } of told) await publish(subject, message);
			expect(drain()).to.deep.equal(told);
			expect(drain()).to.deep.equal([]);
			await publish("Later", "news");
			expect(drain()).to.deep.equal([{ subject: "Later", message: "news" }]);
		});

		it("report what Step Functions publishes, in the same order", async () => {
			const drain = aws.createTopic(TOPIC);
			await publish("Failed", "by notify");
			aws.publish(TOPIC, "Raw", "by the state machine");
			expect(drain()).to.deep.equal([
				{ subject: "Failed", message: "by notify" },
				{ subject: "Raw", message: "by the state machine" },
			]);
		});

		for (const [when, again] of [
			["its topic was made anew", async () => {}],
			["they were started anew", () => restart()],
		] as const)
			it(`forget what was published before ${when}`, async () => {
				aws.createTopic(TOPIC);
				await publish("Old", "news");
				await again();
				const drain = aws.createTopic(TOPIC);
				expect(drain()).to.deep.equal([]);
				await publish("New", "news");
				expect(drain()).to.deep.equal([{ subject: "New", message: "news" }]);
			});

		it("refuse to publish to an unknown topic", async () => {
			expect(await failed(publish("Hello", "anyone?")))
				.to.have.property("name")
				.that.matches(/NotFound/);
		});
	});

	it("listen on loopback only", async () => {
		const urls = Object.entries(aws.environment).filter(([name]) => name.startsWith("AWS_ENDPOINT_URL"));
		expect(urls).to.have.length(3);
		const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
		const others = addresses.filter(({ internal, family }) => !internal && family === "IPv4");
		for (const [name, url] of urls) {
			expect(new URL(url).hostname, name).to.equal("127.0.0.1");
			for (const { address } of others)
				expect(await failed(fetch(url.replace("127.0.0.1", address))), address).to.have.nested.property(
					"cause.code",
					"ECONNREFUSED",
				);
		}
	});
});
