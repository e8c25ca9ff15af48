/** The access host, through which people reach the database where the settings ask for it. */

import { expect } from "chai";
import { statementsOf } from "../support/policies";
import {
	DATABASE,
	EGRESS,
	ENDPOINT,
	GROUP,
	INGRESS,
	ROLE_POLICY,
	useProgram,
	VPC,
	WITH_OPTIONS,
} from "../support/use-program";

const HOST = "aws:ec2/instance:Instance";

describe("the access host", () => {
	const { record, one, all } = useProgram("dev", WITH_OPTIONS);
	const group = (name: string) => one(GROUP, name).id;
	const rulesOf = (type: string, name: string) =>
		all(type).filter(({ inputs }) => inputs.securityGroupId === group(name));

	it("runs in an isolated subnet", () => {
		expect(one(HOST).inputs).to.deep.include({
			subnetId: one(VPC).state.isolatedSubnetIds[0],
			vpcSecurityGroupIds: [group("access")],
		});
	});

	it("admits no connection", () => {
		expect(rulesOf(INGRESS, "access")).to.deep.equal([]);
	});

	it("connects only to Session Manager and the database", () => {
		const allowed = rulesOf(EGRESS, "access");
		expect(
			allowed.map(({ inputs }) => [inputs.referencedSecurityGroupId, inputs.fromPort, inputs.toPort]),
		).to.have.deep.members([
			[group("session"), 443, 443],
			[group("database"), 5432, 5432],
		]);
	});

	it("is all that Session Manager's endpoints admit", () => {
		for (const name of ["ssm", "ssmmessages"])
			expect(one(ENDPOINT, name).inputs).to.deep.include({
				securityGroupIds: [group("session")],
				privateDnsEnabled: true,
			});
		const admitted = rulesOf(INGRESS, "session").map(({ inputs }) => inputs.referencedSecurityGroupId);
		expect(admitted).to.deep.equal([group("access")]);
	});

	it("may do what the endpoints let through, and no more", () => {
		const actionsOf = (policy: string) => statementsOf(policy).flatMap(({ Action }) => Action);
		const allowed = actionsOf(one(ROLE_POLICY, "access").inputs.policy);
		expect(allowed).to.not.be.empty;
		for (const action of allowed) expect(action).to.match(/^ssm(messages)?:/);
		const through = ["ssm", "ssmmessages"].flatMap((name) => actionsOf(one(ENDPOINT, name).inputs.policy));
		expect(through).to.have.members(allowed);
	});

	it("is named in the command that opens a tunnel to the database", () => {
		const { tunnelCommand } = record().outputs;
		expect(tunnelCommand).to.include(`--target ${one(HOST).id} `);
		expect(JSON.parse(/'(.*)'/.exec(tunnelCommand)![1]!)).to.deep.equal({
			host: [one(DATABASE).state.address],
			portNumber: ["5432"],
			localPortNumber: ["5432"],
		});
	});
});
