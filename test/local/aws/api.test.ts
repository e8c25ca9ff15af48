/** Requests as access control sees them, and refusals as the unmodified SDK does. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	DeleteObjectCommand,
	GetObjectCommand,
	HeadObjectCommand,
	ListBucketsCommand,
	NoSuchKey,
	NotFound,
	PutObjectCommand,
	S3Client,
	S3ServiceException,
} from "@aws-sdk/client-s3";
import {
	GetSecretValueCommand,
	SecretsManagerClient,
	SecretsManagerServiceException,
} from "@aws-sdk/client-secrets-manager";
import { AuthorizationErrorException, PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { expect } from "chai";
import { isAccessDenied, s3Call } from "../../../local/aws/api";
import { type Aws, startAws } from "../../../local/aws/services";
import { find, type ProgramRecord } from "../../../local/program/record";
import { failed } from "../../support/assertions";
import { lacking } from "../../support/policy-pieces";
import { programOf } from "../../support/program";

describe("a request to S3", () => {
	const object = "arn:aws:s3:::raw/raw/sample/Doña 1.csv.gz";
	const path = "/raw/raw/sample/Do%C3%B1a%201.csv.gz";
	const both = ["kms:GenerateDataKey", "kms:Decrypt"];

	for (const [what, method, query, asked] of [
		["a read", "GET", "?x-id=GetObject", { action: "s3:GetObject", resource: object }],
		["a look, which decrypts nothing", "HEAD", "", { action: "s3:GetObject", resource: object, keyActions: [] }],
		["a write", "PUT", "?x-id=PutObject", { action: "s3:PutObject", resource: object }],
		["the begin of one in parts", "POST", "?uploads", { action: "s3:PutObject", resource: object, keyActions: both }],
		["a part", "PUT", "?partNumber=1&uploadId=u", { action: "s3:PutObject", resource: object, keyActions: both }],
		[
			"the end of it, which decrypts them",
			"POST",
			"?uploadId=u",
			{ action: "s3:PutObject", resource: object, keyActions: both },
		],
	] as const)
		it(`is ${what}`, () => {
			expect(s3Call(method, path + query)).to.deep.equal(asked);
		});

	it("lists a bucket", () => {
		for (const path of ["/raw?list-type=2&prefix=raw%2F", "/raw/?list-type=2"])
			expect(s3Call("GET", path)).to.deep.equal({ action: "s3:ListBucket", resource: "arn:aws:s3:::raw" });
	});

	for (const [method, path] of [
		["DELETE", "/raw/page"],
		["GET", "/"],
		["GET", "/raw?lifecycle"],
		["PUT", "/raw"],
		["GET", "/raw/page?uploadId=u"],
		["DELETE", "/raw/page?uploadId=u"],
	] as const)
		it(`is refused for ${method} ${path}, which the pipeline never sends`, () => {
			expect(() => s3Call(method, path))
				.to.throw(`${method} ${path} is no call that local runs know`)
				.and.satisfy(isAccessDenied);
		});
});

describe("the local AWS services, enforcing policies", function () {
	this.timeout(120_000);
	let directory: string;
	let aws: Aws;
	let record: ProgramRecord;
	let told: string[];
	const roleOf = (name: string) => find(record, "aws:iam/role:Role", name).state.name as string;
	/** What makes a client ask as somebody. */
	const as = (accessKeyId: string) => ({
		region: "ap-northeast-1",
		credentials: { accessKeyId, secretAccessKey: "any" },
	});
	const s3 = (accessKeyId: string) =>
		new S3Client({ ...as(accessKeyId), endpoint: aws.environment.AWS_ENDPOINT_URL_S3 });
	const sns = (accessKeyId: string) =>
		new SNSClient({ ...as(accessKeyId), endpoint: aws.environment.AWS_ENDPOINT_URL_SNS });
	const secrets = (accessKeyId: string) =>
		new SecretsManagerClient({ ...as(accessKeyId), endpoint: aws.environment.AWS_ENDPOINT_URL_SECRETS_MANAGER });
	const raw = () => ({ Bucket: find(record, "aws:s3/bucket:Bucket", "raw").id, Key: "raw/page" });
	const topic = () => ({ TopicArn: find(record, "aws:sns/topic:Topic").state.arn, Message: "Hello" });
	const secret = (name: string) => ({ SecretId: find(record, "aws:secretsmanager/secret:Secret", name).state.arn });

	before(async () => {
		directory = mkdtempSync(join(tmpdir(), "ev-registrations-access-"));
		[record, aws] = await Promise.all([programOf("dev"), startAws(directory)]);
	});
	after(async () => {
		await aws?.stop();
		rmSync(directory, { recursive: true, force: true });
	});
	beforeEach(() => {
		told = [];
		aws.createBucket(raw().Bucket);
		aws.createTopic(topic().TopicArn);
		aws.enforce(record, (sentence) => told.push(sentence));
	});

	it("allow each role its actions, and the owner everything", async () => {
		const extract = s3(roleOf("extract"));
		await extract.send(new PutObjectCommand({ ...raw(), Body: "page" }));
		await extract.send(new HeadObjectCommand(raw()));
		await (await extract.send(new GetObjectCommand(raw()))).Body!.transformToByteArray();
		await sns(roleOf("notify")).send(new PublishCommand(topic()));
		await s3("local").send(new DeleteObjectCommand(raw()));
		await sns("local").send(new PublishCommand(topic()));
		expect(told).to.deep.equal([]);
	});

	it("refuse the rest with S3's AccessDenied, or a bare 403 to HEAD", async () => {
		const load = s3(roleOf("load"));
		const error = await failed(load.send(new PutObjectCommand({ ...raw(), Body: "page" })));
		expect(error).to.be.instanceOf(S3ServiceException).and.have.property("name", "AccessDenied");
		expect(error.message).to.equal(told[0]);
		expect(told[0]).to.match(
			/^The role ev-registrations-dev-load-\w+ may not s3:PutObject on arn:aws:s3:::ev-registrations-dev-raw-\w+\/raw\/page: no statement/,
		);
		const other = s3(roleOf("notify"));
		expect(await failed(other.send(new HeadObjectCommand(raw())))).to.have.nested.property(
			"$metadata.httpStatusCode",
			403,
		);
		expect(told[1]).to.match(/^The role ev-registrations-dev-notify-\w+ may not s3:GetObject on /);
	});

	it("hide a missing object from callers that may not list", async () => {
		const load = () => s3(roleOf("load"));
		expect(await failed(load().send(new GetObjectCommand(raw())))).to.be.instanceOf(NoSuchKey);
		expect(await failed(load().send(new HeadObjectCommand(raw())))).to.be.instanceOf(NotFound);
		aws.enforce(await lacking(record, "load", "s3:ListBucket"), (sentence) => told.push(sentence));
		expect(await failed(load().send(new GetObjectCommand(raw())))).to.have.property("name", "AccessDenied");
		expect(await failed(load().send(new HeadObjectCommand(raw())))).to.have.nested.property(
			"$metadata.httpStatusCode",
			403,
		);
		expect(told[1]).to.match(/may not s3:ListBucket on /);
	});

	it("refuse with SNS's and Secrets Manager's errors", async () => {
		const publish = sns(roleOf("load")).send(new PublishCommand(topic()));
		expect(await failed(publish)).to.be.instanceOf(AuthorizationErrorException);
		const read = secrets(roleOf("load")).send(new GetSecretValueCommand(secret("reader")));
		const error = await failed(read);
		expect(error).to.be.instanceOf(SecretsManagerServiceException).and.have.property("name", "AccessDeniedException");
		expect(error.message)
			.to.equal(told[1])
			.and.match(/may not secretsmanager:GetSecretValue on /);
	});

	it("refuse unknown callers, unsigned requests and unknown calls", async () => {
		const stranger = s3("AKIASTRANGER");
		expect(await failed(stranger.send(new GetObjectCommand(raw())))).to.have.property("name", "AccessDenied");
		const { status } = await fetch(`${aws.environment.AWS_ENDPOINT_URL_S3}/${raw().Bucket}/${raw().Key}`);
		expect(status).to.equal(403);
		const extract = s3(roleOf("extract"));
		expect(await failed(extract.send(new DeleteObjectCommand(raw())))).to.have.property("name", "AccessDenied");
		expect(await failed(extract.send(new ListBucketsCommand()))).to.have.property("name", "AccessDenied");
		expect(told.join("\n")).to.include("AKIASTRANGER");
	});
});
