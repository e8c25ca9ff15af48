/** What people read of a run, and when they are told. */

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
		errorMessage: "The column make is missing; add it to db/source.ts.",
		trace: ["SchemaDrift: The column make is missing", "    at readHeader (/var/task/__index.js:1:1)"],
	}),
};
/** As the workflow passes it: null for what has not happened. */
const event = (more: object) => ({ ...run, extract: null, load: null, ...more }) as unknown as NotifyEvent;

describe("writeMessage", () => {
	describe("of a snapshot that was loaded", () => {
		const { subject, body } = writeMessage(event({ extract, load }));

		it("says in its subject what came and what went", () => {
			expect(subject).to.equal("EV registrations f6w7-q2d2: 12,001 added, 7,008 removed");
		});

		it("says which snapshot, how many rows, how large, and how long it took", () => {
			expect(body).to.match(
				/^The snapshot of 2024-11-15 00:00 UTC is published: 220,225 rows, fetched in 12\.3 s, 7\.7 MB compressed, loaded in 3\.2 s\.$/m,
			);
		});

		it("gives each count that is not zero a line", () => {
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

		it("leaves out counts of zero, but for what came and what went", () => {
			const none = { added: 0, returned: 0, changed: 0, regeocoded: 0, duplicates: 0, rejected: 0, removed: 0 };
			const lines = writeMessage(event({ extract, load: { ...load, ...none } })).body.match(/^ +[\d,]+ \S+/gm)!;
			expect(lines.map((line) => line.trim())).to.deep.equal(["0 added", "203,405 unchanged", "0 removed"]);
		});

		it("has every note, the raw data's key, the run and its execution, a line each", () => {
			expect(body.split("\n")).to.include.members([
				...load.notes,
				`Raw data: ${extract.manifestKey}`,
				"Run run-1, started 2024-11-16T03:30:00.000Z",
				run.execution,
			]);
		});

		it("says so where the raw data was fetched before", () => {
			const again = writeMessage(event({ extract: { ...extract, fetched: false, seconds: 0.1 }, load })).body;
			expect(again).to.include("220,225 rows, fetched before, loaded in 3.2 s.").and.not.include("compressed");
		});

		it("gives the snapshot's seconds where it has some, and never milliseconds", () => {
			const odd = { ...load, rowsUpdatedAt: load.rowsUpdatedAt + 5 };
			expect(writeMessage(event({ extract, load: odd })).body).to.include("The snapshot of 2024-11-15 00:00:05 UTC is");
		});
	});

	it("of a night without news says since when, and gives no figures", () => {
		const { subject, body } = writeMessage(event({ extract, load: unchanged }));
		expect(subject).to.equal("EV registrations f6w7-q2d2: nothing new");
		expect(body).to.match(/^The source has not changed since 2024-11-15 00:00 UTC, which is published already\.$/m);
		expect(body.split("\n")).to.include(run.execution);
		expect(body).to.not.match(/added|removed|rows/);
	});

	describe("of a failure", () => {
		it("gives the error's own sentence, without the JSON and the trace that Lambda puts around it", () => {
			const { subject, body } = writeMessage(event({ error }));
			expect(subject).to.equal("EV registrations f6w7-q2d2: FAILED, SchemaDrift");
			expect(body).to.match(/^SchemaDrift: The column make is missing; add it to db\/source\.ts\.$/m);
			expect(body).to.not.match(/errorMessage|__index/);
		});

		it("keeps a cause that is no JSON of Lambda's as it is", () => {
			for (const Cause of ["Rate exceeded", '{"reason":"x"}', '"x"', "null", "{"])
				expect(writeMessage(event({ error: { Error: "Boom", Cause } })).body.split("\n")[0]).to.equal(`Boom: ${Cause}`);
		});

		it("says that nothing was changed, and where to look", () => {
			expect(writeMessage(event({ error })).body.split("\n")).to.include.members([
				"Nothing was changed in the database: it still holds the snapshot that was published last.",
				"Run run-1, started 2024-11-16T03:30:00.000Z",
				run.execution,
			]);
		});

		it("does not say so of an end that may have come after COMMIT: a crash, silence, no time", () => {
			for (const name of [
				"Runtime.ExitError",
				"Sandbox.Timedout",
				"States.Timeout",
				"DatabaseUnavailable",
				"OutOfTime",
				"TypeError",
			]) {
				const { body } = writeMessage(event({ error: { ...error, Error: name } }));
				expect(body, name).to.include("or this one, if the load was cut off at its very end");
				expect(body, name).to.not.include("Nothing was changed");
			}
		});

		it("names the raw data where it was fetched, and where it was not says nothing of it", () => {
			expect(writeMessage(event({ error, extract })).body).to.include(`Raw data: ${extract.manifestKey}`);
			expect(writeMessage(event({ error })).body).to.not.include("Raw data");
		});

		it("says which snapshot the database holds where others were to be replayed after it", () => {
			const { body } = writeMessage(event({ error, load }));
			expect(body)
				.to.include("The database holds the snapshot of 2024-11-15 00:00 UTC, which was loaded before this failed.")
				.and.not.include("Nothing was changed");
		});

		it("does not say so where the one after it may have been loaded too", () => {
			const { body } = writeMessage(event({ error: { ...error, Error: "Sandbox.Timedout" }, load }));
			expect(body).to.include("or this one, if the load was cut off").and.not.include("which was loaded before");
		});
	});

	it("never says null or undefined, whatever has not happened", () => {
		const events = [
			{},
			{ extract },
			{ error },
			{ error, extract },
			{ error, extract, load },
			{ extract, load },
			{ extract, load: unchanged },
			{ extract, load: { ...load, rejected: null, removed: null } },
		];
		for (const more of events) {
			const { subject, body } = writeMessage(event(more));
			expect(`${subject}\n${body}`, Object.keys(more).join()).to.not.match(/null|undefined|NaN|Invalid|\[object/);
		}
	});

	it("has a subject that SNS takes, whatever the dataset and the error are called", () => {
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
	const tell = (notifyWhenUnchanged: boolean, more: object) =>
		silently(() => notifyHandler({ notifyWhenUnchanged })(event(more)));
	const published = () => send.getCalls().map(({ args: [command] }) => (command as PublishCommand).input);

	beforeEach(() => {
		send = sinon.stub(SNSClient.prototype, "send").resolves({});
		sinon.stub(process, "env").value({ ...process.env, TOPIC_ARN: topic, AWS_REGION: "ap-northeast-1" });
	});
	afterEach(() => {
		sinon.restore();
	});

	it("publishes what it wrote to the topic, once", async () => {
		const result = await tell(false, { extract, load });
		const { subject, body } = writeMessage(event({ extract, load }));
		expect(published()).to.deep.equal([{ TopicArn: topic, Subject: subject, Message: body }]);
		expect(result).to.deep.equal({ published: true, subject });
	});

	it("keeps quiet about a night without news, unless it is told not to", async () => {
		const quiet = await tell(false, { extract, load: unchanged });
		expect(quiet.published).to.equal(false);
		expect(published()).to.deep.equal([]);

		const told = await tell(true, { extract, load: unchanged });
		expect(told.published).to.equal(true);
		expect(published().map(({ Subject }) => Subject)).to.deep.equal(["EV registrations f6w7-q2d2: nothing new"]);
	});

	it("tells every failure, after an unchanged load too", async () => {
		for (const more of [{ error }, { error, extract }, { error, extract, load: unchanged }])
			expect((await tell(false, more)).published).to.equal(true);
		expect(send.callCount).to.equal(3);
	});

	it("fails where the message could not be published, so that the workflow can say it", async () => {
		send.rejects(new Error("The topic does not exist"));
		const problem = await failed(tell(false, { extract, load }));
		expect(problem.message).to.equal("The topic does not exist");
	});
});
