/**
 * `npm run contract`: sends the same requests to the live open-data API and to the local source, and compares the responses.
 * Local runs and tests rely on what both have in common. Needs a network; is skipped without one.
 *
 * CONTRACT_SOURCE_URL sets another server. CONTRACT_APP_TOKEN sets an app token, which the comparison of SODA 3 requires.
 */

import { expect } from "chai";
import { SOURCE_COLUMNS } from "../../db/source-columns";
import { reasonOf } from "../../handlers/common/failure";
import { splitCsv } from "../../handlers/rows/csv-fields";
import { makeSample } from "../../local/source/sample";
import { createSnapshot, DATASET } from "../../local/source/snapshot";
import { type Source, startSource } from "../../local/source/soda-server";

const LIVE = process.env.CONTRACT_SOURCE_URL ?? "https://data.wa.gov";
const TOKEN = process.env.CONTRACT_APP_TOKEN;
/** An id that does not exist. */
const NO_DATASET = "zzzz-zzzz";
/** More rows than the dataset will ever have. */
const BEYOND = 1_000_000_000;

interface Answer {
	status: number;
	headers: Headers;
	text: string;
	// biome-ignore lint/suspicious/noExplicitAny: its shape is what the tests check.
	json: any;
}

type Row = Record<string, unknown>;
type Column = Record<"name" | "fieldName" | "dataTypeName", unknown>;

/** The columns that the pipeline needs. The source may add others, and has dropped an optional one. */
const needed = SOURCE_COLUMNS.filter((column) => !column.optional);
const isNeeded = (field: unknown) => needed.some((column) => column.field === field);

