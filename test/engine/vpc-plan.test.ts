/** The stand-in for awsx plans what the real component was seen to register. */

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect } from "chai";
import type { Properties } from "../../local/program/record";
import { type PlannedResource, planVpc, referenceTo, type VpcArgs } from "./vpc-plan";

const DATA = resolve(__dirname, "../../../shared/data");
const ZONES = ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"];

interface Recorded {
	args: VpcArgs;
	children: { type: string; name: string; parentTypes: string[]; inputs: Properties }[];
}

/** A plan as recordings are written: sorted, and with the types of all that is above. */
function asRecorded(plan: PlannedResource[]): Recorded["children"] {
	const above = (resource: PlannedResource): string[] => {
		const parent = plan.find((other) => referenceTo(other) === resource.parent);
		return parent ? [...above(parent), parent.type] : ["awsx:ec2:Vpc"];
	};
	const children = plan.map((resource) => {
		const { type, name, inputs } = resource;
		return { type, name, parentTypes: above(resource), inputs };
	});
	const key = ({ type, name }: PlannedResource | Recorded["children"][number]) => `${type} ${name}`;
	return children.sort((one, other) => (key(one) < key(other) ? -1 : 1));
}

describe("the plan of awsx.ec2.Vpc", () => {
	for (const network of ["2-zones-single-nat", "3-zones-nat-each"])
		it(`equals what the real component registers: ${network}`, function () {
			const file = `${DATA}/awsx-vpc-${network}.json`;
			if (!existsSync(file)) {
				console.log("      (its recording is not on this machine, at ../shared/data)");
				this.skip();
			}
			const recorded = JSON.parse(readFileSync(file, "utf8")) as Recorded;
			expect(asRecorded(planVpc("network", recorded.args, ZONES))).to.deep.equal(recorded.children);
		});

	it("cuts a zone into equal parts by default", () => {
		const cidrs = (specs: VpcArgs["subnetSpecs"]) =>
			planVpc("ev", { ...args, subnetSpecs: specs }, ZONES)
				.filter(({ type }) => type === "aws:ec2/subnet:Subnet")
				.map(({ name, inputs }) => `${name} ${inputs.cidrBlock}`);
		const args: VpcArgs = {
			cidrBlock: "10.20.0.0/16",
			numberOfAvailabilityZones: 2,
			natGateways: { strategy: "None" },
			subnetStrategy: "Auto",
			subnetSpecs: [],
		};
		expect(cidrs([{ type: "Public" }, { type: "Private" }, { type: "Isolated" }])).to.deep.equal([
			"ev-public-1 10.20.0.0/19",
			"ev-private-1 10.20.32.0/19",
			"ev-isolated-1 10.20.64.0/19",
			"ev-public-2 10.20.128.0/19",
			"ev-private-2 10.20.160.0/19",
			"ev-isolated-2 10.20.192.0/19",
		]);
		expect(cidrs([{ type: "Isolated" }])).to.deep.equal(["ev-isolated-1 10.20.0.0/17", "ev-isolated-2 10.20.128.0/17"]);
	});
});
