/**
 * What the program declares, held by cfn-lint against the schemas that AWS publishes for CloudFormation in its region.
 * Needs cfn-lint in the version of requirements.txt, whose schemas it carries; is skipped without it.
 */

import { spawn, spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { PROJECT_ROOT, type ProgramRecord, type Properties } from "../../local/program/record";
import { evaluateVariant, VARIANTS } from "../support/variants";
import { COUNTERPARTS, WITHOUT_COUNTERPART } from "./counterparts";
import { declaredBy, type Template, templateOf } from "./template";

interface Finding {
	Rule: { Id: string };
	Message: string;
	Location: { Path: (string | number)[] | null };
}

/** Findings that hold for templates that people write, not for this program. */
const WAIVED = [
	{
		rule: "E3691",
		at: /\.Instanceev\.Properties\.EngineVersion$/,
		message: /^'19' is not one of /,
		why: "this cfn-lint was published before RDS had PostgreSQL 19; remove the waiver when it knows it",
	},
	{
		rule: "E3020",
		at: /\.Instanceev\.Properties\.(MasterUsername|StorageEncrypted)$/,
		message: / should not be included with 'SourceDBInstanceIdentifier'$/,
		why: "Pulumi's provider does not send them to restore a database; it compares them with what was restored",
	},
	{
		rule: "W3010",
		at: /\.Properties\.AvailabilityZone$/,
		message: /./,
		why: "the program asks AWS for the account's zones, and the record holds the answer",
	},
];

/** Changes that the schemas must refuse, each of a resource of its own. */
const REFUSED: Record<string, Properties> = {
	Bucketraw: { BucketName: "Raw" },
	Functionload: { Runtime: "nodejs99.x" },
	Instanceev: { DBInstanceClass: "db.x9.large" },
	LogGroupload: { RetentionInDays: 15 },
	Queueundelivered: { MessageRetentionPeriod: 15 * 24 * 3600 },
	Roleextract: { AssumeRolePolicyDocument: undefined },
	Roleload: { Comment: "of load" },
	Schedulenightly: { Name: "s".repeat(65) },
	SecurityGroupdatabase: { GroupDescription: "the page's" },
};

describe("AWS's schemas for CloudFormation", function () {
	this.timeout(300_000);
	let folder: string;
	let records: ProgramRecord[];

	before(async function () {
		const wanted = readFileSync(join(__dirname, "requirements.txt"), "utf8").trim().replace("==", " ");
		const { stdout } = spawnSync("cfn-lint", ["--version"], { encoding: "utf8" });
		if (stdout?.trim() !== wanted) {
			console.log(
				`    (skipped: ${wanted} is not installed; \`pip install -r test/schemas/requirements.txt\` does so)`,
			);
			return this.skip();
		}
		folder = mkdtempSync(join(tmpdir(), "ev-schemas-"));
		records = [];
		for (const variant of VARIANTS) records.push(await evaluateVariant(variant));
	});
	after(() => folder && rmSync(folder, { recursive: true }));

	it("accept every resource, whatever the settings", async () => {
		const templates = records.map(templateOf);
		const findings = await lint(templates.map((template, number) => save(`variant-${number}`, template)));
		const refused = findings.filter((finding) => !isWaived(finding));
		expect([...new Set(refused.map(sentence))]).to.deep.equal([]);
		for (const { rule } of WAIVED) expect(findings.map(({ Rule }) => Rule.Id)).to.include(rule);
	});

	it("refuse what is wrong", async () => {
		const template = templateOf(records[0]!);
		for (const [id, change] of Object.entries(REFUSED)) Object.assign(template.Resources[id]!.Properties, change);
		const findings = await lint([save("wrong", template)]);
		const refused = findings.map(({ Location }) => Location.Path?.[1]);
		expect(refused).to.include.members(Object.keys(REFUSED));
	});

	it("need every line of the tables", () => {
		const declared = Map.groupBy(records.flatMap(declaredBy), ({ type }) => type);
		expect([...declared.keys()]).to.have.members([...Object.keys(COUNTERPARTS), ...Object.keys(WITHOUT_COUNTERPART)]);
		for (const [type, { names, values, absent }] of Object.entries(COUNTERPARTS))
			for (const path of Object.keys({ ...names, ...values, ...absent }))
				expect(
					declared.get(type)!.some(({ inputs }) => hasPath(inputs, path.split("."))),
					`${type} ${path}`,
				).to.equal(true);
	});

	it("accept the templates of bootstrap/", async function () {
		const files = globSync("bootstrap/*.yaml", { cwd: PROJECT_ROOT }).map((file) => join(PROJECT_ROOT, file));
		if (files.length === 0) this.skip();
		expect((await lint(files)).map(sentence)).to.deep.equal([]);
	});

	function save(name: string, template: Template): string {
		const file = join(folder, `${name}.json`);
		writeFileSync(file, JSON.stringify(template));
		return file;
	}
});

function isWaived({ Rule, Message, Location }: Finding): boolean {
	const path = Location.Path?.join(".") ?? "";
	return WAIVED.some(({ rule, at, message }) => rule === Rule.Id && at.test(path) && message.test(Message));
}

/** Whether a value has a path, in lists in one of their parts. */
function hasPath(value: unknown, path: string[]): boolean {
	const [first, ...rest] = path;
	if (first === undefined) return true;
	if (Array.isArray(value)) return value.some((part) => hasPath(part, path));
	return value !== null && typeof value === "object" && first in value && hasPath((value as Properties)[first], rest);
}

/** What cfn-lint finds in some templates. */
async function lint(files: string[]): Promise<Finding[]> {
	const child = spawn("cfn-lint", ["--regions", "ap-northeast-1", "--format", "json", "--", ...files]);
	const [found, problem] = await Promise.all([text(child.stdout), text(child.stderr)]);
	if (problem) throw new Error(`cfn-lint failed: ${problem}`);
	return JSON.parse(found);
}

function sentence({ Rule, Message, Location }: Finding): string {
	return `${Location.Path?.join(".")}: ${Message} (${Rule.Id})`;
}
