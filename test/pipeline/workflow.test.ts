/**
 * The workflow's definition, executed: what each function is given, and what the message says. How often each error is
 * retried, and which way it takes, is in test/program/workflow-definition.test.ts.
 */

import { expect } from "chai";
import {
	caught,
	error,
	execution,
	exported,
	extracted,
	loaded,
	plan,
	refetched,
	reported,
	run,
	scheduled,
	targets,
} from "../support/workflow";

/** The output of a run, which is good but for some of its results. */
const ended = (results: object) => ({
	output: {
		...{ runId: "run-1", extract: extracted, load: loaded, export: exported, report: reported },
		...{ exportError: null, reportError: null, ...results },
	},
});
const succeeded = ended({});

describe("the workflow", () => {
	describe("without errors", () => {
		it("calls each function once, in this order", async () => {
			const { outcome, order } = await run();
			expect(order).to.deep.equal(["extract", "load", "export", "report", "notify"]);
			expect(outcome).to.deep.equal(succeeded);
		});

		it("gives extract the run, the dataset and its secrets", async () => {
			expect((await run()).given("extract")).to.deep.equal([
				{
					runId: "run-1",
					dataset: "f6w7-q2d2",
					secrets: { pipeline: "arn:pipeline", source: "arn:source" },
					refetch: false,
				},
			]);
		});

		it("gives load the manifest and its secrets, not the source's", async () => {
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

		it("gives export and report the run and the dataset", async () => {
			const { given } = await run();
			for (const name of ["export", "report"] as const)
				expect(given(name)).to.deep.equal([{ runId: "run-1", dataset: "f6w7-q2d2" }]);
		});

		it("gives notify both results and the execution", async () => {
			const [given] = (await run()).given("notify");
			expect(given).to.have.all.keys(
				...["runId", "dataset", "execution", "startedAt", "replay", "extract", "load", "exportError", "reportError"],
			);
			expect(given).to.deep.include({
				runId: "run-1",
				dataset: "f6w7-q2d2",
				execution,
				extract: extracted,
				load: loaded,
			});
			expect(given!.startedAt).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
		});
	});

	it("passes each override to its function", async () => {
		const accept = ["SuspiciousShrink", "UnreadableKeys"];
		const { given } = await run({}, { ...scheduled, refetch: true, reload: true, accept });
		expect(given("extract")[0]).to.include({ refetch: true }).and.not.have.any.keys("reload", "accept");
		expect(given("load")[0]).to.deep.include({ reload: true, accept }).and.not.have.any.keys("refetch");
	});

	it("keeps the defaults of overrides that are not given", async () => {
		const { given } = await run({}, { ...scheduled, reload: true });
		expect(given("extract")[0]).to.include({ refetch: false });
		expect(given("load")[0]).to.deep.include({ reload: true, accept: [] });
	});

	describe("in a replay", () => {
		const replay = { ...scheduled, replay: true };

		it("prepares, loads each run in order, publishes, and fetches nothing", async () => {
			const { outcome, order, given } = await run({}, replay);
			expect(order).to.deep.equal(["migrate", "load", "load", "migrate", "export", "report", "notify"]);
			expect(given("migrate")).to.deep.equal([
				{ runId: "run-1", action: "prepareReplay" },
				{ runId: "run-1", action: "publishReplay", token: plan.token },
			]);
			expect(given("notify")[0]).to.deep.include({ replay: true, extract: null, load: loaded });
			expect(outcome).to.deep.equal(ended({ extract: null }));
		});

		it("gives load each run's own id, manifest and guards", async () => {
			const { given } = await run({}, { ...replay, accept: ["SchemaDrift"] });
			expect(given("load")).to.deep.equal(
				plan.runs.map((one) => ({
					...one,
					secrets: { pipeline: "arn:pipeline", database: "arn:database" },
					schema: "ev_next",
					reload: true,
				})),
			);
		});

		it("publishes nothing after the first error", async () => {
			const { outcome, order, given } = await run({ load: [loaded, error("SchemaDrift")] }, replay);
			expect(order).to.deep.equal(["migrate", "load", "load", "notify"]);
			expect(given("notify")[0]).to.deep.include({ replay: true, error: caught("SchemaDrift") });
			expect(outcome).to.deep.include({ error: "SchemaDrift" });
		});

		it("loads nothing if there is nothing to replay", async () => {
			const { outcome, order } = await run({ migrate: [error("ReplayRefused")] }, replay);
			expect(order).to.deep.equal(["migrate", "notify"]);
			expect(outcome).to.deep.include({ error: "ReplayRefused" });
		});

		it("refuses a list of manifests, and starts nothing", async () => {
			for (const list of [[], ["raw/first/manifest.json"], "true", null]) {
				const { outcome, order } = await run({}, { ...scheduled, replay: list });
				expect(order, JSON.stringify(list)).to.deep.equal(["notify"]);
				expect(outcome).to.deep.include({ error: "ConfigurationInvalid" });
			}
		});
	});

	describe("with an error of export or report", () => {
		it("goes on, tells notify, and succeeds", async () => {
			const { outcome, order, given } = await run({ export: [error("OutOfTime")], report: [error("TypeError")] });
			expect(order).to.deep.equal(["extract", "load", "export", "report", "notify"]);
			const errors = { exportError: caught("OutOfTime"), reportError: caught("TypeError") };
			expect(given("notify")[0])
				.to.deep.include({ load: loaded, ...errors })
				.and.not.have.any.keys("error");
			expect(outcome).to.deep.equal(ended({ export: null, report: null, ...errors }));
		});

		it("makes the page if only the files fail", async () => {
			const { outcome } = await run({ export: [error("OutOfTime")] });
			expect(outcome).to.deep.equal(ended({ export: null, exportError: caught("OutOfTime") }));
		});
	});

	describe("with damaged raw files", () => {
		it("fetches once more and loads the new manifest", async () => {
			const { outcome, order, given } = await run({
				extract: [extracted, refetched],
				load: [error("PageDamaged"), loaded],
			});
			expect(order).to.deep.equal(["extract", "load", "extract", "load", "export", "report", "notify"]);
			expect(given("extract")[1]).to.deep.equal({ ...given("extract")[0], refetch: true });
			expect(given("load")[1]).to.deep.equal({ ...given("load")[0], manifestKey: refetched.manifestKey });
			expect(given("notify")[0]).to.deep.include({ extract: refetched, load: loaded }).and.not.have.any.keys("error");
			expect(outcome).to.deep.equal(ended({ extract: refetched }));
		});

		it("passes the overrides again", async () => {
			const overrides = { reload: true, accept: ["SuspiciousShrink"] };
			const { given } = await run({ load: [error("PageDamaged"), loaded] }, { ...scheduled, ...overrides });
			expect(given("load")[1]).to.deep.include(overrides);
		});

		it("fails if they are damaged again", async () => {
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

		it("fails if fetching again fails", async () => {
			const { outcome, order, given } = await run({
				extract: [extracted, error("SchemaDrift")],
				load: [error("PageDamaged")],
			});
			expect(order).to.deep.equal(["extract", "load", "extract", "notify"]);
			expect(given("notify")[0]!.error).to.deep.equal(caught("SchemaDrift"));
			expect(outcome).to.have.property("error", "SchemaDrift");
		});
	});

	it("goes on after transient errors, with the same input", async () => {
		const { outcome, order, given } = await run({
			extract: [error("SourceUnavailable"), extracted],
			load: [error("RunInProgress"), loaded],
			export: [error("DatabaseUnavailable"), exported],
			report: [error("StorageUnavailable"), reported],
			notify: [error("Lambda.ServiceException"), { published: true }],
		});
		const names = ["extract", "load", "export", "report", "notify"] as const;
		expect(order).to.deep.equal(names.flatMap((name) => [name, name]));
		for (const name of names) {
			const [first, second] = given(name);
			expect(second, name).to.deep.equal(first);
		}
		expect(outcome).to.deep.equal(succeeded);
	});

	describe("with an error", () => {
		it("of load, gives notify extract's result", async () => {
			const { outcome, order, given } = await run({ load: [error("SchemaDrift")] });
			expect(order).to.deep.equal(["extract", "load", "notify"]);
			expect(given("notify")[0]).to.deep.include({ extract: extracted, load: null, error: caught("SchemaDrift") });
			expect(outcome).to.deep.equal({ error: "SchemaDrift", cause: caught("SchemaDrift").Cause });
		});

		it("of extract, gives notify no result", async () => {
			const { outcome, order, given } = await run({ extract: [error("SourceRefused")] });
			expect(order).to.deep.equal(["extract", "notify"]);
			expect(given("notify")[0]).to.deep.include({ extract: null, load: null, error: caught("SourceRefused") });
			expect(outcome).to.deep.equal({ error: "SourceRefused", cause: caught("SourceRefused").Cause });
		});

		it("is published without notify if notify fails", async () => {
			const { outcome, order, given } = await run({ load: [error("SchemaDrift")], notify: [error("TypeError")] });
			expect(order).to.deep.equal(["extract", "load", "notify", "publish"]);
			expect(given("publish")[0]).to.include({ TopicArn: targets.topic, Subject: "EV registrations: a run FAILED" });
			expect(given("publish")[0]!.Message).to.include('"Error":"SchemaDrift"').and.include("SchemaDrift it was");
			expect(outcome).to.have.property("error", "SchemaDrift");
		});
	});

	it("publishes its success even if notify fails", async () => {
		const { outcome, order, given } = await run({ notify: [error("Runtime.ExitError")] });
		expect(order).to.deep.equal(["extract", "load", "export", "report", "notify", "publish"]);
		expect(given("publish")[0]).to.include({ TopicArn: targets.topic, Subject: "EV registrations: a run succeeded" });
		expect(JSON.parse(given("publish")[0]!.Message as string)).to.deep.equal(loaded);
		expect(outcome).to.deep.equal(succeeded);
	});

	it("succeeds even if nothing can be published", async () => {
		const { outcome } = await run({ notify: [error("TypeError")], publish: [error("SNS.NotFoundException")] });
		expect(outcome).to.deep.equal(succeeded);
	});
});
