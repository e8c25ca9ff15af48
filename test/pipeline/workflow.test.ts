/** The workflow's own definition, executed: what each function is given, what is tried again, and who is told. */

import { expect } from "chai";
import type { FailureName } from "../../handlers/common/failure";
import {
	caught,
	error,
	execution,
	extracted,
	good,
	loaded,
	refetched,
	run,
	scheduled,
	targets,
} from "../support/workflow";

describe("the workflow", () => {
	describe("on a good night", () => {
		it("extracts, loads and tells, each once, and hands on what both said", async () => {
			const { outcome, order } = await run();
			expect(order).to.deep.equal(["extract", "load", "notify"]);
			expect(outcome).to.deep.equal({ output: { runId: "run-1", extract: extracted, load: loaded } });
		});

		it("gives extract the run, the dataset and its own secrets, and no reason to fetch again", async () => {
			expect((await run()).given("extract")).to.deep.equal([
				{
					runId: "run-1",
					dataset: "f6w7-q2d2",
					secrets: { pipeline: "arn:pipeline", source: "arn:source" },
					refetch: false,
				},
			]);
		});

		it("gives load the run, the dataset, the manifest and its own secrets, never the source's, and overrides nothing", async () => {
			expect((await run()).given("load")).to.deep.equal([
				{
					runId: "run-1",
					dataset: "f6w7-q2d2",
					manifestKey: extracted.manifestKey,
					secrets: { pipeline: "arn:pipeline", database: "arn:database" },
					reload: false,
					accept: [],
				},
			]);
		});

		it("tells notify what was done and where to look, and no error", async () => {
			const [told] = (await run()).given("notify");
			expect(told).to.have.all.keys("runId", "dataset", "execution", "startedAt", "extract", "load");
			expect(told).to.deep.include({
				runId: "run-1",
				dataset: "f6w7-q2d2",
				execution,
				extract: extracted,
				load: loaded,
			});
			expect(told!.startedAt).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
		});
	});

	it("hands a person's overrides to the function that each is for", async () => {
		const accept = ["SuspiciousShrink", "UnreadableKeys"];
		const { given } = await run({}, { ...scheduled, refetch: true, reload: true, accept });
		expect(given("extract")[0]).to.include({ refetch: true }).and.not.have.any.keys("reload", "accept");
		expect(given("load")[0]).to.deep.include({ reload: true, accept }).and.not.have.any.keys("refetch");
	});

	it("keeps the defaults of the overrides that a person did not give", async () => {
		const { given } = await run({}, { ...scheduled, reload: true });
		expect(given("extract")[0]).to.include({ refetch: false });
		expect(given("load")[0]).to.deep.include({ reload: true, accept: [] });
	});

	describe("that is given manifests to replay", () => {
		const replay = ["first.json", "second.json", "third.json"];

		it("loads them in order, each as a run of its own, and never asks the source", async () => {
			const { order, given } = await run({}, { ...scheduled, replay, accept: ["SuspiciousShrink"] });
			expect(order).to.deep.equal(["load", "load", "load", "notify"]);
			expect(given("load").map(({ manifestKey }) => manifestKey)).to.deep.equal(replay);
			expect(new Set(given("load").map(({ runId }) => runId))).to.have.property("size", 3);
			for (const event of given("load")) expect(event).to.deep.include({ accept: ["SuspiciousShrink"] });
		});

		it("stops at the first that fails, and tells it", async () => {
			const { outcome, order } = await run({ load: [loaded, error("SchemaDrift")] }, { ...scheduled, replay });
			expect(order).to.deep.equal(["load", "load", "notify"]);
			expect(outcome).to.deep.include({ error: "SchemaDrift" });
		});
	});

	describe("whose raw files are damaged", () => {
		for (const name of ["SourceIncomplete", "PageDamaged", "ManifestInvalid"] as const)
			it(`fetches once more at ${name}, and loads what that brought`, async () => {
				const { outcome, order, given } = await run({
					extract: [extracted, refetched],
					load: [error(name), loaded],
				});
				expect(order).to.deep.equal(["extract", "load", "extract", "load", "notify"]);
				expect(given("extract")[1]).to.deep.equal({ ...given("extract")[0], refetch: true });
				expect(given("load")[1]).to.deep.equal({ ...given("load")[0], manifestKey: refetched.manifestKey });
				expect(given("notify")[0]).to.deep.include({ extract: refetched, load: loaded }).and.not.have.any.keys("error");
				expect(outcome).to.deep.equal({ output: { runId: "run-1", extract: refetched, load: loaded } });
			});

		it("hands the overrides on the second time as well", async () => {
			const overrides = { reload: true, accept: ["SuspiciousShrink"] };
			const { given } = await run({ load: [error("PageDamaged"), loaded] }, { ...scheduled, ...overrides });
			expect(given("load")[1]).to.deep.include(overrides);
		});

		it("fails when they are damaged a second time", async () => {
			const { outcome, order, given } = await run({
				extract: [extracted, refetched],
				load: [error("PageDamaged"), error("SourceIncomplete", "2 rows of 3")],
			});
			expect(order).to.deep.equal(["extract", "load", "extract", "load", "notify"]);
			expect(given("notify")[0]).to.deep.include({
				extract: refetched,
				load: null,
				error: caught("SourceIncomplete", "2 rows of 3"),
			});
			expect(outcome).to.have.property("error", "SourceIncomplete");
		});

		it("fails when fetching again fails, and tells that error", async () => {
			const { outcome, order, given } = await run({
				extract: [extracted, error("SchemaDrift")],
				load: [error("PageDamaged")],
			});
			expect(order).to.deep.equal(["extract", "load", "extract", "notify"]);
			expect(given("notify")[0]!.error).to.deep.equal(caught("SchemaDrift"));
			expect(outcome).to.have.property("error", "SchemaDrift");
		});
	});

	describe("whose function fails in passing", () => {
		const passing: Record<"extract" | "load" | "notify", string[]> = {
			extract: ["SourceUnavailable", "SourceThrottled", "SourceChanged", "SecretUnavailable", "StorageUnavailable"],
			load: ["DatabaseUnavailable", "StorageUnavailable", "SecretUnavailable", "RunInProgress"],
			notify: ["Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.ENINotReadyException"],
		};
		for (const [name, errors] of Object.entries(passing) as [keyof typeof passing, string[]][])
			it(`calls ${name} again with the same input, and goes on`, async () => {
				for (const passed of errors) {
					const { outcome, given } = await run({ [name]: [error(passed), error(passed), ...good[name]] });
					const [first, second, third, ...more] = given(name);
					expect([second, third], passed).to.deep.equal([first, first]);
					expect(more, passed).to.deep.equal([]);
					expect(outcome, passed).to.have.property("output");
				}
			});
	});

	describe("that fails", () => {
		const forPeople: FailureName[] = [
			"SchemaDrift",
			"TooManyRejects",
			"UnreadableKeys",
			"SuspiciousShrink",
			"OlderSnapshot",
			"OutOfTime",
			"ConfigurationInvalid",
		];
		for (const name of forPeople)
			it(`does so at once at ${name}, which a person must look at`, async () => {
				const { outcome, order, given } = await run({ load: [error(name)] });
				expect(order).to.deep.equal(["extract", "load", "notify"]);
				expect(given("notify")).to.have.length(1);
				expect(given("notify")[0]).to.deep.include({ extract: extracted, load: null, error: caught(name) });
				expect(outcome).to.deep.equal({ error: name, cause: caught(name).Cause });
			});

		it("tells extract's failure at once where the source refuses, and never comes to load", async () => {
			const { outcome, order, given } = await run({ extract: [error("SourceRefused")] });
			expect(order).to.deep.equal(["extract", "notify"]);
			expect(given("notify")[0]).to.deep.include({ extract: null, load: null, error: caught("SourceRefused") });
			expect(outcome).to.deep.equal({ error: "SourceRefused", cause: caught("SourceRefused").Cause });
		});

		it("tells a crash, a timeout and a bug without trying again", async () => {
			const problems = [
				["load", "Runtime.ExitError"],
				["load", "Sandbox.Timedout"],
				["extract", "States.Timeout"],
				["extract", "TypeError"],
			] as const;
			for (const [culprit, name] of problems) {
				const { outcome, given } = await run({ [culprit]: [error(name)] });
				expect(given(culprit), name).to.have.length(1);
				expect(given("notify")[0]!.error, name).to.deep.equal(caught(name));
				expect(outcome, name).to.have.property("error", name);
			}
		});

		it("says it by itself when notify fails too, under the first error's name", async () => {
			const { outcome, order, given } = await run({ load: [error("SchemaDrift")], notify: [error("TypeError")] });
			expect(order).to.deep.equal(["extract", "load", "notify", "publish"]);
			expect(given("publish")[0]).to.include({ TopicArn: targets.topic, Subject: "EV registrations: a run FAILED" });
			expect(given("publish")[0]!.Message).to.include('"Error":"SchemaDrift"').and.include("SchemaDrift it was");
			expect(outcome).to.have.property("error", "SchemaDrift");
		});

		it("ends under its own name when nobody could be told", async () => {
			const silent = { notify: [error("TypeError")], publish: [error("SNS.AuthorizationErrorException")] };
			const { outcome, given } = await run({ load: [error("SchemaDrift")], ...silent });
			expect(given("publish")).to.have.length(1 + 3);
			expect(outcome).to.deep.equal({ error: "SchemaDrift", cause: caught("SchemaDrift").Cause });
		});
	});

	describe("that succeeds", () => {
		it("says so by itself when notify fails", async () => {
			const { outcome, order, given } = await run({ notify: [error("Runtime.ExitError")] });
			expect(order).to.deep.equal(["extract", "load", "notify", "publish"]);
			expect(given("publish")[0]).to.include({ TopicArn: targets.topic, Subject: "EV registrations: a run succeeded" });
			expect(JSON.parse(given("publish")[0]!.Message as string)).to.deep.equal(loaded);
			expect(outcome).to.deep.equal({ output: { runId: "run-1", extract: extracted, load: loaded } });
		});

		it("is still a success when nobody could be told", async () => {
			const { outcome } = await run({ notify: [error("TypeError")], publish: [error("SNS.NotFoundException")] });
			expect(outcome).to.deep.equal({ output: { runId: "run-1", extract: extracted, load: loaded } });
		});
	});
});