describe(`the local source and ${LIVE}`, function () {
	this.timeout(120_000);
	let standIn: Source;

	before(async function () {
		try {
			await fetch(`${LIVE}/api/views/${DATASET}.json`, { method: "HEAD", signal: AbortSignal.timeout(15_000) });
		} catch (error) {
			console.log(`    ${LIVE} could not be reached (${reasonOf(error)}); nothing was compared.`);
			this.skip();
		}
		standIn = await startSource(createSnapshot({ name: "sample", dataset: DATASET, ...makeSample(0, 3000) }));
	});
	after(async () => {
		await standIn?.stop();
	});

	/** Sends a request to the live API and to the local source. @returns their responses, in this order */
	const ask = async (path: string, init: RequestInit = {}): Promise<[Answer, Answer]> => {
		const answers = [LIVE, standIn.url].map(async (base) => {
			const headers = { ...(TOKEN && { "x-app-token": TOKEN }), ...init.headers };
			const response = await fetch(`${base}${path}`, { ...init, headers, signal: AbortSignal.timeout(60_000) });
			const text = await response.text();
			const isJson = response.headers.get("content-type")?.includes("json");
			return { status: response.status, headers: response.headers, text, json: isJson && JSON.parse(text) };
		});
		return [await answers[0]!, await answers[1]!];
	};
	/** Checks each response; the name is for the messages. */
	const each = (answers: [Answer, Answer], check: (answer: Answer, who: string) => void) => {
		check(answers[0], "the live API");
		check(answers[1], "the local source");
	};
	/** Expects the same value from both responses, and optionally which one. */
	const same = (answers: [Answer, Answer], see: (answer: Answer) => unknown, expected?: unknown) => {
		const [live, local] = answers.map(see);
		expect(local, "the local source, compared with the live API").to.deep.equal(live);
		if (expected !== undefined) expect(live, "both").to.deep.equal(expected);
	};

	const rows = (query: string) => ask(`/resource/${DATASET}.json?${query}`);
	const csv = (query: string) => ask(`/resource/${DATASET}.csv?${query}`);
	const mediaType = ({ headers }: Answer) => headers.get("content-type")?.toLowerCase().replace(/\s/g, "");
	const fieldsOf = ({ headers }: Answer) => JSON.parse(headers.get("x-soda2-fields")!) as string[];
	const typesOf = ({ headers }: Answer) => JSON.parse(headers.get("x-soda2-types")!) as string[];
	const csvLines = ({ text }: Answer) => text.split("\n").slice(0, -1);

	describe("page headers", () => {
		for (const format of ["csv", "json"] as const)
			it(`describe ${format}: media type, fields, types, time`, async () => {
				const answers = await ask(`/resource/${DATASET}.${format}?$order=:id&$limit=5`);
				same(answers, ({ status }) => status, 200);
				same(answers, mediaType, `${format === "csv" ? "text/csv" : "application/json"};charset=utf-8`);
				const typed = (answer: Answer) => {
					const [fields, types] = [fieldsOf(answer), typesOf(answer)];
					const pairs = fields.map((field, index) => [field, types[index]] as const);
					return Object.fromEntries(pairs.filter(([field]) => isNeeded(field)));
				};
				same(answers, typed);
				same(answers, (answer) => Object.keys(typed(answer)).sort(), needed.map(({ field }) => field).sort());
				each(answers, (answer, who) => {
					expect(typesOf(answer), who).to.have.length(fieldsOf(answer).length);
					const changed = answer.headers.get("last-modified")!;
					expect(new Date(changed).toUTCString(), `${who}: Last-Modified`).to.equal(changed);
					expect(answer.headers.get("x-soda2-data-out-of-date") ?? "false", who).to.be.oneOf(["false", "[]"]);
				});
			});
	});

	describe("CSV pages", () => {
		it("have a quoted header line, and end lines with LF", async () => {
			each(await csv("$order=:id&$limit=3"), (answer, who) => {
				expect(answer.text, who).to.not.include("\r");
				expect(answer.text.endsWith("\n"), `${who}: a last line break`).to.equal(true);
				const lines = csvLines(answer);
				expect(lines, who).to.have.length(4);
				expect(lines[0], who).to.equal(
					fieldsOf(answer)
						.map((field) => `"${field}"`)
						.join(","),
				);
			});
		});

		it("have a row per line, plain numbers and WKT points", async () => {
			each(await csv("$order=:id"), (answer, who) => {
				const [header, ...lines] = csvLines(answer).map((line) => splitCsv(line)!);
				const seen = { point: 0, number: 0 };
				for (const values of lines) {
					expect(values, who).to.have.length(header!.length);
					const { geocoded_column: point, electric_range: range } = Object.fromEntries(
						header!.map((name, index) => [name, values[index]]),
					);
					if (point && ++seen.point) expect(point, who).to.match(/^POINT \(-?\d+(\.\d+)? -?\d+(\.\d+)?\)$/);
					if (range && ++seen.number) expect(range, who).to.match(/^\d+$/);
				}
				expect(seen.point, `${who}: points`).to.be.above(0);
				expect(seen.number, `${who}: numbers`).to.be.above(0);
			});
		});
	});

	describe("JSON pages", () => {
		it("have objects of strings and GeoJSON points", async () => {
			const kinds = (row: Row) =>
				Object.entries(row)
					.filter(([field]) => isNeeded(field))
					.map(([field, value]) => [field, shapeOf(value)]);
			/** All shapes of a field's values. */
			const shapes = ({ json }: Answer) => {
				const all = new Map<string, Set<string>>();
				for (const [field, shape] of (json as Row[]).flatMap(kinds) as [string, string][])
					all.set(field, (all.get(field) ?? new Set()).add(shape));
				return Object.fromEntries(Array.from(all, ([field, set]) => [field, Array.from(set).sort()]));
			};
			const expected = Object.fromEntries(
				needed.map(({ field, kind }) => [
					field,
					[kind === "point" ? '{"type":"Point","coordinates":[number,number]}' : "string"],
				]),
			);
			same(await rows("$order=:id"), shapes, expected);
		});

		it("leave out NULLs, without null or empty strings", async () => {
			// Vehicles registered outside Washington have no legislative district.
			const elsewhere = "$where=legislative_district%20is%20null&$order=:id";
			const [[live], [, local]] = [await rows(elsewhere), await rows("$order=:id&$limit=3000")];
			each([live, local], ({ json }, who) => {
				expect(json, who).to.not.have.length(0);
				for (const row of json as Row[]) {
					expect(Object.values(row), who).to.not.include(null);
					expect(Object.values(row), who).to.not.include("");
				}
				expect(
					(json as Row[]).filter((row) => !("legislative_district" in row)),
					who,
				).to.not.have.length(0);
			});
		});

		it("have only fields that the headers name", async () => {
			each(await rows("$order=:id"), (answer, who) => {
				const fields = fieldsOf(answer);
				for (const row of answer.json as Row[]) expect(fields, who).to.include.members(Object.keys(row));
			});
		});

		it("have unique numeric keys and four-digit years", async () => {
			each(await rows("$order=:id"), ({ json }, who) => {
				for (const row of json as Row[]) {
					expect(row.dol_vehicle_id, who).to.match(/^[1-9]\d{0,15}$/);
					expect(row.model_year, who).to.match(/^\d{4}$/);
				}
				expect(new Set((json as Row[]).map((row) => row.dol_vehicle_id)).size, who).to.equal(json.length);
			});
		});
	});

	describe("paging", () => {
		it("defaults to 1,000 rows", async () => {
			same(await rows("$order=:id"), ({ json }) => json.length, 1000);
			same(await csv("$order=:id"), (answer) => csvLines(answer).length, 1001);
		});

		it("allows more than 1,000 rows", async () => {
			same(await csv("$order=:id&$limit=2500"), (answer) => csvLines(answer).length, 2501);
		});

		it("leaves no gap between pages, in either format", async () => {
			const [all, tail] = [await rows("$order=:id&$limit=5"), await rows("$order=:id&$limit=3&$offset=2")];
			const lines = [await csv("$order=:id&$limit=5"), await csv("$order=:id&$limit=3&$offset=2")] as const;
			for (const who of [0, 1] as const) {
				expect(tail[who].json).to.have.length(3).and.deep.equal(all[who].json.slice(2));
				expect(csvLines(lines[1][who]).slice(1)).to.have.length(3).and.deep.equal(csvLines(lines[0][who]).slice(3));
			}
		});

		it("returns no rows beyond the end", async () => {
			const beyond = `$order=:id&$limit=10&$offset=${BEYOND}`;
			same(await rows(beyond), ({ status, json }) => [status, json], [200, []]);
			same(await csv(beyond), (answer) => [answer.status, csvLines(answer).length], [200, 1]);
		});

		it("ends with the last row counted", async () => {
			const [live, local] = (await rows("$select=count(*)")).map(({ json }) => Number(json[0].count));
			const ends = (await Promise.all(
				[live!, local!].map((count, index) => rows(`$order=:id&$offset=${count - 2}`).then((both) => both[index])),
			)) as [Answer, Answer];
			same(ends, ({ json }) => json.length, 2);
		});
	});

	it("counts rows as a string in one row", async () => {
		each(await rows("$select=count(*)"), ({ status, json }, who) => {
			expect(status, who).to.equal(200);
			expect(json, who).to.be.an("array").with.length(1);
			expect(Object.keys(json[0]), who).to.deep.equal(["count"]);
			expect(json[0].count, who)
				.to.be.a("string")
				.that.matches(/^[1-9]\d*$/);
		});
	});

	describe("responds with a JSON error for", () => {
		const refused: [string, string, number][] = [
			["JSON rows of an unknown dataset", `/resource/${NO_DATASET}.json`, 404],
			["CSV rows of an unknown dataset", `/resource/${NO_DATASET}.csv`, 404],
			["metadata of an unknown dataset", `/api/views/${NO_DATASET}.json`, 404],
			["a limit that is not a number", `/resource/${DATASET}.json?$limit=all`, 400],
			["a negative offset", `/resource/${DATASET}.json?$offset=-1`, 400],
		];
		for (const [what, path, status] of refused)
			it(what, async () => {
				const answers = await ask(path);
				same(answers, (answer) => answer.status, status);
				same(answers, (answer) => mediaType(answer)?.split(";")[0], "application/json");
				each(answers, ({ json }, who) => {
					expect(json, who).to.include({ error: true });
					expect(json.code, `${who}: code`).to.be.a("string").and.not.equal("");
					expect(json.message, `${who}: message`).to.be.a("string").and.not.equal("");
				});
			});
	});

	describe("metadata", () => {
		const metadata = () => ask(`/api/views/${DATASET}.json`);

		it("has id, name and the update time of Last-Modified", async () => {
			const answers = await metadata();
			same(answers, ({ status }) => status, 200);
			same(answers, (answer) => mediaType(answer)?.split(";")[0], "application/json");
			same(answers, ({ json }) => json.id, DATASET);
			const pages = await rows("$limit=1");
			for (const who of [0, 1] as const) {
				const { name, rowsUpdatedAt } = answers[who].json;
				expect(name).to.be.a("string").and.not.equal("");
				// Seconds, not milliseconds: between 2010 and 2100.
				expect(rowsUpdatedAt).to.satisfy(Number.isSafeInteger).and.be.within(1_262_304_000, 4_102_444_800);
				const changed = Date.parse(pages[who].headers.get("last-modified")!) / 1000;
				expect(Math.abs(changed - rowsUpdatedAt), "seconds apart").to.be.below(24 * 3600);
			}
		});

		it("has the same names and types of the needed columns", async () => {
			const columns = ({ json }: Answer) =>
				(json.columns as Column[])
					.filter(({ fieldName }) => isNeeded(fieldName))
					.map(({ name, fieldName, dataTypeName }) => [fieldName, name, dataTypeName])
					.sort();
			const answers = await metadata();
			same(answers, columns);
			same(
				answers,
				(answer) => columns(answer).map(([fieldName, name]) => [fieldName, name]),
				needed.map(({ field, display }) => [field, display]).sort(),
			);
		});

		it("has the columns of the pages, besides computed ones", async () => {
			const [descriptions, pages] = [await metadata(), await rows("$limit=1")];
			const isOwn = (field: string) => field.startsWith(":");
			for (const who of [0, 1] as const) {
				const described = (descriptions[who].json.columns as Column[]).map(({ fieldName }) => String(fieldName));
				const given = fieldsOf(pages[who]);
				expect(described.filter((field) => !isOwn(field))).to.have.members(given.filter((field) => !isOwn(field)));
			}
		});
	});

	describe("SODA 3", () => {
		const post = (format: "csv" | "json", body: object) =>
			ask(`/api/v3/views/${DATASET}/query.${format}`, {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify(body),
			});
		const page = (pageNumber: number, pageSize: number) => ({
			query: "SELECT * ORDER BY :id",
			page: { pageNumber, pageSize },
			includeSynthetic: false,
		});

		before(function () {
			if (TOKEN) return;
			console.log("      SODA 3 requires an app token: set CONTRACT_APP_TOKEN to compare it.");
			this.skip();
		});

		it("counts rows in one row", async () => {
			each(await post("json", { query: "SELECT count(*)" }), ({ status, json }, who) => {
				expect(status, who).to.equal(200);
				expect(json, who).to.have.length(1);
				expect(Number(Object.values(json[0])[0]), who).to.satisfy(Number.isSafeInteger);
			});
		});

		it("numbers pages from 1, and leaves no gap", async () => {
			const [all, tail] = [await post("json", page(1, 6)), await post("json", page(2, 3))];
			for (const who of [0, 1] as const)
				expect(tail[who].json).to.have.length(3).and.deep.equal(all[who].json.slice(3));
			const both = await post("csv", page(2, 3));
			same(both, (answer) => [answer.status, csvLines(answer).length], [200, 4]);
			same(both, (answer) => mediaType(answer)?.split(";")[0], "text/csv");
		});
	});
});

/** A value's shape: types in place of values, except for GeoJSON's `type`. */
function shapeOf(value: unknown): string {
	if (value === null) return "null";
	if (Array.isArray(value)) return `[${value.map(shapeOf).join(",")}]`;
	if (typeof value !== "object") return typeof value;
	const entries = Object.entries(value).map(([key, part]) => {
		return `"${key}":${key === "type" ? JSON.stringify(part) : shapeOf(part)}`;
	});
	return `{${entries.join(",")}}`;
}
