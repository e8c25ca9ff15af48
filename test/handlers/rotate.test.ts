/** rotate: four steps, each of which can be repeated or fail anywhere, without locking a role out. */

import { expect } from "chai";
import sinon from "sinon";
import {
	connect,
	connectIfPasswordValid,
	connectWithSecret,
	type DatabaseSecret,
	disconnect,
} from "../../handlers/common/database";
import { newPassword, scramVerifier } from "../../handlers/common/passwords";
import { createSecrets } from "../../handlers/common/secrets";
import { type RotationEvent, rotateHandler } from "../../handlers/rotate";
import { asSuperuser } from "../../local/machine/postgres";
import { invokerOf } from "../support/archives";
import { failed } from "../support/assertions";
import { keepLogins, migrateInto, openDatabase, type TestBed, type TestDatabase, testBed } from "../support/bed";
import { dieAt } from "../support/crashes";
import { silently } from "../support/output";
import { programOf } from "../support/program";
import { vehicles } from "../support/snapshots";

type Step = RotationEvent["Step"];

const STEPS: Step[] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const LOADER = "arn:loader";
const READER = "arn:reader";
/** The secrets, each with its roles, of which the current version names the last. */
const SECRETS = { [LOADER]: ["ev_loader"], [READER]: ["ev_reader_clone", "ev_reader"] };
/** The role that a secret names after a rotation, by the one that it named before. */
const NEXT: Record<string, string> = {
	ev_loader: "ev_loader",
	ev_reader: "ev_reader_clone",
	ev_reader_clone: "ev_reader",
};

