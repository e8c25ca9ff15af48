/** Roles and policies: who may act, for whom, and on what. test/pipeline/iam.test.ts proves that no run needs less. */

import { expect } from "chai";
import { listed } from "../../local/aws/policies";
import { statementsOf } from "../support/policies";
import { FUNCTION_NAMES, KEY, nameOf, ROLE, ROLE_POLICY, useProgram } from "../support/use-program";

/** A resource by its whole ARN, or one of these: objects, streams and versions of one thing, all of EC2's. */
const NAMED =
	/^\*$|^arn:aws:[a-z0-9]+:[a-z0-9-]*:\d*:[^*]+(\/(raw|site)\/\*|:\*)?$|^arn:aws:ec2:[a-z0-9-]*:\d*:\*\/\*$/;

describe("the roles", () => {
	const { record, one, all } = useProgram("dev");

	it("allow no action and no resource by a wildcard", () => {
		for (const { name, inputs } of all(ROLE_POLICY))
			for (const { Effect, Action, Resource } of statementsOf(inputs.policy)) {
				expect(Effect, name).to.equal("Allow");
				for (const action of listed(Action))
					expect(action, name).to.match(/^[a-z0-9]+:[A-Z][A-Za-z]+$|^kms:GenerateDataKey\*$/);
				for (const resource of listed(Resource)) expect(resource, name).to.match(NAMED);
			}
	});

	it("have one policy each", () => {
		const attached = all(ROLE_POLICY).map(({ name, inputs }) => [name, inputs.role]);
		expect(attached).to.have.deep.members(all(ROLE).map(({ name, id }) => [name, id]));
	});

	it("trust one service each", () => {
		const trusted = all(ROLE).map(({ name, inputs }) => {
			const [statement, ...more] = statementsOf(inputs.assumeRolePolicy);
			expect(more, name).to.deep.equal([]);
			expect(statement).to.include({ Effect: "Allow", Action: "sts:AssumeRole" });
			return [name, statement!.Principal];
		});
		const service = (name: string) => ({ Service: `${name}.amazonaws.com` });
		expect(Object.fromEntries(trusted)).to.deep.equal({
			...Object.fromEntries(FUNCTION_NAMES.map((name) => [name, service("lambda")])),
			workflow: service("states"),
			network: service("vpc-flow-logs"),
			monitoring: service("monitoring.rds"),
			schedule: service("scheduler"),
		});
	});

	it("are the only ones with permissions, besides five resource policies", () => {
		const allowing = record().resources.filter(
			({ inputs }) =>
				typeof inputs.policy === "string" && statementsOf(inputs.policy).some(({ Effect }) => Effect === "Allow"),
		);
		expect(allowing.filter(({ type }) => type !== ROLE_POLICY).map(nameOf)).to.have.members([
			"aws:kms/key:Key ev",
			"aws:s3/bucketPolicy:BucketPolicy access-log",
			"aws:sns/topicPolicy:TopicPolicy runs",
			"aws:sqs/queuePolicy:QueuePolicy undelivered",
			"aws:ec2/vpcEndpoint:VpcEndpoint s3",
			"aws:ec2/vpcEndpoint:VpcEndpoint secrets",
		]);
	});

	it("share the key with the account and the services that need it", () => {
		const principals = statementsOf(one(KEY).inputs.policy).map(({ Principal }) => Principal);
		expect(principals).to.deep.equal([
			{ AWS: "arn:aws:iam::000000000000:root" },
			{ Service: "logs.ap-northeast-1.amazonaws.com" },
			{ Service: "events.amazonaws.com" },
			{ Service: "cloudwatch.amazonaws.com" },
		]);
	});
});
