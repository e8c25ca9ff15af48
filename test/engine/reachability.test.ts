/** Whether what runs in the network reaches what it must, and nothing lets those that use the database out into the world. */

import { expect } from "chai";
import type { RecordOptions } from "../../local/program/record";
import { find, type ProgramRecord } from "../../local/program/record";
import { WITH_OPTIONS, WITHOUT_NAT } from "../support/use-program";
import {
	type Hop,
	hasRouteOut,
	type Resources,
	type Traveller,
	travellerOf,
	wayToDatabase,
	wayToInternet,
	wayToService,
} from "./reachability";
import { engineRecordOf } from "./record";

const FUNCTION = "aws:lambda/function:Function";
const INSTANCE = "aws:ec2/instance:Instance";

const STACKS: Record<string, [RecordOptions["stack"], Record<string, string>]> = {
	prod: ["prod", {}],
	"dev without NAT gateways": ["dev", WITHOUT_NAT],
	"dev with an access host": ["dev", WITH_OPTIONS],
};

/** Services that a function asks by itself; the others, Lambda and AWS's services ask on its behalf. */
const ASKED = /^(s3|secretsmanager|sns|ssm|ssmmessages):/;

type Way = (resources: Resources, from: Traveller) => Hop[];

/** What a role is allowed to ask of services, each a way that must be there. */
function waysToServices(record: ProgramRecord, role: string): Record<string, Way> {
	const { policy } = find(record, "aws:iam/rolePolicy:RolePolicy", role).inputs;
	const ways: Record<string, Way> = {};
	for (const { Action, Resource } of JSON.parse(policy).Statement)
		for (const action of [Action].flat().filter((name: string) => ASKED.test(name)))
			for (const resource of [Resource].flat())
				ways[`${action} on ${resource}`] = (resources, from) => wayToService(resources, from, action, resource);
	return ways;
}

for (const [title, about] of Object.entries(STACKS))
	describe(`the network of ${title}`, () => {
		let record: ProgramRecord;
		const travellers = () => [
			...["extract", "load", "export", "report", "notify", "migrate", "rotate"].map(
				(name) => [FUNCTION, name] as const,
			),
			...(record.resources.some(({ type }) => type === INSTANCE) ? [[INSTANCE, "access"] as const] : []),
		];
		const waysOf = (name: string): Record<string, Way> => ({
			...waysToServices(record, name),
			...(name === "extract" && { "the open-data API": wayToInternet }),
			...(/load|export|report|migrate|rotate|access/.test(name) && { "the database": wayToDatabase }),
		});

		before(async function () {
			this.timeout(300_000);
			record = await engineRecordOf(...about);
		});

		it("leads each function to all that its role may use", () => {
			for (const [type, name] of travellers()) {
				const ways = waysOf(name);
				expect(Object.keys(ways), name).to.not.deep.equal([]);
				const from = travellerOf(record.resources, type, name);
				for (const [to, way] of Object.entries(ways))
					expect(() => way(record.resources, from), `${name} to ${to}`).to.not.throw();
			}
		});

		it("leads there by nothing to spare: each part is needed", () => {
			for (const [type, name] of travellers())
				for (const [to, way] of Object.entries(waysOf(name))) {
					const from = travellerOf(record.resources, type, name);
					const hops = way(record.resources, from);
					expect(hops.length === 0, `${name} to ${to}`).to.equal(from.subnetIds.length === 0);
					for (const { what, takenFrom } of hops)
						expect(() => way(takenFrom(record.resources), from), `${name} to ${to} without ${what}`).to.throw();
				}
		});

		it("has no way out for what uses the database, and for the host", () => {
			for (const [type, name] of travellers().filter(([, name]) => !/extract|notify/.test(name))) {
				const from = travellerOf(record.resources, type, name);
				expect(from.subnetIds, name).to.not.deep.equal([]);
				expect(hasRouteOut(record.resources, from), name).to.equal(false);
				expect(() => wayToInternet(record.resources, from), name).to.throw("rule that lets");
			}
		});
	});
