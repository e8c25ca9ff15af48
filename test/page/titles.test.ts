/** Each kind of title that a section can have, from registers that call for it. */

import { expect } from "chai";
import type { Measure } from "../../page/choice";
import type { SectionId } from "../../page/finding";
import { findingsOf } from "../../page/findings";
import { delta } from "../../page/findings/growth";
import type { View } from "../../page/view";
import { type Fleet, snapshotOf, viewOfSnapshots } from "../support/figures";

const CLARK = { county: "Clark", _2020_census_tract: "53011042700" };
const PIERCE = { county: "Pierce", _2020_census_tract: "53053061100" };
const HYBRID = { ev_type: "Plug-in Hybrid Electric Vehicle (PHEV)", electric_range: "21" };
const NISSAN = { make: "NISSAN", model: "LEAF" };

/** A register at several snapshots, three months apart. */
const quarterly = (...registers: Fleet[][]) => registers.map((fleets, index) => snapshotOf(index * 91, ...fleets));

function titleOf(view: View, section: SectionId, measure: Measure = "growth"): string {
	const finding = findingsOf(view, measure).find(([id]) => id === section);
	return finding![1].title.replaceAll("\u00a0", " ");
}

interface Case {
	title: string;
	section: SectionId;
	registers: Fleet[][];
	choice?: { county?: string; make?: string };
	measure?: Measure;
}

