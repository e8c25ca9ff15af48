/** The subnets' addresses: none overlaps another, in whatever network they are. */

import { expect } from "chai";
import { SUBNET_KINDS, subnetRanges } from "../../infra/subnet-ranges";
import { overlaps } from "../support/networks";

describe("the subnets' ranges", () => {
	const all = (cidr: string, zones: number) => SUBNET_KINDS.flatMap((kind) => subnetRanges(cidr, kind, zones));

	it("are apart, with room for a fourth kind and a fourth zone", () => {
		expect(all("10.20.0.0/16", 3)).to.deep.equal([
			"10.20.0.0/20",
			"10.20.16.0/20",
			"10.20.32.0/20",
			"10.20.64.0/20",
			"10.20.80.0/20",
			"10.20.96.0/20",
			"10.20.128.0/20",
			"10.20.144.0/20",
			"10.20.160.0/20",
		]);
		for (const cidr of ["10.20.0.0/16", "192.168.16.0/20", "172.16.32.0/19"])
			expect(overlaps(all(cidr, 3)), cidr).to.deep.equal([]);
	});

	it("are the same in two zones and in three", () => {
		for (const kind of SUBNET_KINDS)
			expect(subnetRanges("10.20.0.0/16", kind, 3).slice(0, 2)).to.deep.equal(subnetRanges("10.20.0.0/16", kind, 2));
	});

	it("have no room for a fourth zone", () => {
		expect(() => subnetRanges("10.20.0.0/16", "Private", 4)).to.throw("There is room for 3 zones, and not for 4.");
	});
});
