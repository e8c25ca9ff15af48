/** The open-data client gets whole answers from a source that is slow, busy, cut off or wrong, or says why it can't. */

import timers from "node:timers/promises";
import { inspect } from "node:util";
import { expect } from "chai";
import sinon from "sinon";
import { failure } from "../../../handlers/common/failure";
import type { Log } from "../../../handlers/common/log";
import { createSoda, type Patience, type SodaOptions } from "../../../handlers/source/client";
import { createSnapshot } from "../../../local/source/snapshot";
import type { Intercept } from "../../../local/source/soda-server";
import { failed } from "../../support/assertions";
import {
	answers,
	cuts,
	type FaultySource,
	fallsSilent,
	isPage,
	rowsOf,
	sampleSnapshot,
	startFaultySource,
} from "../../support/source";

const TOKEN = "tok-f3a91c";
const snapshot = sampleSnapshot(25);
const fields = "dol_vehicle_id,vin_1_10,county,city,state,zip_code,model_year,make,model,ev_type,cafv_type";
/** The longest an answer of the stand-in ever takes, by far; faults that are to be waited for use less. */
const PATIENT = { responseMs: 5_000, silenceMs: 5_000 };

async function read(body: AsyncIterable<Uint8Array>): Promise<string> {
	const chunks: Uint8Array[] = [];
	for await (const chunk of body) chunks.push(chunk);
	return Buffer.concat(chunks).toString("utf8");
}

