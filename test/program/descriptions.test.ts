/** Descriptions in which AWS allows only some characters. */

import { expect } from "chai";
import { programOf } from "../support/program";
import { WITH_OPTIONS } from "../support/use-program";

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html and API_IpRange.html, without `&` */
const ALLOWED = /^[\w .\-:/()#,@[\]+=;{}!$*]{1,255}$/;

describe("descriptions of security groups and their rules", () => {
	it("contain only characters that EC2 allows", async function () {
		this.timeout(120_000);
		// With a bastion host, which adds two groups.
		const { resources } = await programOf("dev", WITH_OPTIONS);
		const described = resources.filter(({ type }) => /:(SecurityGroup|SecurityGroup(In|E)gressRule)$/.test(type));
		expect(described.map(({ name }) => name)).to.include.members(["outward", "session", "access-database"]);
		for (const { name, inputs } of described) expect(inputs.description, name).to.match(ALLOWED);
	});
});
