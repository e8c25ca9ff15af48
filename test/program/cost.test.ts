/** The cost table in docs/cost.md: that its arithmetic is right, and counts what is declared. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { find, type ProgramRecord } from "../../local/program/record";
import { programOf } from "../support/program";
import { WITH_OPTIONS, WITHOUT_NAT } from "../support/use-program";

/** As AWS's own calculator reckons. https://calculator.aws */
const HOURS = 730;

const count = (record: ProgramRecord, type: string) => record.resources.filter((other) => other.type === type).length;
const database = (record: ProgramRecord) => find(record, "aws:rds/instance:Instance").inputs;
/** A standby costs as much as what it stands by. */
const twins = (record: ProgramRecord) => (database(record).multiAz ? 2 : 1);
const ofClass = (name: string) => (record: ProgramRecord) =>
	database(record).instanceClass === name ? twins(record) : 0;

/** What each row of the table multiplies: a price by the month, and how many a stack has. Prices stand in the row's text. */
const ROWS: Record<string, { price: (inText: number[]) => number; quantity: (record: ProgramRecord) => number }> = {
	"NAT gateway": {
		price: ([gateway, address]) => (gateway! + address!) * HOURS,
		quantity(record) {
			const { natGateways, numberOfAvailabilityZones } = find(record, "awsx:ec2:Vpc").inputs;
			return { None: 0, Single: 1, OnePerAz: numberOfAvailabilityZones as number }[natGateways.strategy as "None"];
		},
	},
	"`db.t4g.micro`": { price: ([hour]) => hour! * HOURS, quantity: ofClass("db.t4g.micro") },
	"`db.t4g.small`": { price: ([hour]) => hour! * HOURS, quantity: ofClass("db.t4g.small") },
	"database storage": {
		price: ([gb]) => gb!,
		quantity: (record) => database(record).allocatedStorage * twins(record),
	},
	"interface endpoint": {
		price: ([hour]) => hour! * HOURS,
		quantity: ({ resources }) =>
			resources
				.filter(({ inputs }) => inputs.vpcEndpointType === "Interface")
				.reduce((zones, { inputs }) => zones + inputs.subnetIds.length, 0),
	},
	"access host": {
		price: ([hour, gb]) => hour! * HOURS + 8 * gb!,
		quantity: (record) => count(record, "aws:ec2/instance:Instance"),
	},
	// RDS keeps one more, the master user's.
	secret: { price: ([each]) => each!, quantity: (record) => count(record, "aws:secretsmanager/secret:Secret") + 1 },
	key: { price: ([each]) => each!, quantity: (record) => count(record, "aws:kms/key:Key") },
	alarm: { price: ([each]) => each!, quantity: (record) => count(record, "aws:cloudwatch/metricAlarm:MetricAlarm") },
	dashboard: { price: ([each]) => each!, quantity: (record) => count(record, "aws:cloudwatch/dashboard:Dashboard") },
};

describe("the cost table in docs/cost.md", () => {
	const page = readFileSync(join(__dirname, "../..", "docs/cost.md"), "utf8");
	const table = /\| US dollars a month \|.*?\n\n/s.exec(page)![0];
	const rows = table
		.trim()
		.split("\n")
		.slice(2)
		.map((line) =>
			line
				.split("|")
				.slice(1, -1)
				.map((cell) => cell.trim()),
		);
	let columns: ((quantity: (record: ProgramRecord) => number) => number)[];

	before(async function () {
		this.timeout(300_000);
		const dev = await programOf("dev");
		const of = async (...about: Parameters<typeof programOf>) => {
			const record = await programOf(...about);
			return (quantity: (record: ProgramRecord) => number) => quantity(record);
		};
		const access = await programOf("dev", WITH_OPTIONS);
		columns = [
			await of("dev"),
			await of("dev", WITHOUT_NAT),
			await of("prod"),
			(quantity) => quantity(access) - quantity(dev),
		];
	});

	it("lists what each stack pays for by the month", () => {
		expect(rows.slice(0, -1).map(([text]) => text!.replace(/, .*| \(.*/, ""))).to.deep.equal(Object.keys(ROWS));
		for (const [text, ...cells] of rows.slice(0, -1)) {
			const { price, quantity } = ROWS[text!.replace(/, .*| \(.*/, "")]!;
			const each = price([...text!.matchAll(/\b\d+\.\d+\b/g)].map(Number));
			const written = columns.map((of) => {
				const many = of(quantity);
				return many === 0 ? "–" : many === 1 ? each.toFixed(2) : `${many} × ${Number(each.toFixed(3))}`;
			});
			expect(cells, text).to.deep.equal(written);
		}
	});

	it("adds up its rows", () => {
		const sum = (column: number) =>
			rows.slice(0, -1).reduce((total, cells) => {
				const [many, each] = /^(?:(\d+) × )?([\d.]+)$/.exec(cells[column]!)?.slice(1) ?? [0, 0];
				return total + Number(many ?? 1) * Number(each);
			}, 0);
		const [, ...totals] = rows.at(-1)!;
		expect(totals).to.deep.equal([1, 2, 3, 4].map((column) => `**${sum(column).toFixed(0)}**`));
	});
});
