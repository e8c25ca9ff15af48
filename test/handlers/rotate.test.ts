/** rotate: new passwords in four steps, of which each may be repeated or die, and nobody is ever locked out. */

import { type GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { expect } from "chai";
import { Client } from "pg";
import sinon from "sinon";
import { ROLES } from "../../db/roles";
import { connect, connectWithSecret, type DatabaseSecret, disconnect } from "../../handlers/common/database";
import { newPassword, scramVerifier } from "../../handlers/common/passwords";
import { createSecrets } from "../../handlers/common/secrets";
import { type RotationEvent, rotateHandler } from "../../handlers/rotate";
import { asSuperuser } from "../../local/machine/postgres";
import { invokerOf } from "../support/archives";
import { failed } from "../support/assertions";
import { migrateInto, openDatabase, type TestBed, type TestDatabase, testBed } from "../support/bed";
import { silently } from "../support/output";
import { programOf } from "../support/program";
import { vehicles } from "../support/snapshots";

type Step = RotationEvent["Step"];

const STEPS: Step[] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const ARNS = { ev_loader: "arn:loader", ev_reader: "arn:reader" };

describe("rotate", () => {
	let bed: TestBed;
	let database: TestDatabase;
	let secrets: ReturnType<typeof createSecrets>;
	/** The secrets of the test bed, which others use after this. */
	let own: [string, DatabaseSecret][];

	const get = (arn: string, label?: string) => bed.aws.secrets.get<DatabaseSecret>(arn, label);
	const setPassword = (role: string, password: string) =>
		asSuperuser(bed.postgres, (client) => client.query(`alter role ${role} password '${scramVerifier(password)}'`));
	const step = (arn: string, id: string, name: Step, timeLeft = 60_000) => {
		const context = { awsRequestId: "test", getRemainingTimeInMillis: () => timeLeft };
		return silently(() => rotateHandler()({ Step: name, SecretId: arn, ClientRequestToken: id }, context));
	};
	/** Whether the secret's current password is the role's. */
	const letsIn = async (arn: string) => {
		try {
			await (await connect(get(arn)!, 5_000)).end();
			return true;
		} catch {
			return false;
		}
	};
	/** Opens the database as load does. */
	const open = (arn: string) => connectWithSecret(secrets, arn, 5_000);
	const loadCanLogIn = async (arn: string) => disconnect(await open(arn));
	/** A whole rotation; load can log in after each of its steps. */
	const rotate = async (arn: string, id = bed.aws.secrets.beginRotation(arn), steps = STEPS) => {
		for (const name of steps) {
			await step(arn, id, name);
			await loadCanLogIn(arn);
		}
		return id;
	};
	const isRotated = async (arn: string, id: string, before: DatabaseSecret) => {
		expect((await secrets.labels(arn))[id]).to.have.members(["AWSCURRENT", "AWSPENDING"]);
		expect(await secrets.read(arn, { label: "UNFINISHED" })).to.equal(undefined);
		expect({ ...get(arn), password: "" }).to.deep.equal({ ...before, password: "" });
		expect(get(arn)!.password).to.not.equal(before.password);
		expect(await letsIn(arn), "with the secret's new password").to.equal(true);
	};

	before(async function () {
		this.timeout(60_000);
		bed = await testBed();
		database = await bed.newDatabase();
		secrets = createSecrets();
		own = ROLES.map((role) => [ARNS[role], get(ARNS[role])!]);
	});
	beforeEach(async () => {
		for (const role of ROLES) {
			const password = newPassword();
			await setPassword(role, password);
			bed.aws.secrets.put(ARNS[role], { ...get(ARNS[role])!, dbname: database.name, password });
		}
	});
	afterEach(() => sinon.restore());
	after(async () => {
		for (const [arn, secret] of own) {
			await setPassword(secret.username, secret.password);
			bed.aws.secrets.put(arn, secret);
		}
	});

	for (const role of ROLES)
		describe(`of ${role}`, () => {
			const arn = ARNS[role];

			it("gives it a new password, which the secret says when it lets in", async () => {
				const before = get(arn)!;
				const id = bed.aws.secrets.beginRotation(arn);
				await step(arn, id, "createSecret");
				expect(get(arn), "not yet").to.deep.equal(before);
				expect(await letsIn(arn)).to.equal(true);
				await rotate(arn, id, ["setSecret", "testSecret"]);
				expect(get(arn), "not yet").to.deep.equal(before);
				await step(arn, id, "finishSecret");
				await isRotated(arn, id, before);
				expect(get(arn, "AWSPREVIOUS")).to.deep.equal(before);
			});

			it("lets sessions that are open live on", async () => {
				const client = await connect(get(arn)!, 5_000);
				await rotate(arn);
				expect((await client.query("select current_user as name")).rows).to.deep.equal([{ name: role }]);
				await client.end();
			});

			it("does a step again without harm, and all of them again", async () => {
				const before = get(arn)!;
				const id = await rotate(
					arn,
					undefined,
					STEPS.flatMap((name) => [name, name]),
				);
				const rotated = get(arn)!;
				await rotate(arn, id);
				expect(get(arn)).to.deep.equal(rotated);
				await isRotated(arn, id, before);
			});

			it("takes the rotation up where it died, with the same version", async () => {
				for (const done of [1, 2, 3]) {
					const before = get(arn)!;
					const id = await rotate(arn, undefined, STEPS.slice(0, done));
					await isRotated(arn, await rotate(arn, id), before);
				}
			});

			it("leaves its other settings as they are", async () => {
				const settings = () =>
					database.query("select rolconfig, rolsuper, rolcreaterole from pg_roles where rolname = $1", [role]);
				const before = await settings();
				await rotate(arn);
				expect(await settings()).to.deep.equal(before);
			});
		});

	describe("that dies", () => {
		const arn = ARNS.ev_reader;

		for (const done of [1, 2, 3])
			for (const [how, begin] of [
				["which AWS has begun", () => bed.aws.secrets.beginRotation(arn)],
				["which nobody has announced", () => crypto.randomUUID()],
			] as const)
				it(`after ${STEPS[done - 1]} is healed by the next one, ${how}`, async () => {
					const before = get(arn)!;
					await rotate(arn, undefined, STEPS.slice(0, done));
					await isRotated(arn, await rotate(arn, begin()), before);
				});

		it("once the password is set, and the next one too, wherever, is healed by the third one", async () => {
			for (const second of [0, 1, 2]) {
				const before = get(arn)!;
				await rotate(arn, undefined, STEPS.slice(0, 2));
				await rotate(arn, undefined, STEPS.slice(0, second));
				await isRotated(arn, await rotate(arn), before);
			}
		});

		/** All that a rotation changes anywhere, by the call that changes it. */
		const CHANGES: Record<string, RegExp> = {
			"storing the new password": /^PutSecretValueCommand/,
			"changing the role's password": /^alter role/,
			"making it the current one": /^UpdateSecretVersionStageCommand AWSCURRENT/,
			"taking the mark of the unfinished from it": /^UpdateSecretVersionStageCommand UNFINISHED/,
		};
		for (const [what, call] of Object.entries(CHANGES))
			for (const moment of ["before", "after"] as const)
				it(`right ${moment} ${what} is healed by the next one`, async () => {
					const died = dieAt(call, moment);
					await failed(rotate(arn));
					expect(died()).to.equal(true);
					sinon.restore();
					await loadCanLogIn(arn);
					const left = get(arn)!;
					await isRotated(arn, await rotate(arn), left);
				});

		it("never has a password come back that was current before", async () => {
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

	describe("when it is declared", () => {
		const arn = ARNS.ev_loader;

		it("finds the current password to let in, as the version that is current", async () => {
			const [current] = Object.entries(await secrets.labels(arn)).find(([, labels]) => labels.includes("AWSCURRENT"))!;
			await step(arn, current, "testSecret");
		});

		it("finds the current password to let in, as a version that has no value", async () => {
			await step(arn, bed.aws.secrets.beginRotation(arn), "testSecret");
		});

		it("fails where the current password does not let in", async () => {
			await setPassword("ev_loader", "another");
			const error = await failed(step(arn, bed.aws.secrets.beginRotation(arn), "testSecret"));
			expect(error).to.have.property("name", "DatabaseUnavailable");
		});

		it("fails where migrate has written no password yet", async () => {
			const error = await failed(step("arn:empty", crypto.randomUUID(), "testSecret"));
			expect(error).to.have.property("name", "SecretUnavailable");
			expect(error.message).to.include("migrate");
		});
	});

	describe("refuses", () => {
		const arn = ARNS.ev_loader;
		const refused = async (id: string, name: Step, reason: RegExp) => {
			const before = await secrets.labels(arn);
			const error = await failed(step(arn, id, name));
			expect(error).to.have.property("name", "RotationFailed");
			expect(error.message).to.match(reason).and.not.include(get(arn)!.password);
			expect(await secrets.labels(arn)).to.deep.equal(before);
			expect(await letsIn(arn)).to.equal(true);
		};

		it("to go back to a version that is not pending any more", async () => {
			const old = await rotate(arn);
			await rotate(arn);
			await refused(old, "setSecret", /is not pending/);
			await refused(old, "finishSecret", /is not pending/);
		});

		it("to make a version current that has no value", async () => {
			const id = bed.aws.secrets.beginRotation(arn);
			await refused(id, "setSecret", /has no value/);
			await refused(id, "finishSecret", /has no value/);
		});

		it("to lead back to a database that was replaced meanwhile", async () => {
			const id = bed.aws.secrets.beginRotation(arn);
			await step(arn, id, "createSecret");
			bed.aws.secrets.put(arn, { ...get(arn)!, dbname: "postgres" });
			const error = await failed(step(arn, id, "setSecret"));
			expect(error).to.have.property("name", "RotationFailed");
			expect(error.message).to.match(/another database/);
			bed.aws.secrets.put(arn, { ...get(arn)!, dbname: database.name });
		});

		it("a step that does not exist", async () => {
			await refused(bed.aws.secrets.beginRotation(arn), "dropSecret" as Step, /no step "dropSecret"/);
		});

		it("to guess, where none of the secret's passwords is the role's", async () => {
			const { password } = get(arn)!;
			await setPassword("ev_loader", "another");
			const id = bed.aws.secrets.beginRotation(arn);
			await step(arn, id, "createSecret");
			const error = await failed(step(arn, id, "setSecret"));
			expect(error).to.have.property("name", "RotationFailed");
			expect(error.message)
				.to.match(/migrate/)
				.and.not.include(password);
		});
	});

	it("uses the previous password where the current one is not the role's", async () => {
		const arn = ARNS.ev_reader;
		const before = get(arn)!;
		bed.aws.secrets.put(arn, { ...before, password: "never set" });
		const id = bed.aws.secrets.beginRotation(arn);
		for (const name of STEPS) await step(arn, id, name);
		await isRotated(arn, id, before);
	});

	it("logs every step, and no password", async () => {
		const lines: string[] = [];
		sinon.stub(process.stdout, "write").callsFake((text) => lines.push(String(text)) > 0);
		const arn = ARNS.ev_loader;
		const id = bed.aws.secrets.beginRotation(arn);
		const context = { awsRequestId: "test", getRemainingTimeInMillis: () => 60_000 };
		const passwords = [get(arn)!.password];
		try {
			for (const name of STEPS) await rotateHandler()({ Step: name, SecretId: arn, ClientRequestToken: id }, context);
		} finally {
			sinon.restore();
		}
		passwords.push(get(arn)!.password);
		expect(lines.map((line) => JSON.parse(line).step)).to.deep.equal(STEPS);
		for (const password of passwords) expect(lines.join("")).to.not.include(password);
	});

	describe("in the midst of which", () => {
		for (const done of [1, 2, 3])
			it(`load loads, after ${STEPS[done - 1]}`, async () => {
				const loading = openDatabase(bed, database.name);
				const arn = loading.secretArn;
				await rotate(arn, undefined, STEPS.slice(0, done));
				expect(await loading.load({ day: done, pages: [vehicles(1, 2)] })).to.have.property("status", "loaded");
			});

		for (const done of [1, 2, 3])
			it(`migrate keeps a password that lets in, after ${STEPS[done - 1]}, and the rotation goes on`, async () => {
				const arn = ARNS.ev_reader;
				const before = get(arn)!;
				const id = await rotate(arn, undefined, STEPS.slice(0, done));
				expect((await migrateInto(bed, database.name)).newPasswords).to.deep.equal([]);
				expect(await letsIn(arn)).to.equal(true);
				await isRotated(arn, await rotate(arn, id, STEPS.slice(done)), before);
			});

		it("load finds the new password, when the rotation ends between its two looks at the secret", async () => {
			const arn = ARNS.ev_loader;
			const id = await rotate(arn, undefined, STEPS.slice(0, 3));
			const reading = createSecrets();
			const read = reading.read;
			// What it asks for second is there no more.
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

	it("does all of it from its archive, alone in a process", async function () {
		this.timeout(120_000);
		const record = await programOf("dev");
		const lines: string[] = [];
		const invoker = invokerOf(record, "rotate", { aws: bed.aws.environment, onLine: (line) => lines.push(line) });
		try {
			for (const arn of Object.values(ARNS)) {
				const before = get(arn)!;
				const id = bed.aws.secrets.beginRotation(arn);
				for (const name of STEPS) await invoker.invoke({ Step: name, SecretId: arn, ClientRequestToken: id });
				await isRotated(arn, id, before);
				expect(lines.join("\n")).to.not.include(before.password).and.not.include(get(arn)!.password);
			}
		} finally {
			invoker.stop();
		}
	});
});

/**
 * Has the process die, as far as a rotation can tell, at a call that it makes.
 * @param call the command's name and label, or the statement
 * @returns whether it came to that
 */
function dieAt(call: RegExp, moment: "before" | "after"): () => boolean {
	let dead = false;
	const around = async (name: string, work: () => unknown) => {
		const isIt = !dead && call.test(name);
		if (isIt) dead = true;
		if (isIt && moment === "before") throw new Error("the process died");
		const result = await work();
		if (isIt) throw new Error("the process died");
		return result;
	};
	stubAround(
		SecretsManagerClient.prototype,
		"send",
		around,
		(command: GetSecretValueCommand) => `${command.constructor.name} ${command.input.VersionStage ?? ""}`,
	);
	stubAround(Client.prototype, "query", around, String);
	return () => dead;
}

/** Puts something around all calls of a method. @param nameOf what a call is, by its first argument */
function stubAround<A>(
	prototype: object,
	method: string,
	around: (name: string, work: () => unknown) => unknown,
	nameOf: (argument: A) => string,
): void {
	const methods = prototype as Record<string, (argument: A) => unknown>;
	const original = methods[method]!;
	sinon.stub(methods, method).callsFake(function (this: unknown, argument: A) {
		return around(nameOf(argument), () => original.call(this, argument));
	});
}
