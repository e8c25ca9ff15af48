/** What must exist before what, of all that awsx makes of the network; test/program/order.test.ts asks it of the rest. */

import { expect } from "chai";
import { find, type ProgramRecord, type RecordedResource } from "../../local/program/record";
import { engineRecordOf } from "./record";

/** By type and name, without `aws:`: what must exist before. */
const NEEDED: Record<string, string[]> = {
	"rds/instance:Instance ev": ["ec2/routeTableAssociation:RouteTableAssociation ev-isolated-1"],
	// The functions' routes to the source and to SNS.
	"scheduler/schedule:Schedule nightly": ["ec2/route:Route ev-private-1", "ec2/natGateway:NatGateway ev-1"],
};

describe("the order of a deployment, with the real engine", function () {
	this.timeout(300_000);
	let record: ProgramRecord;
	before(async () => {
		record = await engineRecordOf("dev");
	});

	for (const [resource, needed] of Object.entries(NEEDED))
		it(`creates ${resource.split(":")[1]} after the network's parts`, () => {
			const [type, name] = resource.split(" ");
			const earlier = neededBy(record, find(record, `aws:${type}`, name)).map(({ type, name }) => `${type} ${name}`);
			expect(earlier).to.include.members(needed.map((other) => `aws:${other}`));
		});
});

/** All that a resource waits for, directly or not. A component exists when all below it do. */
function neededBy(record: ProgramRecord, resource: RecordedResource, known = new Set<RecordedResource>()) {
	const isComponent = ({ id }: RecordedResource) => id === "";
	for (const other of record.resources) {
		const isNeeded =
			resource.dependsOn.includes(other.urn) || (isComponent(resource) && isBelow(record, other, resource));
		if (isNeeded && !known.has(other)) neededBy(record, other, known.add(other));
	}
	return [...known];
}

function isBelow(record: ProgramRecord, resource: RecordedResource, ancestor: RecordedResource): boolean {
	const parent = record.resources.find(({ urn }) => urn === resource.parent);
	return parent !== undefined && (parent === ancestor || isBelow(record, parent, ancestor));
}
