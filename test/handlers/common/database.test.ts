/** Connecting to the database (TLS, rotated passwords, roles), and what migrate sets up. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Client } from "pg";
import { generate } from "selfsigned";
import sinon from "sinon";
import { READERS, ROLES } from "../../../db/roles";
import { connect, connectWithSecret, type DatabaseSecret } from "../../../handlers/common/database";
import { newPassword } from "../../../handlers/common/passwords";
import type { Secrets } from "../../../handlers/common/secrets";
import { rotateHandler } from "../../../handlers/rotate";
import { createDatabase, dataDirectory, removePostgres, startPostgres } from "../../../local/machine/postgres";
import { failed } from "../../support/assertions";
import { keepLogins, migrateInto, type TestBed, type TestDatabase, testBed } from "../../support/bed";
import { silently } from "../../support/output";
import { vehicles } from "../../support/snapshots";

describe("the database", () => {
	let bed: TestBed;
	let database: TestDatabase;
	let secret: DatabaseSecret;

	before(async function () {
		this.timeout(60_000);
		bed = await testBed();
		database = await bed.newDatabase();
		secret = bed.aws.secrets.get<DatabaseSecret>(database.secretArn)!;
	});

	describe("when connecting", () => {
		it("trusts only certificates of the expected authority", async () => {
			const { cert } = await generate([{ name: "commonName", value: "localhost" }]);
			const error = await failed(connect({ ...secret, ca: cert }, 5_000));
			expect(error).to.deep.include({ name: "DatabaseUnavailable" });
			expect(error.message).to.match(/certificate/i);
		});

		it("trusts only Amazon's authorities by default", async () => {
			const { ca: _, ...withoutAuthority } = secret;
			expect(await failed(connect(withoutAuthority, 5_000))).to.deep.include({ name: "DatabaseUnavailable" });
		});

		/** A secret whose current value is each of `values` in turn, without a rotation in progress. */
		const readings = (...values: DatabaseSecret[]) => {
			const read = sinon.stub<[string, { label: string }?], Promise<DatabaseSecret | undefined>>();
			read.callsFake(async (_arn, version) => (version ? undefined : values.shift()));
			return { secrets: { read } as unknown as Secrets, values };
		};

		it("reads the secret again when its password was rotated", async () => {
			const { secrets, values } = readings({ ...secret, password: "yesterday's" }, secret);
			const client = await connectWithSecret(secrets, "arn:loader", 5_000);
			await client.end();
			expect(values).to.have.length(0);
		});

		it("tries no third password and shows none in the error", async () => {
			const stale = { ...secret, password: "yesterday's" };
			const { secrets, values } = readings(stale, stale, secret);
			const error = await failed(connectWithSecret(secrets, "arn:loader", 5_000));
			expect(error).to.deep.include({ name: "DatabaseUnavailable" });
			expect(error.message).to.include("ev_loader").and.not.include("yesterday's");
			expect(values).to.have.length(1);
		});

		it("names the address when no server answers there", async () => {
			const error = await failed(connect({ ...secret, port: 1 }, 5_000));
			expect(error).to.deep.include({ name: "DatabaseUnavailable" });
			expect(error.message).to.include("localhost:1");
		});

		it("ends a session and its locks when its time is up", async () => {
			const client = await connect(secret, 200);
			const error = await failed(client.query("select pg_sleep(5)"));
			expect(error.message).to.include("the session's time was up");
		});
	});

	describe("after migrate", () => {
		const as = async (role: string, sql: string) => {
			const login = (["arn:loader", "arn:reader"] as const)
				.flatMap((arn) => ["AWSCURRENT", "AWSPREVIOUS"].map((label) => bed.aws.secrets.get<DatabaseSecret>(arn, label)))
				.find((secret) => secret?.username === role)!;
			const client: Client = await connect({ ...login, dbname: database.name }, 5_000);
			try {
				return await client.query(sql);
			} finally {
				await client.end();
			}
		};

		before(() => database.load({ day: 0, pages: [vehicles(1, 2)] }));

		for (const reader of READERS)
			it(`lets ${reader} read everything and write nothing`, async () => {
				for (const table of ["vehicles", "current_vehicles", "vehicle_changes", "runs", "snapshots", "rejected_rows"])
					await as(reader, `select * from ev.${table}`);
				for (const statement of [
					"update ev.vehicles set city = null",
					"delete from ev.runs",
					"set default_transaction_read_only = off; insert into ev.snapshots select * from ev.snapshots",
					"create table mine ()",
					"set default_transaction_read_only = off; create table public.mine ()",
					...READERS.filter((other) => other !== reader).map((other) => `set role ${other}`),
				])
					expect((await failed(as(reader, statement))).message, statement).to.match(/read-only|permission denied/);
			});

		it("lets the loader load but not change the schema", async () => {
			for (const statement of [
				"create table ev.mine ()",
				"create table public.mine ()",
				"alter table ev.vehicles add column mine int",
				"drop table ev.vehicles",
				"truncate ev.vehicles",
				"delete from ev.vehicles",
				"create role mine",
			])
				expect((await failed(as("ev_loader", statement))).message, statement).to.match(
					/permission denied|must be owner/,
				);
		});

		it("has an owner that creates roles but is no superuser", async () => {
			const [role] = await database.query("select rolsuper, rolcreaterole from pg_roles where rolname = current_user");
			expect(role).to.deep.equal({ rolsuper: false, rolcreaterole: true });
		});
	});

	describe("when migrating", () => {
		it("applies nothing and keeps passwords the second time", async () => {
			const name = await bed.emptyDatabase();
			const passwords = () =>
				["arn:loader", "arn:reader"].map((arn) => bed.aws.secrets.get<DatabaseSecret>(arn)!.password);
			const before = passwords();
			const first = await migrateInto(bed, name);
			expect(first.applied).to.be.above(0);
			expect(first.newPasswords, "roles that can already log in").to.deep.equal([]);
			expect(await migrateInto(bed, name)).to.deep.equal({ applied: 0, newPasswords: [] });
			expect(passwords()).to.deep.equal(before);
		});

		it("runs simultaneous migrations one after the other", async () => {
			const name = await bed.emptyDatabase();
			const results = await Promise.all([migrateInto(bed, name), migrateInto(bed, name)]);
			expect(results.map(({ applied }) => applied).sort()).to.deep.equal([
				0,
				results[0]!.applied + results[1]!.applied,
			]);
		});

		it("names PostgreSQL's reason and rolls back when it fails", async () => {
			const name = await bed.emptyDatabase();
			const owner = new Client({
				...bed.owner,
				host: "localhost",
				port: bed.postgres.port,
				database: name,
				ssl: { ca: bed.postgres.ca },
			});
			await owner.connect();
			await owner.query("create schema ev; create table ev.runs ()");
			const error = await failed(migrateInto(bed, name));
			expect(error).to.deep.include({ name: "MigrationFailed" });
			expect(error.message).to.match(/"(ev|runs)" already exists/);
			const { rows } = await owner.query("select to_regclass('ev.vehicles') as vehicles");
			expect(rows[0].vehicles).to.equal(null);
			await owner.end();
		});
	});

	describe("when it logs every statement", () => {
		it("logs no password during migrate or rotate", async function () {
			this.timeout(60_000);
			const directory = mkdtempSync(join(tmpdir(), "ev-registrations-logs-"));
			const postgres = await startPostgres(directory, {
				log_statement: "all",
				log_min_duration_statement: "0",
				log_destination: "stderr",
				logging_collector: "on",
				log_directory: "log",
				fsync: "off",
				shared_buffers: "64MB",
			});
			const restore = keepLogins(bed.aws);
			const passwords = new Set<string>();
			const note = (arn: string) => {
				for (const label of ["AWSCURRENT", "AWSPREVIOUS"]) {
					const secret = bed.aws.secrets.get<DatabaseSecret>(arn, label);
					if (secret?.port === postgres.port) passwords.add(secret.password);
				}
			};
			try {
				const owner = { user: "ev_admin", password: newPassword() };
				await createDatabase(postgres, "ev", owner);
				const { newPasswords } = await migrateInto({ postgres, aws: bed.aws, owner }, "ev");
				expect(newPasswords).to.have.members(ROLES);
				// Both readers, one after the other.
				for (const arn of ["arn:loader", "arn:reader", "arn:reader"]) {
					note(arn);
					const id = bed.aws.secrets.beginRotation(arn);
					const context = { awsRequestId: "test", getRemainingTimeInMillis: () => 60_000 };
					for (const Step of ["createSecret", "setSecret", "testSecret", "finishSecret"] as const)
						await silently(() => rotateHandler()({ Step, SecretId: arn, ClientRequestToken: id }, context));
					note(arn);
				}
			} finally {
				await postgres.stop();
				restore();
			}
			const logs = join(dataDirectory(directory), "log");
			const lines = readdirSync(logs).flatMap((file) => readFileSync(join(logs, file), "utf8").split("\n"));
			removePostgres(directory);
			rmSync(directory, { recursive: true, force: true });

			expect(passwords.size, "passwords before and after").to.equal(6);
			for (const password of passwords) expect(lines.filter((line) => line.includes(password))).to.deep.equal([]);
			for (const role of ROLES) {
				const changes = lines.filter((line) => /statement:.*\bpassword\b/i.test(line) && line.includes(`"${role}"`));
				expect(changes, `by migrate and by ${role} itself`).to.have.length.of.at.least(2);
				for (const line of changes)
					expect(line).to.match(/alter role "\w+" password 'SCRAM-SHA-256\$4096:[\w+/=]+\$[\w+/=]+:[\w+/=]+'$/);
			}
		});
	});
});
