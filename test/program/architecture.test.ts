/** The diagram in docs/architecture.md: that it shows what is deployed, who reaches what, and where it stands. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { find, type ProgramRecord, type RecordedResource } from "../../local/program/record";
import { programOf } from "../support/program";

/** What is drawn, and under which name; several of a kind share one. */
const DRAWN: Record<string, (name: string) => string> = {
	"aws:scheduler/schedule:Schedule": () => "schedule",
	"aws:sfn/stateMachine:StateMachine": () => "workflow",
	"aws:lambda/function:Function": (name) => name,
	"aws:s3/bucket:Bucket": (name) => (name === "access-log" ? "accessLog" : name),
	"aws:secretsmanager/secret:Secret": () => "secrets",
	"aws:rds/instance:Instance": () => "database",
	"aws:sns/topic:Topic": () => "topic",
	"aws:sqs/queue:Queue": () => "undelivered",
	"aws:cloudwatch/eventRule:EventRule": () => "lostRuns",
	"aws:cloudwatch/metricAlarm:MetricAlarm": () => "alarms",
};

/** Parts and guards of what is drawn, and what only looks on. */
const NOT_DRAWN = [
	/^pulumi:/,
	/^aws:kms\//,
	/^aws:budgets\//,
	/^aws:iam\//,
	/^aws:s3\/bucket[A-Z]/,
	/^aws:secretsmanager\/secret[A-Z]/,
	/^aws:(ec2|vpc)\/|^awsx:/,
	/^aws:rds\/(subnetGroup|parameterGroup):/,
	/^aws:sns\/topicPolicy:/,
	/^aws:sqs\/queuePolicy:/,
	/^aws:lambda\/(permission|invocation):/,
	/^aws:cloudwatch\/(eventTarget|logGroup|dashboard):/,
];

/** Who is no resource. */
const OUTSIDE = ["extract → source", "up → migrate", "topic → people"];

interface Picture {
	nodes: Set<string>;
	arrows: Set<string>;
	/** Names of what stands in each subgraph itself. */
	places: Record<string, string[]>;
}

function readPicture(): Picture {
	const page = readFileSync(join(__dirname, "../..", "docs/architecture.md"), "utf8");
	const picture: Picture = { nodes: new Set(), arrows: new Set(), places: {} };
	const inside: string[] = [];
	for (const line of /```mermaid\n(.*?)```/s.exec(page)![1]!.split("\n")) {
		const [, place] = /^\s*subgraph (\w+)/.exec(line) ?? [];
		const [, from, to] = /^\s*(\w+) -->(?:\|[^|]*\|)? (\w+)$/.exec(line) ?? [];
		const [, node] = /^\s*(\w+)[[({>]/.exec(line) ?? [];
		if (place) inside.push(place);
		else if (line.trim() === "end") inside.pop();
		else if (from) picture.arrows.add(`${from} → ${to}`);
		else if (node) {
			picture.nodes.add(node);
			const at = inside.at(-1) ?? "outside";
			picture.places[at] = [...(picture.places[at] ?? []), node];
		}
	}
	return picture;
}

describe("the diagram in docs/architecture.md", () => {
	const picture = readPicture();
	let record: ProgramRecord;
	const all = (type: string) => record.resources.filter((resource) => resource.type === type);
	const drawn = () => record.resources.filter(({ type }) => DRAWN[type]);
	const nameOf = ({ type, name }: RecordedResource) => DRAWN[type]!(name);
	/** The drawn resource that an ARN, or an ARN and more, names. */
	const named = (arn: string) => {
		const found = drawn().find(({ state }) => state.arn && (arn === state.arn || arn.startsWith(`${state.arn}:`)));
		const bucket = drawn().find(({ state }) => state.arn?.startsWith("arn:aws:s3:") && arn.startsWith(`${state.arn}/`));
		return (found ?? bucket) && nameOf((found ?? bucket)!);
	};

	before(async function () {
		this.timeout(300_000);
		record = await programOf("prod");
	});

	it("draws every resource that is no part of another", () => {
		const kinds = record.resources.map(({ type }) => type);
		expect(kinds.filter((type) => !DRAWN[type] && !NOT_DRAWN.some((part) => part.test(type)))).to.deep.equal([]);
		const outside = OUTSIDE.flatMap((arrow) => arrow.split(" → ")).filter((name) => /^(source|up|people)$/.test(name));
		expect([...picture.nodes]).to.have.members([...new Set(drawn().map(nameOf)), ...outside]);
	});

	it("has an arrow for each connection that is allowed", () => {
		const arrows = new Set(OUTSIDE);
		const draw = (from: string, to: string | undefined) => to && to !== from && arrows.add(`${from} → ${to}`);
		const users: Record<string, string> = { schedule: "schedule", workflow: "workflow" };
		for (const { name } of all("aws:lambda/function:Function")) users[name] = name;
		for (const { name, inputs } of all("aws:iam/rolePolicy:RolePolicy")) {
			const resources = JSON.parse(inputs.policy).Statement.flatMap(
				(of: { Resource: string | string[] }) => of.Resource,
			);
			if (users[name]) for (const arn of resources as string[]) draw(users[name], named(arn));
		}
		const databaseGroup = find(record, "aws:ec2/securityGroup:SecurityGroup", "database").id;
		const admitted = all("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
			.filter(({ inputs }) => inputs.securityGroupId === databaseGroup)
			.map(({ inputs }) => inputs.referencedSecurityGroupId);
		for (const { name, inputs } of all("aws:lambda/function:Function"))
			if (inputs.vpcConfig.securityGroupIds.some((group: string) => admitted.includes(group))) draw(name, "database");
		for (const { inputs } of all("aws:lambda/permission:Permission")) draw(named(inputs.sourceArn)!, "rotate");
		for (const { inputs } of all("aws:cloudwatch/eventTarget:EventTarget")) draw("lostRuns", named(inputs.arn));
		for (const { inputs } of all("aws:cloudwatch/metricAlarm:MetricAlarm"))
			for (const arn of inputs.alarmActions) draw("alarms", named(arn));
		for (const { name } of all("aws:s3/bucketLogging:BucketLogging")) draw(name, "accessLog");
		// The rule sees what the workflow reports of itself.
		draw("workflow", "lostRuns");
		expect([...picture.arrows]).to.have.members([...arrows]);
	});

	it("puts functions and database into their subnets", () => {
		const { privateSubnetIds, isolatedSubnetIds } = find(record, "awsx:ec2:Vpc").state;
		const within = (subnets: string[]) =>
			all("aws:lambda/function:Function")
				.filter(({ inputs }) => inputs.vpcConfig.subnetIds.every((id: string) => subnets.includes(id)))
				.map(({ name }) => name);
		expect(picture.places.private).to.have.members(within(privateSubnetIds));
		expect(picture.places.isolated).to.have.members([...within(isolatedSubnetIds), "database"]);
	});
});
