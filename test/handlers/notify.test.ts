/** notify: what the message about a run says, and when it is published. */

import { type PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { expect } from "chai";
import fc from "fast-check";
import sinon from "sinon";
import type { ExtractResult, LoadResult, NotifyEvent } from "../../handlers/common/contract";
import { notifyHandler, writeMessage } from "../../handlers/notify";
import { failed } from "../support/assertions";
import { silently } from "../support/output";

const run = {
	runId: "run-1",
	dataset: "f6w7-q2d2",
	execution: "arn:aws:states:ap-northeast-1:000000000000:execution:workflow:run-1",
	startedAt: "2024-11-16T03:30:00.000Z",
};
const extract: ExtractResult = {
	manifestKey: "raw/f6w7-q2d2/1731628800/csv/manifest.json",
	fetched: true,
	rows: 220_225,
	bytes: 7_654_321,
	rowsUpdatedAt: Date.UTC(2024, 10, 15) / 1000,
	seconds: 12.34,
};
const load: LoadResult = {
	status: "loaded",
	rowsUpdatedAt: extract.rowsUpdatedAt,
	rows: 220_225,
	added: 12_001,
	returned: 302,
	changed: 4_003,
	regeocoded: 504,
	unchanged: 203_405,
	duplicates: 6,
	rejected: 4,
	removed: 7_008,
	notes: ["SuspiciousShrink was overridden.", "The column base_msrp was left out."],
	seconds: 3.21,
};
const unchanged: LoadResult = {
	...load,
	status: "unchanged",
	rows: null,
	added: null,
	returned: null,
	changed: null,
	regeocoded: null,
	unchanged: null,
	duplicates: null,
	rejected: null,
	removed: null,
	notes: [],
};
const error = {
	Error: "SchemaDrift",
	Cause: JSON.stringify({
		errorType: "SchemaDrift",
		errorMessage: "The column make is missing; add it to db/source-columns.ts.",
		trace: ["SchemaDrift: The column make is missing", "    at readHeader (/var/task/__index.js:1:1)"],
	}),
};
/** As the workflow passes it: null for what did not happen. */
const event = (more: object) => ({ ...run, extract: null, load: null, ...more }) as unknown as NotifyEvent;

describe("writeMessage", () => {
	describe("for a loaded snapshot", () => {
		const { subject, body } = writeMessage(event({ extract, load }));

		it("counts added and removed vehicles in the subject", () => {
			expect(subject).to.equal("EV registrations f6w7-q2d2: 12,001 added, 7,008 removed");
		});

		it("states the version, rows, size and duration", () => {
			expect(body).to.match(
				/^The snapshot of 2024-11-15 00:00 UTC is published: 220,225 rows, fetched in 12\.3 s, 7\.7 MB compressed, loaded in 3\.2 s\.$/m,
			);
		});

		it("has a line for each count that is not zero", () => {
			expect(body.match(/^ +[\d,]+ \S+/gm)!.map((line) => line.trim())).to.deep.equal([
				"12,001 added",
				"302 returned",
				"4,003 changed",
				"504 re-geocoded",
				"203,405 unchanged",
				"7,008 removed",
				"6 duplicates",
				"4 rejected",
			]);
		});

		it("omits counts of zero, except added and removed", () => {
			const none = { added: 0, returned: 0, changed: 0, regeocoded: 0, duplicates: 0, rejected: 0, removed: 0 };
			const lines = writeMessage(event({ extract, load: { ...load, ...none } })).body.match(/^ +[\d,]+ \S+/gm)!;
			expect(lines.map((line) => line.trim())).to.deep.equal(["0 added", "203,405 unchanged", "0 removed"]);
		});

		it("lists notes, raw data, run and execution", () => {
			expect(body.split("\n")).to.include.members([
				...load.notes,
				`Raw data: ${extract.manifestKey}`,
				"Run run-1, started 2024-11-16T03:30:00.000Z",
				run.execution,
			]);
		});

		it("says if an earlier run fetched the raw data", () => {
			const again = writeMessage(event({ extract: { ...extract, fetched: false, seconds: 0.1 }, load })).body;
			expect(again)
				.to.include("220,225 rows, fetched by an earlier run, loaded in 3.2 s.")
				.and.not.include("compressed");
		});

		it("shows the version's seconds if it has any", () => {
			const odd = { ...load, rowsUpdatedAt: load.rowsUpdatedAt + 5 };
			expect(writeMessage(event({ extract, load: odd })).body).to.include("The snapshot of 2024-11-15 00:00:05 UTC is");
		});
	});

	it("says since when the source is unchanged", () => {
		const { subject, body } = writeMessage(event({ extract, load: unchanged }));
		expect(subject).to.equal("EV registrations f6w7-q2d2: nothing new");
		expect(body).to.match(
			/^The source has not changed since 2024-11-15 00:00 UTC, 1 day ago; that snapshot is already published\.$/m,
		);
		expect(body.split("\n")).to.include(run.execution);
		expect(body).to.not.match(/added|removed|rows/);
	});

	it("says up to which snapshot a replay built", () => {
		const { subject, body } = writeMessage(event({ replay: true, load }));
		expect(subject).to.equal("EV registrations f6w7-q2d2: replayed");
		expect(body).to.include("built again from raw data, up to the snapshot of 2024-11-15 00:00 UTC with 220,225 rows.");
		expect(body).to.not.match(/added|fetched/);
	});

	it("says that the old data is still there after a failed replay", () => {
		const { body } = writeMessage(event({ replay: true, load, error }));
		expect(body).to.include("The old data is still there: the database holds what was published before the replay.");
		const lost = writeMessage(event({ replay: true, load, error: { ...error, Error: "DatabaseUnavailable" } })).body;
		expect(lost).to.include("holds what was published before the replay, or the same data as the replay built it");
	});

	describe("about the page", () => {
		const reportError = { Error: "StorageUnavailable", Cause: JSON.stringify({ errorMessage: "S3 is away." }) };
		const exportError = { Error: "OutOfTime", Cause: "{}" };
		const successes = {
			loaded: { extract, load },
			unchanged: { extract, load: unchanged },
			replayed: { replay: true, load },
		};
		const url = "https://d111111abcdef8.cloudfront.net/";

		for (const [status, success] of Object.entries(successes)) {
			it(`names its address if it is public, after a run that ${status}`, () => {
				expect(writeMessage(event(success), url).body.split("\n")).to.include(`The page: ${url}`);
				expect(writeMessage(event(success)).body).to.not.match(/page|data files/);
			});

			it(`says that it is the old one, and why, after a run that ${status}`, () => {
				const { subject, body } = writeMessage(event({ ...success, reportError }), url);
				expect(subject).to.match(/, but the page is old$/);
				expect(body.split("\n")).to.include.members([
					"The page could not be made, so the old one stays. StorageUnavailable: S3 is away.",
					"The next run tries again, even if the source has nothing new.",
				]);
			});

			it(`says that the data files are the old ones, and why, after a run that ${status}`, () => {
				const { subject, body } = writeMessage(event({ ...success, exportError }));
				expect(subject).to.match(/, but the data files are old$/);
				expect(body).to.include("The data files could not all be written, so some are the old ones. OutOfTime: {}");
				expect(body).to.include("The next run tries again").and.not.include("page");
			});
		}

		it("says both where both are old", () => {
			const { subject, body } = writeMessage(event({ extract, load, exportError, reportError }));
			expect(subject).to.match(/, but the page is old$/);
			expect(body).to.include("The page could not").and.include("The data files could not");
		});
	});

	describe("for a failure", () => {
		it("shows the error's message without Lambda's JSON", () => {
			const { subject, body } = writeMessage(event({ error }));
			expect(subject).to.equal("EV registrations f6w7-q2d2: FAILED, SchemaDrift");
			expect(body).to.match(/^SchemaDrift: The column make is missing; add it to db\/source-columns\.ts\.$/m);
			expect(body).to.not.match(/errorMessage|__index/);
		});

		it("shows any other cause as it is", () => {
			for (const Cause of ["Rate exceeded", '{"reason":"x"}', '"x"', "null", "{"])
				expect(writeMessage(event({ error: { Error: "Boom", Cause } })).body.split("\n")[0]).to.equal(`Boom: ${Cause}`);
		});

		it("says that nothing was changed", () => {
			expect(writeMessage(event({ error })).body.split("\n")).to.include.members([
				"Nothing was changed in the database: it still holds the last published snapshot.",
				"Run run-1, started 2024-11-16T03:30:00.000Z",
				run.execution,
			]);
		});

		it("says that an error may have followed a COMMIT", () => {
			for (const name of [
				"Runtime.ExitError",
				"Sandbox.Timedout",
				"States.Timeout",
				"DatabaseUnavailable",
				"OutOfTime",
				"TypeError",
			]) {
				for (const loadedBefore of [null, load]) {
					const { body } = writeMessage(event({ error: { ...error, Error: name }, load: loadedBefore }));
					expect(body, name).to.include("or this one if the load was cut off right after its COMMIT");
					expect(body, name).to.not.match(/Nothing was changed|which was loaded before/);
				}
			}
		});

		it("names the raw data only if it was fetched", () => {
			expect(writeMessage(event({ error, extract })).body).to.include(`Raw data: ${extract.manifestKey}`);
			expect(writeMessage(event({ error })).body).to.not.include("Raw data");
		});
	});

	it("never contains null or undefined", () => {
		const events = [
			{},
			{ extract },
			{ error },
			{ error, extract },
			{ error, extract, load },
			{ extract, load },
			{ extract, load: unchanged },
			{ extract, load: { ...load, rejected: null, removed: null } },
			{ extract, load, exportError: null, reportError: error },
		];
		for (const more of events) {
			const { subject, body } = writeMessage(event(more));
			expect(`${subject}\n${body}`, Object.keys(more).join()).to.not.match(/null|undefined|NaN|Invalid|\[object/);
		}
	});

	it("always has a subject that SNS accepts", () => {
		const word = fc.string({ unit: "binary", maxLength: 150 });
		fc.assert(
			fc.property(word, word, fc.boolean(), (dataset, name, fails) => {
				const what = fails ? { error: { Error: name, Cause: "" } } : { extract, load };
				const { subject } = writeMessage(event({ ...what, dataset }));
				expect(subject).to.match(/^EV registrations [ -~]*$/);
				expect(subject.length).to.be.at.most(100);
			}),
			{
				examples: [
					["x".repeat(200), "", false],
					["f6w7-q2d2", "Error".repeat(30), true],
					["日本\n", "Ünknown\r\nError", true],
				],
			},
		);
	});
});

describe("notify", () => {
	const topic = "arn:aws:sns:ap-northeast-1:000000000000:runs";
	let send: sinon.SinonStub;
	const notify = (notifyWhenUnchanged: boolean, more: object) =>
		silently(() => notifyHandler({ notifyWhenUnchanged })(event(more)));
	const published = () => send.getCalls().map(({ args: [command] }) => (command as PublishCommand).input);

	beforeEach(() => {
		send = sinon.stub(SNSClient.prototype, "send").resolves({});
		sinon.stub(process, "env").value({ ...process.env, TOPIC_ARN: topic, AWS_REGION: "ap-northeast-1" });
	});
	afterEach(() => {
		sinon.restore();
	});

	it("publishes the message to the topic once", async () => {
		const result = await notify(false, { extract, load });
		const { subject, body } = writeMessage(event({ extract, load }));
		expect(published()).to.deep.equal([{ TopicArn: topic, Subject: subject, Message: body }]);
		expect(result).to.deep.equal({ published: true, subject });
	});

	it("publishes an unchanged run only if configured to", async () => {
		const quiet = await notify(false, { extract, load: unchanged });
		expect(quiet.published).to.equal(false);
		expect(published()).to.deep.equal([]);

		const told = await notify(true, { extract, load: unchanged });
		expect(told.published).to.equal(true);
		expect(published().map(({ Subject }) => Subject)).to.deep.equal(["EV registrations f6w7-q2d2: nothing new"]);
	});

	it("publishes every failure", async () => {
		for (const more of [{ error }, { error, extract }, { error, extract, load: unchanged }])
			expect((await notify(false, more)).published).to.equal(true);
		expect(send.callCount).to.equal(3);
	});

	it("publishes an unchanged run whose page or files could not be made", async () => {
		const nothingNew = { extract, load: unchanged, exportError: null, reportError: null };
		expect((await notify(false, nothingNew)).published).to.equal(false);
		for (const name of ["exportError", "reportError"])
			expect((await notify(false, { ...nothingNew, [name]: error })).published, name).to.equal(true);
	});

	it("names the page's address from its environment", async () => {
		process.env.PAGE_URL = "https://ev.example.org/";
		await notify(false, { extract, load });
		expect(published()[0]!.Message).to.include("The page: https://ev.example.org/");
	});

	it("fails if publishing fails", async () => {
		send.rejects(new Error("The topic does not exist"));
		const problem = await failed(notify(false, { extract, load }));
		expect(problem.message).to.equal("The topic does not exist");
	});
});
