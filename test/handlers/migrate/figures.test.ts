/** The figures that a BI tool finds in the database: views, their columns, and what each means. */

import { expect } from "chai";
import { getViewConfig } from "drizzle-orm/pg-core";
import { DESCRIPTIONS } from "../../../db/comments";
import { READERS } from "../../../db/roles";
import * as views from "../../../db/views";
import { type TestBed, type TestDatabase, testBed } from "../../support/bed";
import { dayOf, vehicle, vehicles } from "../../support/snapshots";

/** Tables, views and columns in order, each with its comment. */
const COMMENTS = `
	select relname as name, coalesce(attname, '') as column, col_description(pg_class.oid, coalesce(attnum, 0)) as comment
	from pg_class
		cross join lateral (
			select attname, attnum from pg_attribute where attrelid = pg_class.oid and attnum > 0 and not attisdropped
			union all
			select null, null
		) as attribute
	where relnamespace = 'ev'::regnamespace and relkind in ('r', 'v')
	order by relname, attnum nulls first`;

describe("figures in the database", () => {
	let bed: TestBed;
	let database: TestDatabase;
	const comments = () => database.query<{ name: string; column: string; comment: string | null }>(COMMENTS);

	before(async () => {
		bed = await testBed();
		database = await bed.newDatabase();
		await database.load({
			day: 0,
			pages: [[...vehicles(1, 4), vehicle(5, { county: "Clark", _2020_census_tract: "32003000100" })]],
		});
		await database.load({
			day: 30,
			pages: [
				[
					vehicle(1),
					vehicle(2, { county: "Pierce" }),
					vehicle(3, { ev_type: "Plug-in Hybrid Electric Vehicle (PHEV)", electric_range: "0" }),
					vehicle(5, { county: "Clark", state: "NV", _2020_census_tract: "32003000100" }),
					vehicle(6),
				],
			],
		});
	});

	it("describe every table, view and column, in the schema's words", async () => {
		for (const { name, column, comment } of await comments()) {
			const description = DESCRIPTIONS[name];
			const words = column ? description?.columns[column] : description?.about;
			expect(words, `${name}.${column}`).to.be.a("string");
			expect(comment, `${name}.${column}`).to.equal(words);
		}
	});

	it("describe nothing that is not there", async () => {
		const found = new Set((await comments()).map(({ name, column }) => `${name}.${column}`));
		const described = Object.entries(DESCRIPTIONS).flatMap(([name, { columns }]) =>
			["", ...Object.keys(columns)].map((column) => `${name}.${column}`),
		);
		expect(described.filter((name) => !found.has(name))).to.deep.equal([]);
	});

	it("keep their words through a replay", async () => {
		const before = await comments();
		await database.replay();
		expect(await comments()).to.deep.equal(before);
	});

	for (const reader of READERS)
		it(`can all be read by ${reader}`, async () => {
			const names = [...new Set((await comments()).map(({ name }) => name))];
			const allowed = await database.query<{ name: string }>(
				`select name from unnest('{${names}}'::text[]) as name where has_table_privilege('${reader}', 'ev.' || name, 'select')`,
			);
			expect(allowed.map(({ name }) => name)).to.deep.equal(names);
			expect(
				await database.query(
					`select has_function_privilege('${reader}', 'ev.vehicles_at(timestamptz)', 'execute') as may`,
				),
			).to.deep.equal([{ may: true }]);
		});

	it("have the columns that db/views.ts names, in order", async () => {
		const columns = await comments();
		for (const { name, selectedFields } of Object.values(views).map(getViewConfig))
			expect(Object.values(selectedFields).map((column) => (column as { name: string }).name)).to.deep.equal(
				columns.filter((found) => found.name === name && found.column).map(({ column }) => column),
			);
	});

	const figures = {
		counties: [
			{ state: "NV", county_fips: "32003", county: "Clark", vehicles: 1, bev: 1, bev_share: "1.0000", change: 1 },
			{ state: "WA", county_fips: "32003", county: "Clark", vehicles: 0, bev: 0, bev_share: null, change: -1 },
			{ state: "WA", county_fips: "53033", county: "King", vehicles: 3, bev: 2, bev_share: "0.6667", change: -1 },
			{ state: "WA", county_fips: "53033", county: "Pierce", vehicles: 1, bev: 1, bev_share: "1.0000", change: 1 },
		],
		makes: [{ make: "TESLA", vehicles: 5, bev: 4, bev_share: "0.8000", change: 0 }],
		models: [{ make: "TESLA", model: "MODEL Y", vehicles: 5, bev: 4, bev_share: "0.8000", change: 0 }],
		model_years: [{ model_year: 2020, vehicles: 5, bev: 4, bev_share: "0.8000", change: 0 }],
		cities: [
			{ state: "NV", city: "Seattle", vehicles: 1, bev: 1, bev_share: "1.0000" },
			{ state: "WA", city: "Seattle", vehicles: 4, bev: 3, bev_share: "0.7500" },
		],
		districts: [{ legislative_district: "37", vehicles: 5, bev: 4, bev_share: "0.8000" }],
		postal_codes: [
			{ state: "NV", postal_code: "98122", vehicles: 1, bev: 1, bev_share: "1.0000" },
			{ state: "WA", postal_code: "98122", vehicles: 4, bev: 3, bev_share: "0.7500" },
		],
		ranges: [
			{ model_year: 2020, vehicle_type: "BEV", known: 4, unknown: 0, median_miles: 291, max_miles: 291 },
			{ model_year: 2020, vehicle_type: "PHEV", known: 0, unknown: 1, median_miles: null, max_miles: null },
		],
		arrivals: [{ snapshot_at: dayOf(30), dol_vehicle_id: "6", returned: false }],
		departures: [{ snapshot_at: dayOf(30), dol_vehicle_id: "4" }],
		moves: [
			{
				snapshot_at: dayOf(30),
				dol_vehicle_id: "2",
				from_state: "WA",
				from_county: "King",
				to_state: "WA",
				to_county: "Pierce",
			},
		],
	};
	for (const [view, expected] of Object.entries(figures))
		it(`count in ev.${view}`, async () => {
			expect(await database.query(`select * from ev.${view} order by 1, 2`)).to.deep.equal(expected);
		});

	it("say what is unknown in ev.data_quality", async () => {
		const quality = await database.query("select * from ev.data_quality where unknown > 0 order by unknown");
		expect(quality).to.deep.equal([
			{ column_name: "electric_range_miles", unknown: 1, share: "0.2000", zero_means: "not researched" },
			{ column_name: "base_msrp_usd", unknown: 5, share: "1.0000", zero_means: "unknown" },
		]);
	});

	it("tell the vehicles of the very first snapshot", async () => {
		const since =
			"select array_agg(dol_vehicle_id order by 1) as ids from ev.current_vehicles where not in_first_snapshot";
		expect(await database.query(since)).to.deep.equal([{ ids: ["6"] }]);
	});

	it("follow a vehicle's state through its moves", async () => {
		const other = await bed.newDatabase();
		await other.load({ day: 0, pages: [[vehicle(1, { county: "Clark" }), vehicle(2)]] });
		await other.load({ day: 30, pages: [[vehicle(1, { county: "King" }), vehicle(2)]] });
		await other.load({ day: 60, pages: [[vehicle(1, { county: "Clark", state: "NV" }), vehicle(2)]] });
		const moves = await other.query(
			"select from_state, from_county, to_state, to_county from ev.moves order by snapshot_at",
		);
		expect(moves.map((move) => Object.values(move))).to.deep.equal([
			["WA", "Clark", "WA", "King"],
			["WA", "King", "NV", "Clark"],
		]);
	});
});