const CASES: Case[] = [
	// Growth
	{ title: "One snapshot so far", section: "growth", registers: [[[1, 100]]] },
	{ title: "Up 20.0% in three months", section: "growth", registers: [[[1, 100]], [[1, 120]]] },
	{ title: "Up 300.0% in three months, by 100 a month", section: "growth", registers: [[[1, 100]], [[1, 400]]] },
	{
		title: "Up 300.0% in six months, lately by 67 a month",
		section: "growth",
		registers: [[[1, 100]], [[1, 200]], [[1, 400]]],
	},
	{ title: "Up 50.0% in six months", section: "growth", registers: [[[1, 100]], [[1, 200]], [[1, 150]]] },
	{ title: "Down 20.0% in three months", section: "growth", registers: [[[1, 100]], [[1, 80]]] },
	{ title: "Little changed in three months", section: "growth", registers: [[[1, 400]], [[1, 401]]] },
	{ title: "From 12 to 14 in three months", section: "growth", registers: [[[1, 12]], [[1, 14]]] },
	{ title: "Still 3 after three months", section: "growth", registers: [[[1, 3]], [[1, 3]]] },
	{
		title: "From none to 5 in three months",
		section: "growth",
		registers: [
			[[1, 60]],
			[
				[1, 60],
				[61, 65, NISSAN],
			],
		],
		choice: { make: "NISSAN" },
	},
	// The map: growth
	{
		title: "King County has about two thirds of the vehicles, but the rest of the state grew faster",
		section: "where",
		registers: [
			[
				[1, 120],
				[201, 250, CLARK],
			],
			[
				[1, 130],
				[201, 265, CLARK],
			],
		],
	},
	{
		title: "King County has about three quarters of the vehicles, and grew faster than the rest",
		section: "where",
		registers: [
			[
				[1, 120],
				[201, 250, CLARK],
			],
			[
				[1, 180],
				[201, 260, CLARK],
			],
		],
	},
	{
		title: "King County has about two thirds of the vehicles, and grew as fast as the rest",
		section: "where",
		registers: [
			[
				[1, 100],
				[201, 250, CLARK],
			],
			[
				[1, 120],
				[201, 260, CLARK],
			],
		],
	},
	{
		title: "King County has 54.5% of the vehicles, and shrank most",
		section: "where",
		registers: [
			[
				[1, 80],
				[201, 252, CLARK],
			],
			[
				[1, 60],
				[201, 250, CLARK],
			],
		],
	},
	{
		title: "King County has 54.5% of the vehicles, but shrank while the rest did not",
		section: "where",
		registers: [
			[
				[1, 80],
				[201, 250, CLARK],
			],
			[
				[1, 60],
				[201, 250, CLARK],
			],
		],
	},
	{
		title: "King County has about two thirds of the vehicles, and grew while the rest shrank",
		section: "where",
		registers: [
			[
				[1, 100],
				[201, 260, CLARK],
			],
			[
				[1, 110],
				[201, 255, CLARK],
			],
		],
	},
	{
		title: "Most are in King County: 20 of 30",
		section: "where",
		registers: [
			[
				[1, 20],
				[21, 30, CLARK],
			],
		],
	},
	{
		title: "Clark County grew 20.0%, the highest of 2 counties",
		section: "where",
		registers: [
			[
				[1, 100],
				[201, 250, CLARK],
			],
			[
				[1, 100],
				[201, 260, CLARK],
			],
		],
		choice: { county: "Clark" },
	},
	{
		title: "Clark County shrank 20.0%, the lowest of 2 counties",
		section: "where",
		registers: [
			[
				[1, 100],
				[201, 250, CLARK],
			],
			[
				[1, 100],
				[201, 240, CLARK],
			],
		],
		choice: { county: "Clark" },
	},
	{
		title: "Clark County hardly changed, 2nd of 3 counties",
		section: "where",
		registers: [
			[
				[1, 100],
				[201, 250, CLARK],
				[301, 360, PIERCE],
			],
			[
				[1, 110],
				[201, 250, CLARK],
				[301, 350, PIERCE],
			],
		],
		choice: { county: "Clark" },
	},
	{
		title: "Clark County has 3 vehicles, too few for a growth rate",
		section: "where",
		registers: [
			[
				[1, 100],
				[201, 203, CLARK],
			],
			[
				[1, 100],
				[201, 203, CLARK],
			],
		],
		choice: { county: "Clark" },
	},
	{
		title: "There are no Nissan vehicles in Clark County",
		section: "where",
		registers: [
			[
				[1, 100],
				[101, 103, CLARK],
				[104, 110, NISSAN],
			],
		],
		choice: { county: "Clark", make: "NISSAN" },
	},
	// The map: vehicles and shares
	{
		title: "King County has about two thirds of the vehicles",
		section: "where",
		measure: "vehicles",
		registers: [
			[
				[1, 100],
				[201, 250, CLARK],
			],
		],
	},
	{
		title: "Battery share: from 50.0% in Clark County to 100.0% in King",
		section: "where",
		measure: "battery",
		registers: [
			[
				[1, 100],
				[201, 250, CLARK],
				[301, 350, { ...CLARK, ...HYBRID }],
			],
		],
	},
	{ title: "All vehicles run on a battery alone", section: "where", measure: "battery", registers: [[[1, 100]]] },
	{
		title: "No vehicles run on a battery alone",
		section: "where",
		measure: "battery",
		registers: [[[1, 100, HYBRID]]],
	},
	{
		title: "Too few vehicles to compare counties",
		section: "where",
		measure: "battery",
		registers: [
			[
				[1, 60],
				[61, 65, { ...CLARK, ...HYBRID }],
			],
		],
	},
	{
		title: "Tesla share in Clark County: 50.0%, the lowest of 2 counties",
		section: "where",
		measure: "share",
		registers: [
			[
				[1, 100],
				[201, 250, CLARK],
				[301, 350, { ...CLARK, ...NISSAN }],
			],
		],
		choice: { county: "Clark" },
	},
	// Cars
	{ title: "All are of one model: Tesla Model Y", section: "cars", registers: [[[1, 60]]] },
	{
		title: "Most common: Tesla Model Y, 2 of 3",
		section: "cars",
		registers: [
			[
				[1, 2],
				[3, 3, NISSAN],
			],
		],
	},
	{ title: "About one in five is a Tesla Model Y", section: "cars", registers: [fleetOf(20, 17, 17, 17, 15, 14)] },
	{ title: "The Tesla Model Y makes up almost half", section: "cars", registers: [fleetOf(48, 30, 22)] },
	{ title: "The Tesla Model Y makes up about two thirds", section: "cars", registers: [fleetOf(66, 34)] },
	{ title: "The Tesla Model Y leads with 40.0%", section: "cars", registers: [fleetOf(40, 35, 25)] },
	// Shares
	{
		title: "Tesla’s share fell from 80.0% to 66.7%, though its fleet grew by 20",
		section: "shares",
		registers: [
			[
				[1, 80],
				[201, 220, NISSAN],
			],
			[
				[1, 100],
				[201, 250, NISSAN],
			],
		],
	},
	{
		title: "Tesla’s share rose from 50.0% to 66.7%",
		section: "shares",
		registers: [
			[
				[1, 50],
				[201, 250, NISSAN],
			],
			[
				[1, 100],
				[201, 250, NISSAN],
			],
		],
	},
	{
		title: "Nissan’s share rose from 20.0% to 25.0%, though its fleet shrank by 5",
		section: "shares",
		registers: [
			[
				[1, 80],
				[201, 220, NISSAN],
			],
			[
				[1, 45],
				[201, 215, NISSAN],
			],
		],
		choice: { make: "NISSAN" },
	},
	{ title: "Tesla’s share held at 100.0%", section: "shares", registers: [[[1, 80]], [[1, 90]]] },
	{ title: "Too few vehicles for shares", section: "shares", registers: [[[1, 8]], [[1, 9]]] },
	{
		title: "Tesla has 80.0%, next is Nissan with 20.0%",
		section: "shares",
		registers: [
			[
				[1, 80],
				[201, 220, NISSAN],
			],
		],
	},
	{ title: "All are from Tesla", section: "shares", registers: [[[1, 80]]] },
	// Model years
	{
		title: "60% are model year 2022 or newer",
		section: "years",
		registers: [
			[
				[1, 40],
				[41, 80, { model_year: "2022" }],
				[81, 100, { model_year: "2023" }],
			],
		],
	},
	{
		title: "60% are of the newest model year, 2023",
		section: "years",
		registers: [
			[
				[1, 40],
				[41, 100, { model_year: "2023" }],
			],
		],
	},
	{ title: "All are of model year 2020", section: "years", registers: [[[1, 60]]] },
	{ title: "Of model year 2020", section: "years", registers: [[[1, 6]]] },
	{
		title: "Of model years 2014 to 2020",
		section: "years",
		registers: [
			[
				[1, 6],
				[7, 8, { model_year: "2014" }],
			],
		],
	},
	// Arrivals and departures
	{ title: "For each vehicle that left, 2.0 arrived", section: "flows", registers: [[[1, 100]], [[51, 200]]] },
	{ title: "Almost as many left as arrived", section: "flows", registers: [[[1, 200]], [[101, 302]]] },
	{ title: "Slightly more left than arrived", section: "flows", registers: [[[1, 200]], [[101, 298]]] },
	{ title: "As many left as arrived", section: "flows", registers: [[[1, 200]], [[101, 300]]] },
	{ title: "More left than arrived: 2.0 for each arrival", section: "flows", registers: [[[1, 200]], [[101, 250]]] },
	{ title: "50 vehicles arrived, none left", section: "flows", registers: [[[1, 100]], [[1, 150]]] },
	{ title: "50 vehicles left, none arrived", section: "flows", registers: [[[1, 150]], [[1, 100]]] },
	{ title: "3 vehicles arrived, 1 left", section: "flows", registers: [[[1, 10]], [[2, 13]]] },
	{ title: "Nothing arrived or left", section: "flows", registers: [[[1, 10]], [[1, 10]]] },
	// Ranges
	{ title: "Half of the 2020 cars go 291 miles or more", section: "ranges", registers: [[[1, 60]]] },
	{
		title: "Half of the 2020 cars go 291 miles or more, up from 73 in 2011",
		section: "ranges",
		registers: [
			[
				[1, 60],
				[61, 120, { model_year: "2011", electric_range: "73" }],
			],
		],
	},
	{
		title: "Half of the 2021 cars go 200 miles or more, down from 291 in 2020",
		section: "ranges",
		registers: [
			[
				[1, 60],
				[61, 120, { model_year: "2021", electric_range: "200" }],
			],
		],
	},
	{
		title: "Half of the 2021 cars go 291 miles or more, as in 2020",
		section: "ranges",
		registers: [
			[
				[1, 60],
				[61, 120, { model_year: "2021" }],
			],
		],
	},
	{
		title: "Half of the 2021 cars go 293 miles or more, hardly changed from 291 in 2020",
		section: "ranges",
		registers: [
			[
				[1, 60],
				[61, 120, { model_year: "2021", electric_range: "293" }],
			],
		],
	},
	{ title: "Too few ranges are known", section: "ranges", registers: [[[1, 6]]] },
	{ title: "No range is known", section: "ranges", registers: [[[1, 60, { electric_range: "0" }]]] },
	{ title: "There are no battery vehicles", section: "ranges", registers: [[[1, 60, HYBRID]]] },
];

