/** The life of a stack dev, with the real Pulumi engine: one promise after the other, on one stack. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Client } from "pg";
import { ROLES } from "../../db/roles";
import { type Aws, startAws } from "../../local/aws/services";
import { clientConfig, type Postgres, removePostgres, startPostgres } from "../../local/machine/postgres";
import { find, type ProgramRecord } from "../../local/program/record";
import { localFolder } from "../support/local";
import type { Step } from "./account";
import { addMigration, configure, edit } from "./project";
import { recordOf } from "./record";
import { createStack, type EngineStack } from "./stack";

const FUNCTION = "aws:lambda/function:Function";
const INVOCATION = "aws:lambda/invocation:Invocation";
const MACHINE = "aws:sfn/stateMachine:StateMachine";
const SCHEDULE = "aws:scheduler/schedule:Schedule";
const SECRET = "aws:secretsmanager/secret:Secret";

const APP_TOKEN = "the-app-token-of-an-operator";

describe("a stack dev, with the real engine", function () {
	this.timeout(300_000);
	const directory = mkdtempSync(join(tmpdir(), "ev-registrations-engine-test-"));
	let postgres: Postgres;
	let aws: Aws;
	let stack: EngineStack;
	let record: ProgramRecord;
	/** The one that fails at first. */
	let migration: string;

	before(async () => {
		[postgres, aws] = await Promise.all([
			startPostgres(join(directory, "postgres"), { fsync: "off", shared_buffers: "64MB" }),
			startAws(join(directory, "aws")),
		]);
		const parts = { postgres, aws, sourceUrl: "http://localhost:1", onLine: () => {} };
		stack = await createStack({ stack: "dev", parts });
	});
	after(async () => {
		await Promise.all([postgres?.stop(), aws?.stop()]);
		removePostgres(join(directory, "postgres"));
		rmSync(directory, { recursive: true, force: true });
	});

	/** Brings the stack up, which nothing is to warn of. @returns what that did, in the order in which it began */
	const up = async (): Promise<Step[]> => {
		const { error, diagnostics, steps } = await attempt();
		expect(error).to.equal(undefined);
		expect(diagnostics).to.deep.equal([]);
		return steps;
	};
	const attempt = async () => {
		stack.account.steps.length = 0;
		const outcome = await stack.run("up");
		return { ...outcome, steps: stack.account.steps.toSorted((one, other) => one.startedAt - other.startedAt) };
	};
	const told = (steps: Step[]) => steps.map(({ action, type, name }) => `${action} ${type} ${name}`);
	const held = (type: string, name?: string) =>
		find({ resources: [...stack.account.resources.values()] } as ProgramRecord, type, name);
	const definition = () => held(MACHINE).inputs.definition as string;
	const versionOf = (name: string) => /^.*:function:.+:(\d+)$/.exec(held(FUNCTION, name).state.qualifiedArn)![1];

	it("previews with everything unknown, without a warning", async () => {
		const { error, changes, diagnostics } = await stack.run("preview");
		expect(error).to.equal(undefined);
		expect(diagnostics).to.deep.equal([]);
		expect(Object.keys(changes)).to.deep.equal(["create"]);
		expect(changes.create).to.be.above(100);
		expect(stack.account.steps).to.deep.equal([]);
	});

	it("creates each resource once, and runs migrate", async () => {
		const steps = await up();
		record = await recordOf(stack);
		const custom = record.resources.filter(({ id }) => id !== "");
		expect(told(steps)).to.have.members(custom.map(({ type, name }) => `create ${type} ${name}`));
		expect(JSON.parse(held(INVOCATION).state.result).newPasswords).to.have.members(ROLES);
		expect(await query("select count(*)::int as n from ev.vehicles")).to.deep.equal([{ n: 0 }]);
	});

	it("is asked to name each resource after the project and the stack", () => {
		const proposed = [...stack.account.proposed.values()];
		expect(proposed).to.not.be.empty;
		for (const name of proposed) expect(name).to.match(/^ev-registrations-dev-[a-z0-9-]+-[0-9a-f]{7}$/);
	});

	it("creates nothing before all that it depends on", () => {
		const step = (urn: string) => {
			const { type, name } = record.resources.find((resource) => resource.urn === urn)!;
			return stack.account.steps.find((one) => one.type === type && one.name === name);
		};
		let waits = 0;
		for (const { urn, dependsOn } of record.resources)
			for (const needed of dependsOn) {
				const [earlier, later] = [step(needed), step(urn)];
				if (!earlier || !later) continue;
				waits++;
				expect(earlier.endedAt, `${needed} before ${urn}`).to.be.at.most(later.startedAt);
			}
		expect(waits).to.be.above(200);
	});

	it("gives the provider its region and default tags", () => {
		const { region, defaultTags } = stack.account.settings;
		expect(region).to.equal("ap-northeast-1");
		expect(JSON.parse(defaultTags)).to.deep.equal({ tags: { project: "ev-registrations", stack: "dev" } });
	});

	it("changes nothing at a second up", async () => {
		const { changes } = await attemptUnchanged();
		expect(Object.keys(changes)).to.deep.equal(["same"]);
	});

	it("declares to the provider what loads the sample locally", async () => {
		const folder = localFolder();
		try {
			const { status, results, stderr } = await folder.run("--json", "--record", record.directory);
			expect(status, stderr).to.equal(0);
			expect(results).to.have.length(1);
			expect(results[0]).to.include({ status: "loaded" });
			expect(results[0]!.rows).to.be.above(20_000);
		} finally {
			folder.remove();
		}
	});

	it("updates only the function whose handler changed, and the workflow", async () => {
		edit(stack.project, "handlers/notify.ts", (text) => text.replace(": nothing new", ": nothing is new"));
		expect(told(await up())).to.deep.equal([`update ${FUNCTION} notify`, `update ${MACHINE} workflow`]);
		expect(versionOf("notify")).to.equal("2");
		expect(definition()).to.include(held(FUNCTION, "notify").state.qualifiedArn);
		for (const name of ["extract", "load"]) expect(versionOf(name), name).to.equal("1");
	});

	it("applies a new migration before the workflow calls new code", async () => {
		addMigration(stack.project, "adds_a_table", "create table ev.added (id int);");
		edit(stack.project, "handlers/load.ts", (text) => text.replace('"committing"', '"committing it"'));
		const steps = await up();
		expect(told(steps)).to.have.members([
			`update ${FUNCTION} migrate`,
			`update ${FUNCTION} load`,
			`create ${INVOCATION} migrate`,
			`delete replaced ${INVOCATION} migrate`,
			`update ${MACHINE} workflow`,
		]);
		const step = (action: string, type: string, name: string) =>
			steps.find((one) => one.action === action && one.type === type && one.name === name)!;
		const invoked = step("create", INVOCATION, "migrate");
		expect(step("update", FUNCTION, "migrate").endedAt).to.be.at.most(invoked.startedAt);
		expect(invoked.endedAt).to.be.at.most(step("update", MACHINE, "workflow").startedAt);
		expect(definition()).to.include(held(FUNCTION, "load").state.qualifiedArn);
		expect(JSON.parse(held(INVOCATION).state.result)).to.deep.equal({ applied: 1, newPasswords: [] });
		expect(await query("select count(*)::int as n from ev.added")).to.deep.equal([{ n: 0 }]);
	});

	it("keeps workflow and schedule when a migration fails", async () => {
		const guarded = () => [held(SCHEDULE, "nightly").inputs, held(MACHINE).inputs];
		const before = structuredClone(guarded());
		migration = addMigration(stack.project, "fails_at_first", "alter table ev.missing add column why text;");
		edit(stack.project, "handlers/load.ts", (text) => text.replace('"committing it"', '"committing all"'));
		configure(stack.project, "dev", { schedule: "rate(1 day)" });
		const { error, steps } = await attempt();
		expect(error).to.include("MigrationFailed").and.include('relation \\"ev.missing\\" does not exist');
		expect(told(steps)).to.have.members([`update ${FUNCTION} migrate`, `update ${FUNCTION} load`]);
		expect(guarded()).to.deep.equal(before);
	});

	it("recovers once the migration is right", async () => {
		edit(stack.project, migration, () => "alter table ev.added add column why text;");
		expect(told(await up())).to.have.members([
			`update ${FUNCTION} migrate`,
			`create ${INVOCATION} migrate`,
			`delete replaced ${INVOCATION} migrate`,
			`update ${MACHINE} workflow`,
			`update ${SCHEDULE} nightly`,
		]);
		expect(held(SCHEDULE, "nightly").inputs.scheduleExpression).to.equal("rate(1 day)");
		expect(definition()).to.include(held(FUNCTION, "load").state.qualifiedArn);
		expect(await query("select why from ev.added")).to.deep.equal([]);
	});

	it("holds no password and no token in its state", async () => {
		aws.secrets.put(held(SECRET, "source").id, { appToken: APP_TOKEN });
		await attemptUnchanged();
		const { deployment } = await stack.run("export");
		const state = JSON.stringify(deployment);
		const master = held("aws:rds/instance:Instance").state.masterUserSecrets[0].secretArn as string;
		const arns = [master, held(SECRET, "database").id, held(SECRET, "reader").id];
		const passwords = arns.map((arn) => aws.secrets.get<{ password: string }>(arn)!.password);
		expect(new Set(passwords)).to.have.property("size", 3);
		for (const password of [...passwords, APP_TOKEN]) expect(state).to.not.include(password);
		expect(secretsIn(deployment)).to.deep.equal([JSON.stringify({ bucket: held("aws:s3/bucket:Bucket", "raw").id })]);
		expect(namedLikeSecrets(deployment)).to.deep.equal([]);
	});

	it("leaves nothing after destroy", async () => {
		const { error, diagnostics } = await stack.run("destroy");
		expect(error).to.equal(undefined);
		expect(diagnostics).to.deep.equal([]);
		expect([...stack.account.resources.keys()]).to.deep.equal([]);
		const { deployment } = await stack.run("export");
		expect(deployment!.resources ?? []).to.deep.equal([]);
	});

	const attemptUnchanged = async () => {
		const outcome = await attempt();
		expect(outcome.error).to.equal(undefined);
		expect(outcome.diagnostics).to.deep.equal([]);
		expect(told(outcome.steps)).to.deep.equal([]);
		return outcome;
	};

	/** Asks the database that migrate was pointed at. */
	const query = async (sql: string) => {
		const client = new Client(clientConfig(postgres, held("aws:rds/instance:Instance").inputs.dbName));
		await client.connect();
		try {
			return (await client.query(sql)).rows;
		} finally {
			await client.end();
		}
	};
});

/** Values that the engine keeps encrypted. */
function secretsIn(state: unknown): string[] {
	return [
		...new Set(
			propertiesOf(state).flatMap(([name, value]) => (name === "plaintext" ? [JSON.parse(value as string)] : [])),
		),
	];
}

/** Properties that by their name would hold a secret, and hold a text. */
function namedLikeSecrets(state: unknown): string[] {
	const wanted = propertiesOf(state).filter(
		([name, value]) => /password|token/i.test(name) && typeof value === "string",
	);
	return wanted.map(([name, value]) => `${name}: ${value}`);
}

/** All properties at any depth, but those of archives, whose files are named as they like. */
function propertiesOf(value: unknown): [string, unknown][] {
	if (value === null || typeof value !== "object") return [];
	return Object.entries(value).flatMap(([name, part]) =>
		name === "assets" ? [] : [[name, part], ...propertiesOf(part)],
	);
}