describe("the open-data client", () => {
	let source: FaultySource;
	let waits: sinon.SinonStub;
	const warnings: Record<string, unknown>[] = [];
	const log: Log = { info() {}, progress() {}, warn: (_, more) => warnings.push(more!) };

	beforeEach(async () => {
		source = await startFaultySource(snapshot);
		warnings.length = 0;
		// Waits between tries are looked at, and not waited for.
		waits = sinon.stub(timers, "setTimeout").resolves();
	});
	afterEach(async () => {
		sinon.restore();
		await source.stop();
	});

	const client = (options: Partial<SodaOptions> = {}) =>
		createSoda({
			baseUrl: source.url,
			dataset: "sample",
			version: "2.1",
			log,
			...options,
			patience: { ...PATIENT, ...options.patience },
		});
	/** One page of rows, by a client as it is asked for. */
	const page = (options: Partial<SodaOptions> = {}, index = 0) =>
		client(options).page({ format: "csv", index, rows: 10 }, read);
	const waited = () => waits.getCalls().map((call) => call.args[0] as number);

	describe("asks", () => {
		it("when the rows changed, which columns there are, and how many rows", async () => {
			const state = await client().state();
			expect(state).to.include({ rowsUpdatedAt: Date.UTC(2024, 0, 1) / 1000, rows: 25 });
			expect(state.fields.join(",")).to.match(new RegExp(`^${fields},.*,_2020_census_tract$`));
			const asked = ["GET /api/views/sample.json", "GET /resource/sample.json?$select=count(*)"];
			expect(source.asked.map(({ what }) => what)).to.deep.equal(asked);
		});

		it("for no column of the source's own bookkeeping", async () => {
			const content = Buffer.from("DOL Vehicle ID,:@computed_region_x,County\n1,2,King\n");
			source.publish(createSnapshot({ ...snapshot, content }));
			expect((await client().state()).fields).to.deep.equal(["dol_vehicle_id", "county"]);
		});

		it("for pages by the rows' ids, which together are every row once", async () => {
			let rows = "";
			for (const index of [0, 1, 2]) {
				const text = await page({}, index);
				expect(text.slice(0, text.indexOf("\n")).replaceAll('"', "")).to.match(new RegExp(`^${fields}`));
				rows += text.slice(text.indexOf("\n") + 1);
			}
			expect(rows).to.equal(rowsOf(snapshot));
			const asked = [0, 10, 20].map((offset) => `GET /resource/sample.csv?$order=:id&$limit=10&$offset=${offset}`);
			expect(source.asked.map(({ what }) => what)).to.deep.equal(asked);
		});

		it("for the same rows as JSON", async () => {
			const rows = JSON.parse(await client().page({ format: "json", index: 2, rows: 10 }, read));
			const ids = rowsOf(snapshot).split("\n").slice(20, 25);
			expect(rows.map((row: Record<string, string>) => row.dol_vehicle_id)).to.deep.equal(
				ids.map((line) => line.split(",")[0]),
			);
			expect(source.asked[0]!.what).to.equal("GET /resource/sample.json?$order=:id&$limit=10&$offset=20");
			expect(source.asked[0]!.headers.accept).to.equal("application/json");
		});

		it("in SODA 3's words by POST, with the page's number and the token", async () => {
			const fetch = sinon.spy(globalThis, "fetch");
			const soda3 = { version: "3", appToken: TOKEN } as const;
			expect(await client(soda3).state()).to.include({ rows: 25 });
			let rows = "";
			for (const index of [0, 1, 2]) rows += (await page(soda3, index)).replace(/^.*\n/, "");
			expect(rows).to.equal(rowsOf(snapshot));

			expect(source.asked.map(({ what }) => what)).to.deep.equal([
				"GET /api/views/sample.json",
				"POST /api/v3/views/sample/query.json",
				...Array(3).fill("POST /api/v3/views/sample/query.csv"),
			]);
			const bodies = fetch.getCalls().flatMap(({ args }) => (args[1]?.body ? [JSON.parse(String(args[1].body))] : []));
			expect(bodies).to.deep.equal([
				{ query: "SELECT count(*)" },
				...[1, 2, 3].map((pageNumber) => ({
					query: "SELECT * ORDER BY :id",
					page: { pageNumber, pageSize: 10 },
					includeSynthetic: false,
				})),
			]);
			for (const { headers } of source.asked) expect(headers).to.include({ "x-app-token": TOKEN });
			for (const { headers } of source.asked.slice(1))
				expect(headers).to.include({ "content-type": "application/json" });
		});

		it("in SODA 3's words never without a token, since nobody would answer", () => {
			for (const token of [{}, { appToken: "" }])
				expect(() => client({ version: "3", ...token }))
					.to.throw(/app token/)
					.with.property("name", "ConfigurationInvalid");
		});

		it("with the token where there is one, and without one where there is none", async () => {
			await client({ appToken: TOKEN }).state();
			for (const { headers } of source.asked.splice(0)) expect(headers).to.include({ "x-app-token": TOKEN });
			await client().state();
			for (const { headers } of source.asked) expect(headers).to.not.have.property("x-app-token");
		});
	});

	describe("asks again", () => {
		for (const status of [408, 429, 500, 502, 503, 504])
			it(`after ${status}, which may pass`, async () => {
				source.fail(answers(status), { times: 2 });
				expect(await page()).to.include(rowsOf(snapshot).slice(0, 50));
				expect(source.asked).to.have.length(3);
			});

		it("after waits that are random and may grow twofold, and says each", async () => {
			sinon.stub(Math, "random").returns(0.5);
			source.fail(answers(503, '{"error":true,"message":"Down for\\nmaintenance"}'), { times: 4 });
			await page({ patience: { firstDelayMs: 100 } });
			expect(waited()).to.deep.equal([50, 100, 200, 400]);
			expect(warnings).to.have.length(4);
			expect(warnings[0]).to.include({ attempt: 1, delayMs: 50 });
			expect(warnings[0]!.reason).to.match(/^GET http.*: 503 Service Unavailable, Down for maintenance\.$/);
		});

		it("when Retry-After says, in seconds or as a date", async () => {
			source.fail(answers(429, "", { "retry-after": "7" }), { times: 1 });
			source.fail(answers(503, "", { "retry-after": new Date(Date.now() + 9_000).toUTCString() }), { times: 1 });
			source.fail(answers(429, "", { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }), { times: 1 });
			await page();
			const [seconds, date, past] = waited();
			expect(seconds).to.equal(7_000);
			expect(date).to.be.within(5_000, 9_000);
			expect(past).to.equal(0);
		});

		it("sooner than Retry-After says, where that is longer than anyone should wait", async () => {
			source.fail(answers(429, "", { "retry-after": "86400" }), { times: 1 });
			await page({ patience: { maxAskedDelayMs: 3_000 } });
			expect(waited()).to.deep.equal([3_000]);
		});

		it("at its own pace where Retry-After says nothing that can be read", async () => {
			source.fail(answers(429, "", { "retry-after": "soon" }), { times: 1 });
			await page({ patience: { firstDelayMs: 100 } });
			expect(waited()[0]).to.be.within(0, 100);
		});

		it("while the source still works on the answer", async () => {
			source.fail(answers(202), { times: 3 });
			expect(await page({ patience: { pollMs: 40, tries: 1 } })).to.include(rowsOf(snapshot).slice(0, 50));
			expect(waited()).to.deep.equal([40, 40, 40]);
		});

		const beginning = rowsOf(snapshot).slice(0, 200);
		/** What happens to the first try, what is read of it if anyone begins to, and how long that is waited for. */
		const broken: [string, Intercept, string | undefined, Partial<Patience>?][] = [
			["that is cut off", cuts(beginning), beginning],
			["that is shorter than its length", cuts(beginning, { "content-length": "100000" }), beginning],
			["that falls silent", fallsSilent(beginning), beginning, { silenceMs: 150 }],
			["that falls silent before its first byte", fallsSilent(""), "", { silenceMs: 150 }],
			["that never begins", fallsSilent(), undefined, { responseMs: 200 }],
			["whose connection is closed before it begins", cuts(), undefined],
		];
		for (const [what, fault, first, patience = {}] of broken)
			it(`from its start for a page ${what}, and keeps nothing of the first try`, async () => {
				source.fail(fault, { times: 1 });
				const readings: string[] = [];
				const soda = client({ patience });
				const text = await soda.page({ format: "csv", index: 1, rows: 10 }, async (body) => {
					const reading = readings.push("") - 1;
					for await (const chunk of body) readings[reading] += Buffer.from(chunk).toString("utf8");
					return readings[reading];
				});
				expect(text).to.equal(await page({}, 1));
				expect(readings).to.deep.equal(first === undefined ? [text] : [first, text]);
				expect(source.asked[0]!.what).to.equal(source.asked[1]!.what);
			});
	});

	it("takes a page that comes slowly, as long as it comes", async () => {
		source.fail(async (_, __, response) => {
			response.writeHead(200, { "content-type": "text/csv" });
			for (let row = 0; row < 10; row++) {
				response.write("row\n");
				await new Promise((resolve) => setTimeout(resolve, 30));
			}
			response.end();
			return true;
		});
		expect(await page({ patience: { silenceMs: 250, tries: 1 } })).to.equal("row\n".repeat(10));
	});

	describe("does not ask again", () => {
		for (const [status, remedy] of [
			[400, "API"],
			[401, "app token into the secret `source`"],
			[403, "app token into the secret `source`"],
			[404, "settings dataset and sourceUrl"],
			[410, "settings dataset and sourceUrl"],
		] as const)
			it(`after ${status}, which will not pass, and says what to do`, async () => {
				source.fail(answers(status, '{"code":"x","error":true,"message":"No such thing"}'));
				const error = await failed(page());
				expect(error.name).to.equal("SourceRefused");
				expect(error.message).to.match(new RegExp(`: ${status} [A-Z][a-z]+.*, No such thing; .*${remedy}.*\\.$`));
				expect(source.asked).to.have.length(1);
			});

		it("when the source knows another dataset, and says which request that was", async () => {
			const error = await failed(client({ dataset: "abcd-1234" }).state());
			expect(error.name).to.equal("SourceRefused");
			const said = "404 Not Found, Not found; see whether the settings dataset and sourceUrl still name it.";
			expect(error.message).to.equal(`GET ${source.url}/api/views/abcd-1234.json: ${said}`);
		});

		it("a source whose answers lag behind its description", async () => {
			for (const lag of ["true", '["truth"]']) {
				source.fail(
					(_, __, response) => {
						response.setHeader("x-soda2-data-out-of-date", lag);
						return answers(200, "a,b\n", { "content-type": "text/csv" })(_, __, response);
					},
					{ times: 1 },
				);
				const error = await failed(page());
				expect(error.name).to.equal("SourceChanged");
				expect(error.message).to.include(lag);
			}
			expect(source.asked).to.have.length(2);
		});

		it("when it was not the source that failed, but who reads the page", async () => {
			for (const name of ["StorageUnavailable", "OutOfTime"] as const) {
				const reader = () => Promise.reject(failure(name, "Not the source's fault."));
				const error = await failed(client().page({ format: "csv", index: 0, rows: 10 }, reader));
				expect(error).to.include({ name, message: "Not the source's fault." });
			}
			expect(source.asked).to.have.length(2);
		});
	});

	describe("gives up", () => {
		const given: [string, Intercept, string, RegExp, Partial<Patience>?][] = [
			["a source that throttles for ever", answers(429), "SourceThrottled", /429 Too Many Requests/],
			["a source that fails for ever", answers(500, "<h1>Oops</h1>"), "SourceUnavailable", /500 Internal.*Oops/],
			[
				"silence in the middle",
				fallsSilent("a,b\n1,"),
				"SourceUnavailable",
				/silence in the middle.* for 0\.03 s/,
				{ silenceMs: 30 },
			],
			["a source that never answers", fallsSilent(), "SourceUnavailable", /no answer for 0\.06 s/, { responseMs: 60 }],
			["pages that always break off", cuts("a,b\n"), "SourceUnavailable", /terminated|closed/],
			["connections that are always closed", cuts(), "SourceUnavailable", /closed|ECONNRESET/],
			[
				"a web page in the place of rows",
				answers(200, "<html>Sign in</html>", { "content-type": "text/html" }),
				"SourceUnavailable",
				/an answer of type text\/html instead of text\/csv/,
			],
			[
				"an answer of no type",
				(_, __, response) => Boolean(response.end("a,b\n")),
				"SourceUnavailable",
				/an answer of type none instead of text\/csv/,
			],
		];
		for (const [what, fault, name, message, patience] of given)
			it(`${what}, in one sentence that names the request`, async () => {
				source.fail(fault);
				const error = await failed(page({ patience: { ...patience, tries: 3 } }));
				expect(error.name).to.equal(name);
				expect(error.message).to.match(message);
				expect(error.message.startsWith(`GET ${source.asked[0]!.what.replace("GET ", source.url)}: `)).to.equal(true);
				expect(error.message).to.match(/[^.]\.$/);
				expect(error.message).to.not.include("\n");
				expect(source.asked).to.have.length(3);
			});

		it("an answer that is never ready, after as many questions as it may", async () => {
			source.fail(answers(202));
			const error = await failed(page({ patience: { polls: 4, pollMs: 40, tries: 3 } }));
			expect(error.name).to.equal("SourceUnavailable");
			expect(error.message).to.match(/202, still working on the answer\.$/);
			expect(source.asked).to.have.length(5);
			expect(waited()).to.deep.equal([40, 40, 40, 40]);
		});

		it("a source that nobody listens for", async () => {
			const { url } = source;
			await source.stop();
			const error = await failed(client({ baseUrl: url, patience: { tries: 2 } }).state());
			expect(error.name).to.equal("SourceUnavailable");
			expect(error.message).to.match(
				/^GET http:\/\/127\.0\.0\.1:\d+\/api\/views\/sample\.json: fetch failed: .*ECONNREFUSED/,
			);
			expect(warnings).to.have.length(1);
			source = await startFaultySource(snapshot);
		});

		it("a description that says neither when its rows changed nor which columns it has", async () => {
			for (const view of ["{}", '{"rowsUpdatedAt":"today","columns":[]}', '{"rowsUpdatedAt":1}', "[]"]) {
				source.fail(answers(200, view), { times: 1 });
				const error = await failed(client().state());
				expect(error.name, view).to.equal("SourceUnavailable");
				expect(error.message).to.match(/\/api\/views\/sample\.json: a description without rowsUpdatedAt or columns\.$/);
			}
		});

		it("a description or a count that is nothing of the kind", async () => {
			source.fail(answers(200, "<html>\n<b>Sign in</b>"), { times: 2 });
			const web = await failed(client({ patience: { tries: 2 } }).state());
			expect(web).to.have.property("name", "SourceUnavailable");
			expect(web.message).to.match(/: an answer that is not JSON: <html> <b>Sign in<\/b>\.$/);

			for (const counted of ["[]", '[{"count":"many"}]']) {
				source.fail(answers(200, counted), { what: ({ what }) => what.includes("count"), times: 1 });
				const error = await failed(client().state());
				expect(error.name, counted).to.equal("SourceUnavailable");
				expect(error.message).to.match(/\$select=count\(\*\): a count that is no number\.$/);
			}
		});

		it("without a word of the token, whatever went wrong", async () => {
			const faults = [
				answers(403, '{"message":"Invalid app_token specified"}'),
				answers(429),
				cuts("a"),
				fallsSilent(),
			];
			for (const version of ["2.1", "3"] as const)
				for (const fault of faults) {
					source.fail(fault);
					const error = await failed(page({ version, appToken: TOKEN, patience: { tries: 2, responseMs: 50 } }));
					expect(error.name).to.match(/^Source/);
					expect(inspect(error, { depth: 5 })).to.not.include(TOKEN);
					source.recover();
				}
			expect(warnings).to.not.have.length(0);
			expect(inspect(warnings)).to.not.include(TOKEN);
		});
	});

	it("leaves no connection open to an answer that it does not read", async () => {
		let open = 0;
		source.fail(
			(_, __, response) => {
				open++;
				response.once("close", () => open--);
				return fallsSilent("<html>", { "content-type": "text/html" })(_, __, response);
			},
			{ what: isPage },
		);
		await failed(page({ patience: { tries: 3 } }));
		sinon.restore();
		for (let tries = 0; open > 0 && tries < 50; tries++) await timers.setTimeout(10);
		expect(open).to.equal(0);
	});
});
