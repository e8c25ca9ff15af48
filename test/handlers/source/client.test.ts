/** The SODA client gets complete responses from a source that is slow, busy, broken or wrong, or says why it cannot. */

import { text } from "node:stream/consumers";
import timers from "node:timers/promises";
import { inspect } from "node:util";
import { expect } from "chai";
import sinon from "sinon";
import { failure } from "../../../handlers/common/failure";
import type { Log } from "../../../handlers/common/log";
import { createSodaClient, type RequestLimits, type SodaOptions } from "../../../handlers/source/client";
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
/** Far longer than any response of the local source; tests of timeouts use less. */
const GENEROUS = { responseTimeoutMs: 5_000, idleTimeoutMs: 5_000 };

describe("the SODA client", () => {
	let source: FaultySource;
	let waits: sinon.SinonStub;
	const warnings: Record<string, unknown>[] = [];
	const log: Log = { info() {}, progress() {}, warn: (_, more) => warnings.push(more!) };

	beforeEach(async () => {
		source = await startFaultySource(snapshot);
		warnings.length = 0;
		// Pauses are recorded instead of waited for.
		waits = sinon.stub(timers, "setTimeout").resolves();
	});
	afterEach(async () => {
		sinon.restore();
		await source.stop();
	});

	const client = (options: Partial<SodaOptions> = {}) =>
		createSodaClient({
			baseUrl: source.url,
			dataset: "sample",
			version: "2.1",
			log,
			...options,
			limits: { ...GENEROUS, ...options.limits },
		});
	/** Fetches one page with a new client. */
	const page = (options: Partial<SodaOptions> = {}, index = 0) =>
		client(options).getPage({ format: "csv", index, rows: 10 }, text);
	const waited = () => waits.getCalls().map((call) => call.args[0] as number);

	describe("requests", () => {
		it("reads the version, the columns and the number of rows", async () => {
			const state = await client().getState();
			expect(state).to.include({ rowsUpdatedAt: Date.UTC(2024, 0, 1) / 1000, rows: 25 });
			expect(state.fields.join(",")).to.match(new RegExp(`^${fields},.*,_2020_census_tract$`));
			const asked = ["GET /api/views/sample.json", "GET /resource/sample.json?$select=count(*)"];
			expect(source.asked.map(({ what }) => what)).to.deep.equal(asked);
		});

		it("leaves out Socrata's computed columns", async () => {
			const content = Buffer.from("DOL Vehicle ID,:@computed_region_x,County\n1,2,King\n");
			source.publish(createSnapshot({ ...snapshot, content }));
			expect((await client().getState()).fields).to.deep.equal(["dol_vehicle_id", "county"]);
		});

		it("gets every row once, in pages ordered by id", async () => {
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

		it("gets the same rows as JSON", async () => {
			const rows = JSON.parse(await client().getPage({ format: "json", index: 2, rows: 10 }, text));
			const ids = rowsOf(snapshot).split("\n").slice(20, 25);
			expect(rows.map((row: Record<string, string>) => row.dol_vehicle_id)).to.deep.equal(
				ids.map((line) => line.split(",")[0]),
			);
			expect(source.asked[0]!.what).to.equal("GET /resource/sample.json?$order=:id&$limit=10&$offset=20");
			expect(source.asked[0]!.headers.accept).to.equal("application/json");
		});

		it("speaks SODA 3: POST, page numbers and the token", async () => {
			const fetch = sinon.spy(globalThis, "fetch");
			const soda3 = { version: "3", appToken: TOKEN } as const;
			expect(await client(soda3).getState()).to.include({ rows: 25 });
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

		it("rejects SODA 3 without an app token", () => {
			for (const token of [{}, { appToken: "" }])
				expect(() => client({ version: "3", ...token }))
					.to.throw(/app token/)
					.with.property("name", "ConfigurationInvalid");
		});

		it("sends the app token if there is one", async () => {
			await client({ appToken: TOKEN }).getState();
			for (const { headers } of source.asked.splice(0)) expect(headers).to.include({ "x-app-token": TOKEN });
			await client().getState();
			for (const { headers } of source.asked) expect(headers).to.not.have.property("x-app-token");
		});
	});

	describe("retries", () => {
		it("retries after statuses that may be transient", async () => {
			for (const status of [408, 429, 500, 502, 503, 504]) {
				source.fail(answers(status), { times: 2 });
				expect(await page(), String(status)).to.include(rowsOf(snapshot).slice(0, 50));
				expect(source.asked.splice(0), String(status)).to.have.length(3);
			}
		});

		it("doubles the ceiling of each random delay, and logs it", async () => {
			sinon.stub(Math, "random").returns(0.5);
			source.fail(answers(503, '{"error":true,"message":"Down for\\nmaintenance"}'), { times: 4 });
			await page({ limits: { firstDelayMs: 100 } });
			expect(waited()).to.deep.equal([50, 100, 200, 400]);
			expect(warnings).to.have.length(4);
			expect(warnings[0]).to.include({ attempt: 1, delayMs: 50 });
			expect(warnings[0]!.reason).to.match(/^GET http.*: 503 Service Unavailable, Down for maintenance\.$/);
		});

		it("waits as long as Retry-After says: seconds or a date", async () => {
			source.fail(answers(429, "", { "retry-after": "7" }), { times: 1 });
			source.fail(answers(503, "", { "retry-after": new Date(Date.now() + 9_000).toUTCString() }), { times: 1 });
			source.fail(answers(429, "", { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }), { times: 1 });
			await page();
			const [seconds, date, past] = waited();
			expect(seconds).to.equal(7_000);
			expect(date).to.be.within(5_000, 9_000);
			expect(past).to.equal(0);
		});

		it("caps Retry-After", async () => {
			source.fail(answers(429, "", { "retry-after": "86400" }), { times: 1 });
			await page({ limits: { maxRetryAfterMs: 3_000 } });
			expect(waited()).to.deep.equal([3_000]);
		});

		it("ignores a Retry-After that cannot be parsed", async () => {
			source.fail(answers(429, "", { "retry-after": "soon" }), { times: 1 });
			await page({ limits: { firstDelayMs: 100 } });
			expect(waited()[0]).to.be.within(0, 100);
		});

		it("polls while the source answers 202", async () => {
			source.fail(answers(202), { times: 3 });
			expect(await page({ limits: { pollIntervalMs: 40, maxAttempts: 1 } })).to.include(rowsOf(snapshot).slice(0, 50));
			expect(waited()).to.deep.equal([40, 40, 40]);
		});

		const beginning = rowsOf(snapshot).slice(0, 200);
		/** The fault of the first attempt, what is read of it, and the limits. */
		const broken: [string, Intercept, string | undefined, Partial<RequestLimits>?][] = [
			["that is cut off", cuts(beginning), beginning],
			["shorter than its Content-Length", cuts(beginning, { "content-length": "100000" }), beginning],
			["that stalls", fallsSilent(beginning), beginning, { idleTimeoutMs: 150 }],
			["that stalls before its first byte", fallsSilent(""), "", { idleTimeoutMs: 150 }],
			["that never begins", fallsSilent(), undefined, { responseTimeoutMs: 200 }],
			["whose connection is closed", cuts(), undefined],
		];
		for (const [what, fault, first, limits = {}] of broken)
			it(`restarts a page ${what}`, async () => {
				source.fail(fault, { times: 1 });
				const readings: string[] = [];
				const soda = client({ limits });
				const text = await soda.getPage({ format: "csv", index: 1, rows: 10 }, async (body) => {
					const reading = readings.push("") - 1;
					for await (const chunk of body) readings[reading] += Buffer.from(chunk).toString("utf8");
					return readings[reading];
				});
				expect(text).to.equal(await page({}, 1));
				expect(readings).to.deep.equal(first === undefined ? [text] : [first, text]);
				expect(source.asked[0]!.what).to.equal(source.asked[1]!.what);
			});
	});

	it("accepts a page that arrives slowly", async () => {
		source.fail(async (_, __, response) => {
			response.writeHead(200, { "content-type": "text/csv" });
			for (let row = 0; row < 10; row++) {
				response.write("row\n");
				await new Promise((resolve) => setTimeout(resolve, 30));
			}
			response.end();
			return true;
		});
		expect(await page({ limits: { idleTimeoutMs: 250, maxAttempts: 1 } })).to.equal("row\n".repeat(10));
	});

	describe("refusals", () => {
		const remedies: [number, string][] = [
			[400, "the source's API has changed"],
			[401, "valid app token into the secret `source`"],
			[403, "valid app token into the secret `source`"],
			[404, "settings dataset and sourceUrl"],
			[410, "settings dataset and sourceUrl"],
		];
		it("are not retried, and say what to do", async () => {
			for (const [status, remedy] of remedies) {
				source.fail(answers(status, '{"code":"x","error":true,"message":"No such thing"}'), { times: 1 });
				const error = await failed(page());
				expect(error.name, String(status)).to.equal("SourceRefused");
				expect(error.message).to.match(new RegExp(`: ${status} [A-Z][a-z]+.*, No such thing; .*${remedy}.*\\.$`));
				expect(source.asked.splice(0), String(status)).to.have.length(1);
			}
		});

		it("include rows that are older than the metadata", async () => {
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

		it("exclude failures of the page's reader", async () => {
			for (const name of ["StorageUnavailable", "OutOfTime"] as const) {
				const reader = () => Promise.reject(failure(name, "S3 is down."));
				const error = await failed(client().getPage({ format: "csv", index: 0, rows: 10 }, reader));
				expect(error).to.include({ name, message: "S3 is down." });
			}
			expect(source.asked).to.have.length(2);
		});
	});

	describe("after the last attempt", () => {
		const given: [string, Intercept, string, RegExp, Partial<RequestLimits>?][] = [
			["a source that always throttles", answers(429), "SourceThrottled", /429 Too Many Requests/],
			["a source that always fails", answers(500, "<h1>Oops</h1>"), "SourceUnavailable", /500 Internal.*Oops/],
			[
				"responses that always stall",
				fallsSilent("a,b\n1,"),
				"SourceUnavailable",
				/the response stalled for 0\.03 s/,
				{ idleTimeoutMs: 30 },
			],
			[
				"a source that never responds",
				fallsSilent(),
				"SourceUnavailable",
				/no response for 0\.06 s/,
				{ responseTimeoutMs: 60 },
			],
			["pages that always break off", cuts("a,b\n"), "SourceUnavailable", /terminated|closed/],
			[
				"a web page instead of rows",
				answers(200, "<html>Sign in</html>", { "content-type": "text/html" }),
				"SourceUnavailable",
				/expected content type text\/csv, got text\/html/,
			],
			[
				"a response without a content type",
				(_, __, response) => Boolean(response.end("a,b\n")),
				"SourceUnavailable",
				/expected content type text\/csv, got none/,
			],
		];
		for (const [what, fault, name, message, limits] of given)
			it(`reports ${what}`, async () => {
				source.fail(fault);
				const error = await failed(page({ limits: { ...limits, maxAttempts: 3 } }));
				expect(error.name).to.equal(name);
				expect(error.message).to.match(message);
				expect(error.message.startsWith(`GET ${source.asked[0]!.what.replace("GET ", source.url)}: `)).to.equal(true);
				expect(error.message).to.match(/[^.]\.$/);
				expect(error.message).to.not.include("\n");
				expect(source.asked).to.have.length(3);
			});

		it("reports a query that never finishes", async () => {
			source.fail(answers(202));
			const error = await failed(page({ limits: { maxPolls: 4, pollIntervalMs: 40, maxAttempts: 3 } }));
			expect(error.name).to.equal("SourceUnavailable");
			expect(error.message).to.match(/202, the query is still running after 4 polls\.$/);
			expect(source.asked).to.have.length(5);
			expect(waited()).to.deep.equal([40, 40, 40, 40]);
		});

		it("reports a source that cannot be reached", async () => {
			const { url } = source;
			await source.stop();
			const error = await failed(client({ baseUrl: url, limits: { maxAttempts: 2 } }).getState());
			expect(error.name).to.equal("SourceUnavailable");
			expect(error.message).to.match(
				/^GET http:\/\/127\.0\.0\.1:\d+\/api\/views\/sample\.json: fetch failed: .*ECONNREFUSED/,
			);
			expect(warnings).to.have.length(1);
			source = await startFaultySource(snapshot);
		});

		it("refuses incomplete metadata at once and names what is missing", async () => {
			for (const [view, missing] of [
				["{}", /no rowsUpdatedAt, .*, and no columns; check/],
				['{"rowsUpdatedAt":"today","columns":[]}', /no rowsUpdatedAt, which says when the rows changed; check/],
				['{"rowsUpdatedAt":1}', /the metadata has no columns; check/],
				["[]", /no rowsUpdatedAt/],
			] as const) {
				source.fail(answers(200, view), { times: 1 });
				const error = await failed(client().getState());
				expect(error.name, view).to.equal("SourceRefused");
				expect(error.message)
					.to.match(/\/api\/views\/sample\.json: /)
					.and.match(missing);
				expect(warnings, "no retry").to.deep.equal([]);
			}
		});

		it("says how an app token raises the limit, unless it has one", async () => {
			source.fail(answers(429), { times: 2 });
			const throttled = (appToken?: string) =>
				failed(client({ ...(appToken && { appToken }), limits: { maxAttempts: 1 } }).getState());
			expect((await throttled()).message).to.match(/429.*an app token raises the limit.*secret `source`/);
			expect((await throttled("token")).message)
				.to.match(/429/)
				.and.not.match(/raises the limit/);
		});

		it("reports metadata or a count that cannot be parsed", async () => {
			source.fail(answers(200, "<html>\n<b>Sign in</b>"), { times: 2 });
			const web = await failed(client({ limits: { maxAttempts: 2 } }).getState());
			expect(web).to.have.property("name", "SourceUnavailable");
			expect(web.message).to.match(/: not JSON: <html> <b>Sign in<\/b>\.$/);

			for (const counted of ["[]", '[{"count":"many"}]']) {
				source.fail(answers(200, counted), { what: ({ what }) => what.includes("count"), times: 1 });
				const error = await failed(client().getState());
				expect(error.name, counted).to.equal("SourceUnavailable");
				expect(error.message).to.match(/\$select=count\(\*\): the row count is not a number\.$/);
			}
		});

		it("never shows the app token", async () => {
			const faults = [
				answers(403, '{"message":"Invalid app_token specified"}'),
				answers(429),
				cuts("a"),
				fallsSilent(),
			];
			for (const version of ["2.1", "3"] as const)
				for (const fault of faults) {
					source.fail(fault);
					const error = await failed(
						page({ version, appToken: TOKEN, limits: { maxAttempts: 2, responseTimeoutMs: 50 } }),
					);
					expect(error.name).to.match(/^Source/);
					expect(inspect(error, { depth: 5 })).to.not.include(TOKEN);
					source.recover();
				}
			expect(warnings).to.not.have.length(0);
			expect(inspect(warnings)).to.not.include(TOKEN);
		});
	});

	it("closes the connection of a response that it does not read", async () => {
		let open = 0;
		source.fail(
			(_, __, response) => {
				open++;
				response.once("close", () => open--);
				return fallsSilent("<html>", { "content-type": "text/html" })(_, __, response);
			},
			{ what: isPage },
		);
		await failed(page({ limits: { maxAttempts: 3 } }));
		sinon.restore();
		for (let tries = 0; open > 0 && tries < 50; tries++) await timers.setTimeout(10);
		expect(open).to.equal(0);
	});
});