describe("rotate", () => {
	let bed: TestBed;
	let database: TestDatabase;
	let secrets: ReturnType<typeof createSecrets>;
	let handler: ReturnType<typeof rotateHandler>;
	/** Restores the test bed's own secrets. */
	let restore: () => void;

	const get = (arn: string, label?: string) => bed.aws.secrets.get<DatabaseSecret>(arn, label);
	const setPassword = (role: string, password: string) =>
		asSuperuser(bed.postgres, (client) => client.query(`alter role ${role} password '${scramVerifier(password)}'`));
	const context = { awsRequestId: "test", getRemainingTimeInMillis: () => 60_000 };
	const step = (arn: string, id: string, name: Step) => {
		return silently(() => handler({ Step: name, SecretId: arn, ClientRequestToken: id }, context));
	};
	/** Whether a login is accepted. */
	const works = async (login: DatabaseSecret) => {
		const client = await connectIfPasswordValid(login, 5_000);
		if (client) await disconnect(client);
		return client !== undefined;
	};
	/** Whether the secret's current password is the role's. */
	const canLogIn = (arn: string) => works(get(arn)!);
	/** Logs in as load does. */
	const connectAsLoad = async (arn: string) => disconnect(await connectWithSecret(secrets, arn, 5_000));
	/** Runs a rotation's steps. Load can log in after each. */
	const rotate = async (arn: string, id = bed.aws.secrets.beginRotation(arn), steps = STEPS) => {
		for (const name of steps) {
			await step(arn, id, name);
			await connectAsLoad(arn);
		}
		return id;
	};
	const expectRotated = async (arn: string, id: string, before: DatabaseSecret) => {
		expect((await secrets.listLabels(arn))[id]).to.have.members(["AWSCURRENT", "AWSPENDING"]);
		expect(await secrets.read(arn, { label: "UNFINISHED" })).to.equal(undefined);
		const username = NEXT[before.username]!;
		expect({ ...get(arn), password: "" }).to.deep.equal({ ...before, username, password: "" });
		expect(get(arn)!.password).to.not.equal(before.password);
		expect(await canLogIn(arn), "with the secret's new password").to.equal(true);
		expect(await works(before), "a reader with the password before").to.equal(username !== before.username);
	};

	before(async function () {
		this.timeout(60_000);
		bed = await testBed();
		database = await bed.newDatabase();
		secrets = createSecrets();
		handler = rotateHandler();
		restore = keepLogins(bed.aws);
	});
	beforeEach(async () => {
		for (const [arn, roles] of Object.entries(SECRETS))
			for (const username of roles) {
				const password = newPassword();
				await setPassword(username, password);
				bed.aws.secrets.put(arn, { ...get(arn)!, dbname: database.name, username, password });
			}
	});
	afterEach(() => sinon.restore());
	after(async () => {
		restore();
		for (const arn of Object.keys(SECRETS))
			for (const label of ["AWSPREVIOUS", "AWSCURRENT"]) {
				const login = get(arn, label);
				if (login) await setPassword(login.username, login.password);
			}
	});

	for (const [arn, roles] of Object.entries(SECRETS))
		it(`changes the password of ${roles[0]}`, async () => {
			const before = get(arn)!;
			const id = bed.aws.secrets.beginRotation(arn);
			await step(arn, id, "createSecret");
			expect(get(arn), "not yet").to.deep.equal(before);
			expect(await canLogIn(arn)).to.equal(true);
			await rotate(arn, id, ["setSecret", "testSecret"]);
			expect(get(arn), "not yet").to.deep.equal(before);
			await step(arn, id, "finishSecret");
			await expectRotated(arn, id, before);
			expect(get(arn, "AWSPREVIOUS")).to.deep.equal(before);
		});

	/** Of the readers, whose transactions are read-only by default, unless a test needs the other role. */
	const arn = READER;

	it("keeps a reader's password until the rotation after", async () => {
		const [other, stored] = [get(arn, "AWSPREVIOUS")!, get(arn)!];
		await rotate(arn);
		expect(await works(other), "two rotations old").to.equal(false);
		expect(await works(stored)).to.equal(true);
		await rotate(arn);
		expect(await works(stored), "two rotations old").to.equal(false);
		expect(get(arn)).to.have.property("username", stored.username);
	});

	it("never refuses a reader's password while it replaces the other's", async () => {
		for (let rotation = 0; rotation < 2; rotation++) {
			const id = bed.aws.secrets.beginRotation(arn);
			const stored = get(arn)!;
			for (const name of STEPS) {
				await step(arn, id, name);
				expect(await works(stored), name).to.equal(true);
				expect(await canLogIn(arn), name).to.equal(true);
			}
		}
	});

	it("never gives one reader an unfinished password of the other", async () => {
		dieAt(/^UpdateSecretVersionStageCommand UNFINISHED/, "before");
		await failed(rotate(arn));
		sinon.restore();
		const { username, password } = get(arn)!;
		await setPassword(username, newPassword());
		expect((await migrateInto(bed, database.name)).newPasswords).to.deep.equal([username]);
		await rotate(arn);
		expect(get(arn)!.password).to.not.equal(password);
	});

	it("leaves open sessions alone", async () => {
		for (const [arn, roles] of Object.entries(SECRETS)) {
			const name = roles.at(-1);
			const client = await connect(get(arn)!, 5_000);
			await rotate(arn);
			await rotate(arn);
			expect((await client.query("select current_user as name")).rows).to.deep.equal([{ name }]);
			await client.end();
		}
	});

	it("leaves the roles' other settings alone", async () => {
		const settings = () =>
			database.query(
				"select rolname, rolconfig, rolsuper, rolcreaterole from pg_roles where rolname ~ '^ev_' order by 1",
			);
		const before = await settings();
		await rotate(arn);
		expect(await settings()).to.deep.equal(before);
	});

	for (const [arn, roles] of Object.entries(SECRETS))
		describe(`of ${roles.join(" and ")}`, () => {
			it("repeats each step, and all of them, without harm", async () => {
				const before = get(arn)!;
				const id = await rotate(
					arn,
					undefined,
					STEPS.flatMap((name) => [name, name]),
				);
				const rotated = get(arn)!;
				await rotate(arn, id);
				expect(get(arn)).to.deep.equal(rotated);
				await expectRotated(arn, id, before);
			});

			it("starts again with the same version after any step", async () => {
				for (const done of [1, 2, 3]) {
					const before = get(arn)!;
					const id = await rotate(arn, undefined, STEPS.slice(0, done));
					await expectRotated(arn, await rotate(arn, id), before);
				}
			});

			describe("after one that failed", () => {
				it("completes one that AWS did not prepare a version for", async () => {
					for (const done of [1, 2, 3]) {
						const before = get(arn)!;
						await rotate(arn, undefined, STEPS.slice(0, done));
						await expectRotated(arn, await rotate(arn, crypto.randomUUID()), before);
					}
				});

				it("and a second one that failed, completes the third", async () => {
					for (const second of [0, 1, 2]) {
						const before = get(arn)!;
						await rotate(arn, undefined, STEPS.slice(0, 2));
						await rotate(arn, undefined, STEPS.slice(0, second));
						await expectRotated(arn, await rotate(arn), before);
					}
				});

				/** Everything that a rotation changes, by the call that changes it. */
				const CHANGES: Record<string, RegExp> = {
					"storing the new password": /^PutSecretValueCommand/,
					"changing the role's password": /^alter role/,
					"making it current": /^UpdateSecretVersionStageCommand AWSCURRENT/,
					"removing the label UNFINISHED": /^UpdateSecretVersionStageCommand UNFINISHED/,
				};
				for (const [what, call] of Object.entries(CHANGES))
					for (const moment of ["before", "after"] as const)
						it(`${moment} ${what}, completes the next`, async () => {
							const died = dieAt(call, moment);
							await failed(rotate(arn));
							expect(died()).to.equal(true);
							sinon.restore();
							await connectAsLoad(arn);
							const left = get(arn)!;
							await expectRotated(arn, await rotate(arn), left);
						});

				it("never makes an earlier password current again", async () => {
					const seen = new Set<string>();
					for (const call of [...Object.values(CHANGES), /^never/]) {
						dieAt(call, "after");
						await rotate(arn).catch(() => {});
						sinon.restore();
						await rotate(arn);
						seen.add(get(arn)!.password);
					}
					expect(seen.size).to.equal(Object.keys(CHANGES).length + 1);
				});
			});
		});

	describe("when the rotation is configured", () => {
		it("tests the current password for the current version", async () => {
			const [current] = Object.entries(await secrets.listLabels(arn)).find(([, labels]) =>
				labels.includes("AWSCURRENT"),
			)!;
			await step(arn, current, "testSecret");
		});

		it("tests the current password for an empty version", async () => {
			await step(arn, bed.aws.secrets.beginRotation(arn), "testSecret");
		});

		it("fails if the current password is wrong", async () => {
			await setPassword(get(arn)!.username, "another");
			const error = await failed(step(arn, bed.aws.secrets.beginRotation(arn), "testSecret"));
			expect(error).to.have.property("name", "DatabaseUnavailable");
		});

		it("fails if the secret has no value yet", async () => {
			const error = await failed(step("arn:empty", crypto.randomUUID(), "testSecret"));
			expect(error).to.have.property("name", "SecretUnavailable");
			expect(error.message).to.include("migrate");
		});
	});

	describe("rejects", () => {
		const expectRejected = async (id: string, name: Step, reason: RegExp) => {
			const before = await secrets.listLabels(arn);
			const error = await failed(step(arn, id, name));
			expect(error).to.have.property("name", "RotationFailed");
			expect(error.message).to.match(reason).and.not.include(get(arn)!.password);
			expect(await secrets.listLabels(arn)).to.deep.equal(before);
			expect(await canLogIn(arn)).to.equal(true);
		};

		it("a version that is no longer pending", async () => {
			const old = await rotate(arn);
			await rotate(arn);
			await expectRejected(old, "setSecret", /is not pending/);
			await expectRejected(old, "finishSecret", /is not pending/);
		});

		it("a version without a value", async () => {
			const id = bed.aws.secrets.beginRotation(arn);
			await expectRejected(id, "setSecret", /has no value/);
			await expectRejected(id, "finishSecret", /has no value/);
		});

		it("a version for a database that was replaced", async () => {
			const id = bed.aws.secrets.beginRotation(arn);
			await step(arn, id, "createSecret");
			bed.aws.secrets.put(arn, { ...get(arn)!, dbname: "postgres" });
			const error = await failed(step(arn, id, "setSecret"));
			expect(error).to.have.property("name", "RotationFailed");
			expect(error.message).to.match(/different database/);
			bed.aws.secrets.put(arn, { ...get(arn)!, dbname: database.name });
		});

		it("an unknown step", async () => {
			await expectRejected(bed.aws.secrets.beginRotation(arn), "dropSecret" as Step, /no step "dropSecret"/);
		});

		it("a version for the reader that is current meanwhile", async () => {
			const id = bed.aws.secrets.beginRotation(arn);
			await step(arn, id, "createSecret");
			bed.aws.secrets.put(arn, get(arn, "AWSPREVIOUS")!);
			await expectRejected(id, "setSecret", /is for ev_reader_clone, the role that the current version names/);
			await expectRejected(id, "finishSecret", /is for ev_reader_clone, the role that the current version names/);
		});

		const forget = async (role: string) => void (await setPassword(role, newPassword()));
		/** What a secret may lack, and how it comes to that. */
		const LACKS: Record<string, { arn: string; lose(): Promise<void> }> = {
			"password of the loader": { arn: LOADER, lose: () => forget("ev_loader") },
			"password of the other reader": { arn: READER, lose: () => forget("ev_reader_clone") },
			"version of the other reader": {
				arn: READER,
				lose: async () => bed.aws.secrets.put(READER, { ...get(READER)! }),
			},
		};
		for (const [what, { arn, lose }] of Object.entries(LACKS))
			it(`a secret without the ${what}, until migrate ran`, async () => {
				await lose();
				const { username, password } = get(arn)!;
				const id = bed.aws.secrets.beginRotation(arn);
				await step(arn, id, "createSecret");
				const error = await failed(step(arn, id, "setSecret"));
				expect(error).to.have.property("name", "RotationFailed");
				expect(error.message)
					.to.match(/^The role \w+ cannot log in with any password of the secret \S+; invoke migrate/)
					.and.include(NEXT[username])
					.and.not.include(password);
				expect((await migrateInto(bed, database.name)).newPasswords).to.deep.equal([NEXT[username]]);
				const before = get(arn)!;
				await expectRotated(arn, await rotate(arn, id), before);
			});
	});

	it("logs in with the previous password if the current one is wrong", async () => {
		const arn = LOADER;
		const before = get(arn)!;
		bed.aws.secrets.put(arn, { ...before, password: "never set" });
		const id = bed.aws.secrets.beginRotation(arn);
		for (const name of STEPS) await step(arn, id, name);
		await expectRotated(arn, id, before);
	});

	it("logs every step and no password", async () => {
		const lines: string[] = [];
		sinon.stub(process.stdout, "write").callsFake((text) => lines.push(String(text)) > 0);
		const id = bed.aws.secrets.beginRotation(arn);
		const passwords = [get(arn)!.password];
		try {
			for (const name of STEPS) await handler({ Step: name, SecretId: arn, ClientRequestToken: id }, context);
		} finally {
			sinon.restore();
		}
		passwords.push(get(arn)!.password);
		expect(lines.map((line) => JSON.parse(line).step)).to.deep.equal(STEPS);
		for (const password of passwords) expect(lines.join("")).to.not.include(password);
	});

	describe("during a rotation", () => {
		it("lets load load after setSecret", async () => {
			const loading = openDatabase(bed, database.name);
			await rotate(loading.secretArn, undefined, ["createSecret", "setSecret"]);
			expect(await loading.load({ day: 1, pages: [vehicles(1, 2)] })).to.have.property("status", "loaded");
		});

		for (const [arn, done] of Object.keys(SECRETS).flatMap((arn) => [1, 2, 3].map((done) => [arn, done] as const)))
			it(`of ${arn}, continues if migrate runs after ${STEPS[done - 1]}`, async () => {
				const before = get(arn)!;
				const id = await rotate(arn, undefined, STEPS.slice(0, done));
				expect((await migrateInto(bed, database.name)).newPasswords).to.deep.equal([]);
				expect(await canLogIn(arn)).to.equal(true);
				await expectRotated(arn, await rotate(arn, id, STEPS.slice(done)), before);
			});

		it("lets load log in if it finishes between two reads", async () => {
			const arn = LOADER;
			const id = await rotate(arn, undefined, STEPS.slice(0, 3));
			const reading = createSecrets();
			const read = reading.read;
			// The rotation finishes before the version that is read second.
			const finishing = sinon.stub(reading, "read").callsFake((async (
				of: string,
				version?: { label: "UNFINISHED" },
			) => {
				if (version) await step(arn, id, "finishSecret");
				return await read(of, version);
			}) as typeof read);
			await disconnect(await connectWithSecret(reading, arn, 5_000));
			expect(finishing.callCount).to.equal(3);
		});
	});

	it("runs from its archive in a process of its own", async function () {
		this.timeout(120_000);
		const record = await programOf("dev");
		const lines: string[] = [];
		const invoker = invokerOf(record, "rotate", { aws: bed.aws.environment, onLine: (line) => lines.push(line) });
		try {
			for (const arn of [LOADER, READER, READER]) {
				const before = get(arn)!;
				const id = bed.aws.secrets.beginRotation(arn);
				for (const name of STEPS) await invoker.invoke({ Step: name, SecretId: arn, ClientRequestToken: id });
				await expectRotated(arn, id, before);
				expect(lines.join("\n")).to.not.include(before.password).and.not.include(get(arn)!.password);
			}
		} finally {
			invoker.stop();
		}
	});
});
