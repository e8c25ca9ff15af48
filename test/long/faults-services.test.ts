/** Whatever fails in S3 and Secrets Manager, a load leaves the complete new snapshot or the old one. */

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
	prepareScene,
	SCENES,
	type Scene,
	timeBudget,
} from "../support/faults";
import { silently } from "../support/output";
import { answers, cutShort, type Fault, garbled, late, rewritten, s3Error, withFaults } from "../support/proxies";

describe("load: S3 and Secrets Manager faults", () => {
	let scene: Scene;
	let database: TestDatabase;

	before(async () => {
		scene = await prepareScene(SCENES["next load"]);
	});
	beforeEach(async () => {
		database = await scene.open();
		// The SDK multiplies its delay before a retry by this.
		sinon.stub(Math, "random").returns(0);
	});
	afterEach(() => sinon.restore());

	const isPage = (url = "") => url.includes(".csv.gz");
	const hangUp: Fault = (response) => response.destroy();
	const missing = s3Error(404, "NoSuchKey");
	const transient = [
		["InternalError", s3Error(500, "InternalError"), "StorageUnavailable"],
		["SlowDown", s3Error(503, "SlowDown"), "StorageUnavailable"],
		["ECONNRESET", hangUp, "StorageUnavailable"],
		["half the bytes", cutShort, "StorageUnavailable"],
		["a wrong byte", garbled, "StorageUnavailable"],
	] as const;

	describe("reading a page", () => {
		/** Loads with a fault in the first `times` requests for the second page, or in all of them. */
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

		for (const [what, fault, name] of transient) {
			it(`loads after one page read gets ${what}`, async () => {
				await expectLoaded(scene, database, await load(fault, 1));
			});

			it(`fails with ${name} if page reads get ${what}`, async () => {
				await expectOld(scene, database, await failed(load(fault)), name);
			});
		}

		for (const [what, fault, name] of [
			["AccessDenied", s3Error(403, "AccessDenied"), "StorageUnavailable"],
			["NoSuchKey", missing, "PageDamaged"],
		] as const)
			it(`fails with ${name} if page reads get ${what}`, async () => {
				await expectOld(scene, database, await failed(load(fault)), name);
			});

		it("fails with OutOfTime if a page comes too late", async () => {
			const timeLeftMs = timeBudget();
			const error = await failed(load(late(1_200), 1, { timeLeftMs }));
			expect(error.message).to.include("The load stopped at page 2 of 2, because its time was up");
			await expectOld(scene, database, error, "OutOfTime");
		});

		it("leaves no unhandled rejection when time is up before page 1", async () => {
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

	describe("reading the manifest", () => {
		const load = (fault: Fault, times = Number.POSITIVE_INFINITY) => {
			const faultOf = ({ url = "" }) => (url.includes("manifest.json") && times-- > 0 ? fault : undefined);
			return withFaults("AWS_ENDPOINT_URL_S3", faultOf, () => scene.load(database));
		};
		/** Serves the manifest with other values, as if it had been overwritten: its checksum is right. */
		const withValues = (changes: object) => rewritten((text) => JSON.stringify({ ...JSON.parse(text), ...changes }));

		for (const [what, fault, name] of [
			...transient,
			["AccessDenied", s3Error(403, "AccessDenied"), "StorageUnavailable"],
			["NoSuchKey", missing, "ManifestInvalid"],
			["invalid JSON", rewritten((text) => text.slice(0, -40)), "ManifestInvalid"],
			["no pages", withValues({ pages: null }), "ManifestInvalid"],
			["another dataset", withValues({ dataset: "abcd-1234" }), "ManifestInvalid"],
			["another version", withValues({ rowsUpdatedAt: 1 }), "ManifestInvalid"],
		] as const)
			it(`fails with ${name} if manifest reads get ${what}`, async () => {
				await expectOld(scene, database, await failed(load(fault)), name);
			});

		it("loads after one manifest read gets SlowDown", async () => {
			await expectLoaded(scene, database, await load(s3Error(503, "SlowDown"), 1));
		});

		it("fails with ManifestInvalid if the run is for another dataset", async () => {
			const error = await failed(scene.load(database, { dataset: "abcd-1234" }));
			expect(error.message).to.include("is of dataset f6w7-q2d2, but this run is for abcd-1234");
			await expectOld(scene, database, error, "ManifestInvalid");
		});
	});

	describe("reading the secret", () => {
		const load = (times: number) => {
			const throttled = answers(400, JSON.stringify({ __type: "ThrottlingException", message: "Rate exceeded" }));
			return withFaults(
				"AWS_ENDPOINT_URL_SECRETS_MANAGER",
				() => (times-- > 0 ? throttled : undefined),
				() => scene.load(database),
			);
		};

		it("loads after Secrets Manager throttles once", async () => {
			await expectLoaded(scene, database, await load(1));
		});

		it("fails with SecretUnavailable if throttling lasts", async () => {
			const error = await failed(load(Number.POSITIVE_INFINITY));
			expect(error.message).to.include("Rate exceeded");
			await expectOld(scene, database, error, "SecretUnavailable", "none");
		});
	});

	describe("when the password changes", () => {
		const STEPS: RotationEvent["Step"][] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
		const secret = () => scene.bed.aws.secrets.get<DatabaseSecret>(database.secretArn)!;
		let before: DatabaseSecret;

		/** Rotates the password in the steps that Secrets Manager calls. */
		const rotate = async () => {
			const event = {
				SecretId: database.secretArn,
				ClientRequestToken: scene.bed.aws.secrets.beginRotation(database.secretArn),
			};
			const context = { awsRequestId: "rotation", getRemainingTimeInMillis: () => 60_000 };
			for (const Step of STEPS) await silently(() => rotateHandler()({ Step, ...event }, context));
			expect(secret().password).to.not.equal(before.password);
		};
		/** Loads, rotates the password before the first statement that matches, and then calls `then`. */
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
			// All databases of the server share the role.
			asSuperuser(scene.bed.postgres, (client) =>
				client.query(`alter role ev_loader password '${scramVerifier(before.password)}'`),
			),
		);

		it("loads with a password rotated since the last load", async () => {
			await rotate();
			await expectLoaded(scene, database, await scene.load(database));
		});

		it("fails with DatabaseUnavailable until the secret is updated", async () => {
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
			"reading known rows": /^copy \(\s*select/,
			COPY: /^copy staging/,
			"the merge": /^with merged/,
			COMMIT: /^commit/,
		}))
			it(`loads while the password is rotated before ${place}`, async () => {
				await expectLoaded(scene, database, await loadAround(pattern, async () => {}));
			});

		it("records a lost session with the rotated password", async () => {
			const lose = (client: Client) => killBackend(scene.bed.postgres, client);
			const error = await failed(loadAround(/^with merged/, lose));
			await expectOld(scene, database, error, "DatabaseUnavailable");
		});
	});
});
