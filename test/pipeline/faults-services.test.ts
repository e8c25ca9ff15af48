/** A load ends in the complete new snapshot or the untouched old one, whatever S3 and Secrets Manager do. */

import { expect } from "chai";
import type { Client } from "pg";
import sinon from "sinon";
import type { DatabaseSecret } from "../../handlers/common/database";
import { newPassword, scramVerifier } from "../../handlers/common/passwords";
import { type RotationEvent, rotateHandler } from "../../handlers/rotate";
import { asSuperuser } from "../../local/machine/postgres";
import { failed } from "../support/assertions";
import type { TestDatabase } from "../support/bed";
import {
	beforeStatements,
	expectLoaded,
	expectOld,
	killBackend,
	SCENES,
	type Scene,
	setScene,
	timeBudget,
} from "../support/faults";
import { silently } from "../support/output";
import { answers, cutShort, type Fault, garbled, late, rewritten, s3Error, withFaults } from "../support/proxies";

describe("a load", () => {
	let scene: Scene;
	let database: TestDatabase;

	before(async () => {
		scene = await setScene(SCENES["the next load"]);
	});
	beforeEach(async () => {
		database = await scene.open();
		// The SDK's waits between attempts are random shares.
		sinon.stub(Math, "random").returns(0);
	});
	afterEach(() => sinon.restore());

	const isPage = (url = "") => url.includes(".csv.gz");
	const hangUp: Fault = (response) => response.destroy();
	const missing = s3Error(404, "NoSuchKey");
	const passing = [
		["an internal error", s3Error(500, "InternalError"), "StorageUnavailable"],
		["SlowDown", s3Error(503, "SlowDown"), "StorageUnavailable"],
		["a connection that breaks", hangUp, "StorageUnavailable"],
		["half of it", cutShort, "StorageUnavailable"],
		["other bytes than were written", garbled, "StorageUnavailable"],
	] as const;

	describe("to whom S3 gives, of a page,", () => {
		/** A fault for the second page: at the first `times` askings, or always. */
		const load = (fault: Fault, times = Number.POSITIVE_INFINITY, options = {}) => {
			let page: string | undefined;
			let pages = 0;
			const faultOf = ({ url }: { url?: string }) => {
				if (!isPage(url)) return undefined;
				if (++pages === 2) page = url;
				return url === page && times-- > 0 ? fault : undefined;
			};
			return withFaults("AWS_ENDPOINT_URL_S3", faultOf, () => scene.load(database, options));
		};

		for (const [what, fault, name] of passing) {
			it(`${what}, once, succeeds`, async () => {
				await expectLoaded(scene, database, await load(fault, 1));
			});

			it(`${what}, always, leaves the old snapshot: ${name}`, async () => {
				await expectOld(scene, database, await failed(load(fault)), name);
			});
		}

		for (const [what, fault, name] of [
			["AccessDenied", s3Error(403, "AccessDenied"), "StorageUnavailable"],
			["nothing, since it is not there,", missing, "PageDamaged"],
		] as const)
			it(`${what} leaves the old snapshot: ${name}`, async () => {
				await expectOld(scene, database, await failed(load(fault)), name);
			});

		it("nothing for so long that the time is up leaves the old snapshot: OutOfTime", async () => {
			const timeLeftMs = timeBudget();
			const error = await failed(load(late(1_200), 1, { timeLeftMs }));
			expect(error.message).to.include("The load stopped at page 2 of 2, because its time was up");
			await expectOld(scene, database, error, "OutOfTime");
		});

		it("nothing, when there is no time left for the first one either, is OutOfTime, and nothing is left to fail", async () => {
			let asked = 0;
			const timeLeftMs = () => (++asked > 2 ? 0 : 60_000);
			const unhandled = sinon.stub();
			process.on("unhandledRejection", unhandled);
			try {
				const faultOf = ({ url }: { url?: string }) => (isPage(url) ? missing : undefined);
				const error = await withFaults("AWS_ENDPOINT_URL_S3", faultOf, async () => {
					const error = await failed(scene.load(database, { timeLeftMs }));
					await new Promise((done) => setTimeout(done, 50));
					return error;
				});
				expect(unhandled.callCount).to.equal(0);
				await expectOld(scene, database, error, "OutOfTime");
			} finally {
				process.off("unhandledRejection", unhandled);
			}
		});
	});

	describe("to whom S3 gives, of the manifest,", () => {
		const load = (fault: Fault, times = Number.POSITIVE_INFINITY) => {
			const faultOf = ({ url = "" }) => (url.includes("manifest.json") && times-- > 0 ? fault : undefined);
			return withFaults("AWS_ENDPOINT_URL_S3", faultOf, () => scene.load(database));
		};
		/** What an overwritten manifest would be: whole by S3's reckoning. */
		const says = (changes: object) => rewritten((text) => JSON.stringify({ ...JSON.parse(text), ...changes }));

		for (const [what, fault, name] of [
			...passing,
			["AccessDenied", s3Error(403, "AccessDenied"), "StorageUnavailable"],
			["nothing, since it is not there", missing, "ManifestInvalid"],
			["what is no JSON", rewritten((text) => text.slice(0, -40)), "ManifestInvalid"],
			["what names no pages", says({ pages: null }), "ManifestInvalid"],
			["another dataset's", says({ dataset: "abcd-1234" }), "ManifestInvalid"],
			["another version's", says({ rowsUpdatedAt: 1 }), "ManifestInvalid"],
		] as const)
			it(`${what} leaves the old snapshot: ${name}`, async () => {
				await expectOld(scene, database, await failed(load(fault)), name);
			});

		it("SlowDown, once, succeeds", async () => {
			await expectLoaded(scene, database, await load(s3Error(503, "SlowDown"), 1));
		});

		it("one of another dataset than the run's leaves the old snapshot: ManifestInvalid", async () => {
			const error = await failed(scene.load(database, { dataset: "abcd-1234" }));
			expect(error.message).to.include("is of dataset f6w7-q2d2, but this run is for abcd-1234");
			await expectOld(scene, database, error, "ManifestInvalid");
		});
	});

	describe("whose secrets", () => {
		const load = (times: number) => {
			const throttled = answers(400, JSON.stringify({ __type: "ThrottlingException", message: "Rate exceeded" }));
			return withFaults(
				"AWS_ENDPOINT_URL_SECRETS_MANAGER",
				() => (times-- > 0 ? throttled : undefined),
				() => scene.load(database),
			);
		};

		it("are throttled once succeeds", async () => {
			await expectLoaded(scene, database, await load(1));
		});

		it("are throttled for long is SecretUnavailable", async () => {
			const error = await failed(load(Number.POSITIVE_INFINITY));
			expect(error.message).to.include("Rate exceeded");
			await expectOld(scene, database, error, "SecretUnavailable", "none");
		});
	});

	describe("whose password", () => {
		const STEPS: RotationEvent["Step"][] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
		const secret = () => scene.bed.aws.secrets.get<DatabaseSecret>(database.secretArn)!;
		let before: DatabaseSecret;

		/** As Secrets Manager has it done. */
		const rotate = async () => {
			const event = {
				SecretId: database.secretArn,
				ClientRequestToken: scene.bed.aws.secrets.beginRotation(database.secretArn),
			};
			const context = { awsRequestId: "rotation", getRemainingTimeInMillis: () => 60_000 };
			for (const Step of STEPS) await silently(() => rotateHandler()({ Step, ...event }, context));
			expect(secret().password).to.not.equal(before.password);
		};
		/** Loads while the password is rotated before a statement, and something happens then. */
		const loadAround = (pattern: RegExp, then: (client: Client) => Promise<void>) => {
			let rotated = false;
			const act = (text: string, client: Client) => {
				if (rotated || !pattern.test(text.trim())) return;
				rotated = true;
				return rotate().then(() => then(client));
			};
			return beforeStatements(act, () => scene.load(database)).finally(() => expect(rotated).to.equal(true));
		};

		beforeEach(() => {
			before = secret();
		});
		afterEach(() =>
			// The role is every database's.
			asSuperuser(scene.bed.postgres, (client) =>
				client.query(`alter role ev_loader password '${scramVerifier(before.password)}'`),
			),
		);

		it("is rotated after the last load uses the new one", async () => {
			await rotate();
			await expectLoaded(scene, database, await scene.load(database));
		});

		it("is replaced by hand between its two looks at the secret is DatabaseUnavailable, until the secret says the new one", async () => {
			const password = newPassword();
			await asSuperuser(scene.bed.postgres, (client) =>
				client.query(`alter role ev_loader password '${scramVerifier(password)}'`),
			);
			const error = await failed(scene.load(database));
			expect(error.message).to.include("password authentication failed");
			scene.bed.aws.secrets.put(database.secretArn, { ...before, password });
			await expectOld(scene, database, error, "DatabaseUnavailable", "none");
		});

		for (const [place, pattern] of Object.entries({
			"reading what is known": /^copy \(\s*select/,
			COPY: /^copy staging/,
			"the merge": /^with merged/,
			COMMIT: /^commit/,
		}))
			it(`is rotated between two statements, before ${place}, does not notice`, async () => {
				await expectLoaded(scene, database, await loadAround(pattern, async () => {}));
			});

		it("is rotated between two statements, and whose session is lost then, is recorded with the new one", async () => {
			const lose = (client: Client) => killBackend(scene.bed.postgres, client);
			const error = await failed(loadAround(/^with merged/, lose));
			await expectOld(scene, database, error, "DatabaseUnavailable");
		});
	});
});