/** Models of these numbers of vehicles, the first a Tesla Model Y. */
function fleetOf(...counts: number[]): Fleet[] {
	return counts.map((count, index): Fleet => {
		const [from, to] = [index * 1000 + 1, index * 1000 + count];
		return index === 0 ? [from, to] : [from, to, { make: "KIA", model: `EV${index}` }];
	});
}

describe("the page's titles", () => {
	for (const { title, section, registers, choice, measure } of CASES)
		it(`say “${title}”`, () => {
			expect(titleOf(viewOfSnapshots(quarterly(...registers), choice), section, measure)).to.equal(title);
		});

	it("compare the latest snapshot with the one before", () => {
		const deltaOf = (...registers: Fleet[][]) =>
			delta(viewOfSnapshots(quarterly(...registers)))?.text.replaceAll("\u00a0", " ");
		expect(deltaOf([[1, 100]], [[1, 120]])).to.equal("20 more (+20.0%) than on January 1");
		expect(deltaOf([[1, 100]], [[1, 80]])).to.equal("20 fewer (−20.0%) than on January 1");
		expect(deltaOf([[1, 10]], [[1, 12]])).to.equal("2 more than on January 1");
		expect(deltaOf([[1, 10]], [[11, 20]])).to.equal("As many as on January 1");
		expect(deltaOf([[1, 10]])).to.equal(undefined);
	});
});
