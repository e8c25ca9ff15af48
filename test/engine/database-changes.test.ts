/** A database that is upgraded and restored while the stack is up, with the real Pulumi engine. */

import { expect } from "chai";
import type { Step } from "./account";
import { configure } from "./project";
import { createStack, type EngineStack } from "./stack";

const INSTANCE = "aws:rds/instance:Instance";
const GROUP = "aws:rds/parameterGroup:ParameterGroup";
const INVOCATION = "aws:lambda/invocation:Invocation";

describe("a database that is changed, with the real engine", function () {
	this.timeout(300_000);
	let stack: EngineStack;

	before(async () => {
		stack = await createStack({ stack: "dev" });
		expect((await stack.run("up")).error).to.equal(undefined);
	});

	/** @returns what that did to the database and its group, and whether migrate ran, in the order in which it ended */
	const up = async (settings: Record<string, string>) => {
		configure(stack.project, "dev", settings);
		stack.account.steps.length = 0;
		const { error } = await stack.run("up");
		const told = ({ action, type, name }: Step) => `${action} ${type} ${name}`;
		const steps = stack.account.steps.filter(({ type }) => [INSTANCE, GROUP, INVOCATION].includes(type)).map(told);
		return { error, steps };
	};
	const database = () => [...stack.account.resources.values()].find(({ type }) => type === INSTANCE)!.inputs;

	it("gets a new major version with a parameter group of its own, by a setting", async () => {
		expect(await up({ databaseVersion: "19" })).to.deep.equal({
			error: undefined,
			steps: [`create ${GROUP} ev`, `update ${INSTANCE} ev`, `delete replaced ${GROUP} ev`],
		});
		expect(database()).to.include({ engineVersion: "19", identifier: "ev-registrations-dev" });
	});

	it("keeps its version, and says so before anything is changed", async () => {
		const { error, steps } = await up({ databaseVersion: "18" });
		expect(error).to.include(
			"The setting databaseVersion is 18, but the database has PostgreSQL 19, which RDS does not take back; set it with `pulumi config set databaseVersion 19`, or restore a snapshot from before the upgrade.",
		);
		expect(steps).to.deep.equal([]);
	});

	it("is restored beside the old one, which goes after migrate has run", async () => {
		const { error, steps } = await up({
			databaseVersion: "19",
			restoreFrom: "ev-registrations-dev@2026-11-20T03:00:00Z",
		});
		expect(error).to.equal(undefined);
		expect(steps).to.deep.equal([
			`create ${INSTANCE} ev`,
			`create ${INVOCATION} migrate`,
			`delete replaced ${INVOCATION} migrate`,
			`delete replaced ${INSTANCE} ev`,
		]);
		expect(database().identifier).to.match(/^ev-registrations-dev-[0-9a-f]{7}$/);
		expect(database().restoreToPointInTime).to.deep.equal({
			sourceDbInstanceIdentifier: "ev-registrations-dev",
			restoreTime: "2026-11-20T03:00:00Z",
		});
	});

	it("goes back to an earlier version by a snapshot from before it", async () => {
		const { error, steps } = await up({ databaseVersion: "18", restoreFrom: "ev-registrations-dev-before-19" });
		expect(error).to.equal(undefined);
		expect(steps).to.include.members([`create ${INSTANCE} ev`, `delete replaced ${INSTANCE} ev`]);
		expect(database()).to.include({ engineVersion: "18", snapshotIdentifier: "ev-registrations-dev-before-19" });
	});

	it("stays as it is at another up", async () => {
		expect(await up({})).to.deep.equal({ error: undefined, steps: [] });
	});
});
