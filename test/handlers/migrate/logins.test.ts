/** The logins that migrate stores: both readers can log in, whatever was there before and wherever an earlier migrate died. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Client } from "pg";
import sinon from "sinon";
import { READERS } from "../../../db/roles";
import { connectIfPasswordValid, type DatabaseSecret, disconnect } from "../../../handlers/common/database";
import { newPassword, scramVerifier } from "../../../handlers/common/passwords";
import { createSecrets } from "../../../handlers/common/secrets";
import { rotateHandler } from "../../../handlers/rotate";
import {
	asSuperuser,
	clientConfig,
	createDatabase,
	type Postgres,
	removePostgres,
	startPostgres,
} from "../../../local/machine/postgres";
import { keepLogins, migrateInto, type TestBed, testBed } from "../../support/bed";
import { dieAt } from "../../support/crashes";
import { silently } from "../../support/output";

const LOADER = "arn:loader";
const READER = "arn:reader";

describe("the logins that migrate stores", function () {
	this.timeout(60_000);
	const directory = mkdtempSync(join(tmpdir(), "ev-registrations-logins-"));
	let bed: TestBed;
	let postgres: Postgres;
	/** Restores the secrets, which are those of the test bed's server. */
	let restore: () => void;
	let databases = 0;
	let name: string;

	const owner = { user: "ev_admin", password: newPassword() };
	const get = (label?: string) => bed.aws.secrets.get<DatabaseSecret>(READER, label);
	const migrate = () => migrateInto({ postgres, aws: bed.aws, owner }, name);
	const setPassword = (role: string, password: string) =>
		asSuperuser(postgres, (client) => client.query(`alter role ${role} password '${scramVerifier(password)}'`));
	const works = async (login: DatabaseSecret) => {
		const client = await connectIfPasswordValid(login, 5_000);
		if (client) await disconnect(client);
		return client !== undefined;
	};
	/** Rotates a secret. As AWS does, continues a rotation that is in progress. @param steps the first so many */
	const rotate = async (steps = 4, arn = READER) => {
		const id = (await versionInProgress(arn)) ?? bed.aws.secrets.beginRotation(arn);
		const context = { awsRequestId: "test", getRemainingTimeInMillis: () => 60_000 };
		for (const Step of (["createSecret", "setSecret", "testSecret", "finishSecret"] as const).slice(0, steps))
			await silently(() => rotateHandler()({ Step, SecretId: arn, ClientRequestToken: id }, context));
	};
	/** The version of a rotation that Secrets Manager takes to be in progress. */
	const versionInProgress = async (arn = READER) => {
		const versions = Object.entries(await createSecrets().listLabels(arn));
		return versions.find(([, labels]) => labels.includes("AWSPENDING") && !labels.includes("AWSCURRENT"))?.[0];
	};
	const newDatabase = async () => {
		name = `ev_${++databases}`;
		await createDatabase(postgres, name, owner);
	};
	/** The role and its secret as the version with one reader left them. */
	const makeOneReader = async () => {
		const { password, ...login } = get()!;
		const superuser = new Client(clientConfig(postgres, name));
		await superuser.connect();
		await superuser.query("drop owned by ev_reader_clone; drop role ev_reader_clone");
		await superuser.end();
		bed.aws.secrets.remove(READER);
		for (const stored of [newPassword(), password])
			bed.aws.secrets.put(READER, { ...login, username: "ev_reader", password: stored });
	};

	before(async () => {
		bed = await testBed();
		restore = keepLogins(bed.aws);
		postgres = await startPostgres(directory, { fsync: "off", shared_buffers: "64MB" });
	});
	beforeEach(async () => {
		bed.aws.secrets.remove(READER);
		await asSuperuser(postgres, dropEverything);
		await newDatabase();
	});
	afterEach(() => sinon.restore());
	after(async () => {
		await postgres.stop();
		removePostgres(directory);
		rmSync(directory, { recursive: true, force: true });
		restore();
	});

	it("are both readers', the second in the previous version", async () => {
		expect((await migrate()).newPasswords).to.include.members(READERS);
		expect(get()).to.have.property("username", "ev_reader");
		expect(get("AWSPREVIOUS")).to.have.property("username", "ev_reader_clone");
		for (const label of ["AWSCURRENT", "AWSPREVIOUS"]) expect(await works(get(label)!), label).to.equal(true);
	});

	it("stay as they are the second time, and after each rotation", async () => {
		await migrate();
		for (let rotation = 0; rotation < 3; rotation++) {
			const before = [get(), await createSecrets().listLabels(READER)];
			expect((await migrate()).newPasswords).to.deep.equal([]);
			expect([get(), await createSecrets().listLabels(READER)]).to.deep.equal(before);
			await rotate();
		}
	});

	it("gain a second reader where there was one, whose password stays", async () => {
		await migrate();
		await makeOneReader();
		const stored = get()!;
		expect((await migrate()).newPasswords).to.deep.equal(["ev_reader_clone"]);
		expect(get()).to.deep.equal(stored);
		await rotate();
		expect(get()).to.have.property("username", "ev_reader_clone");
		expect(await works(stored), "until the rotation after").to.equal(true);
	});

	it("gain a second reader where the rotation of the only one broke off", async () => {
		await migrate();
		await makeOneReader();
		const unfinished = { ...get()!, password: newPassword() };
		const id = bed.aws.secrets.beginRotation(READER);
		await createSecrets().write(READER, unfinished, { id, labels: ["AWSPENDING", "UNFINISHED"] });
		await setPassword("ev_reader", unfinished.password);
		expect((await migrate()).newPasswords).to.deep.equal(["ev_reader_clone"]);
		expect(get()).to.deep.equal(unfinished);
		await rotate();
		expect(get()).to.have.property("username", "ev_reader_clone");
		expect(await works(unfinished)).to.equal(true);
	});

	it("follow the database to another place, with both passwords", async () => {
		await migrate();
		await rotate();
		const before = [get()!, get("AWSPREVIOUS")!];
		await newDatabase();
		expect((await migrate()).newPasswords).to.deep.equal([]);
		expect([get(), get("AWSPREVIOUS")]).to.deep.equal(before.map((login) => ({ ...login, dbname: name })));
	});

	it("never look like a rotation in progress", async () => {
		for (const change of [async () => {}, makeOneReader, newDatabase, () => setPassword("ev_reader", "another")]) {
			await migrate();
			for (const arn of [LOADER, READER, READER]) await rotate(4, arn);
			await change();
			await migrate();
			for (const arn of [LOADER, READER]) expect(await versionInProgress(arn), arn).to.equal(undefined);
		}
	});

	it("let a rotation continue", async () => {
		for (const forget of [[], READERS]) {
			await migrate();
			await rotate(2);
			for (const role of forget) await setPassword(role, newPassword());
			const id = await versionInProgress();
			await migrate();
			expect(await versionInProgress())
				.to.be.a("string")
				.and.equal(id);
			await rotate();
			expect((await createSecrets().listLabels(READER))[id!]).to.include("AWSCURRENT");
		}
	});

	it("end a rotation that can't continue in another database", async () => {
		await migrate();
		await rotate(2);
		await newDatabase();
		await migrate();
		expect(await versionInProgress()).to.equal(undefined);
		await rotate();
		expect(await works(get()!)).to.equal(true);
	});

	/** What migrate may find, how it comes to that, and the versions whose passwords it must keep. */
	const STATES: Record<string, { make(): Promise<unknown>; keeps: ("AWSCURRENT" | "AWSPREVIOUS")[] }> = {
		"for a new secret": { make: async () => bed.aws.secrets.remove(READER), keeps: [] },
		"for a secret of one reader": { make: makeOneReader, keeps: ["AWSCURRENT"] },
		"after the database was replaced": { make: newDatabase, keeps: ["AWSCURRENT", "AWSPREVIOUS"] },
		"if the current password is wrong": { make: () => setPassword("ev_reader", "another"), keeps: ["AWSPREVIOUS"] },
		"if the other password is wrong": { make: () => setPassword("ev_reader_clone", "another"), keeps: ["AWSCURRENT"] },
		"if both passwords are wrong": {
			make: async () => {
				for (const role of READERS) await setPassword(role, "another");
			},
			keeps: [],
		},
		"during a rotation": {
			make: async () => {
				await rotate(2);
				await setPassword("ev_reader", "another");
			},
			keeps: [],
		},
		"during a rotation, if the other password is wrong": {
			make: async () => {
				await rotate(1);
				await setPassword("ev_reader_clone", "another");
			},
			keeps: ["AWSCURRENT"],
		},
		"during a rotation of the only reader": {
			make: async () => {
				await makeOneReader();
				const id = bed.aws.secrets.beginRotation(READER);
				const pending = { ...get()!, password: newPassword() };
				await createSecrets().write(READER, pending, { id, labels: ["AWSPENDING", "UNFINISHED"] });
			},
			keeps: ["AWSCURRENT"],
		},
	};
	/** Makes a state and lets migrate die in it, once. @returns whether it came so far */
	const dieIn = async ({ make, keeps }: (typeof STATES)[string], ...where: Parameters<typeof dieAt>) => {
		await migrate();
		if (get()!.username !== "ev_reader") await rotate();
		await make();
		const kept = keeps.map((label) => get(label)!);
		const died = dieAt(...where);
		await migrate().catch(() => {});
		sinon.restore();
		const expectKept = async () => {
			for (const login of kept) expect(await works(login), `${where}: ${login.username}`).to.equal(true);
		};
		await expectKept();
		await migrate();
		await expectKept();
		return died();
	};
	/** Both readers can log in, and rotate finds both. */
	const expectRotates = async (where: string) => {
		expect([get()!.username, get("AWSPREVIOUS")!.username], where).to.have.members(READERS);
		for (let rotation = 0; rotation < 2; rotation++) {
			const before = get()!;
			await rotate();
			for (const login of [before, get()!]) expect(await works(login), `${where}: ${login.username}`).to.equal(true);
		}
	};
	for (const [name, state] of Object.entries(STATES))
		it(`${name}, can be made again wherever migrate dies`, async () => {
			let deaths = 0;
			// To die before a change is to die after the one before it.
			for (const call of [/^alter role .* password/, /^PutSecretValueCommand/])
				for (let count = 1; await dieIn(state, call, "after", count); count++) {
					deaths++;
					await expectRotates(`after ${call} ${count}`);
				}
			expect(deaths).to.be.above(1);
		});

	/** Databases and roles of earlier tests. */
	async function dropEverything(client: Client) {
		const found = async (sql: string) => (await client.query<{ name: string }>(sql)).rows;
		for (const { name } of await found("select datname as name from pg_database where datname ~ '^ev_'"))
			await client.query(`drop database ${name} with (force)`);
		for (const { name } of await found("select rolname as name from pg_roles where rolname ~ '^ev_'"))
			await client.query(`drop role ${name}`);
	}
});
