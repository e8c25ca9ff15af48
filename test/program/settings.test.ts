/** Every setting of a stack: its default, its limits, and what a person reads who got one wrong. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { parse } from "yaml";
import { readSettings } from "../../infra/settings";

const PROJECT = "ev-registrations";

/** The stack's config as Pulumi's CLI hands it over: everything is text. */
type Config = Record<string, unknown>;
const yaml = (file: string) => parse(readFileSync(join(__dirname, "../..", file), "utf8"));
const described = Object.entries(
	yaml("Pulumi.yaml").config as Record<string, { type: string; default: unknown }>,
).filter(([name]) => !name.includes(":"));
const defaults: Config = Object.fromEntries(described.map(([name, setting]) => [name, setting.default]));
const ofStack = (stack: string): Config =>
	Object.fromEntries(
		Object.entries(yaml(`Pulumi.${stack}.yaml`).config as Config)
			.filter(([key]) => key.startsWith(`${PROJECT}:`))
			.map(([key, value]) => [key.slice(PROJECT.length + 1), value]),
	);
const given = (config: Config) => {
	const entries = Object.entries(config).map(([name, value]) => [
		name.includes(":") ? name : `${PROJECT}:${name}`,
		String(value),
	]);
	pulumi.runtime.setAllConfig(Object.fromEntries(entries));
	return readSettings();
};
/** Of ACM. */
const CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/01234567-89ab-cdef-0123-456789abcdef";
/** Settings that are at odds with no other, whatever that says. */
const alone: Config = { ...defaults, silentDays: 0 };
const withSetting = (name: string, value: unknown) => given({ ...defaults, [name]: value });

describe("the settings", () => {
	before(() =>
		pulumi.runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) }, PROJECT, "dev", false),
	);
	after(() => pulumi.runtime.setAllConfig({}));

	it("are the ones that Pulumi.yaml describes", () => {
		expect(Object.keys(given(defaults))).to.have.members(Object.keys(defaults));
	});

	it("have defaults of the type that Pulumi.yaml says", () => {
		const settings: Record<string, unknown> = { ...given(defaults) };
		// Pulumi knows whole numbers only: https://www.pulumi.com/docs/iac/concepts/projects/project-file/#config-options
		const shares = { maxRejectedShare: 0.01, maxRemovedShare: 0.2, maxChangedShare: 0.2 };
		// Empty stands for none.
		const none = {
			email: undefined,
			pageDomain: undefined,
			pageCertificateArn: undefined,
			permissionsBoundary: undefined,
			restoreFrom: undefined,
		};
		expect(settings).to.deep.equal({ ...defaults, ...shares, ...none });
		for (const [name, { type }] of described) {
			expect(type, name).to.be.oneOf(["string", "integer", "boolean"]);
			if (!(name in none) && !(name in shares))
				expect(settings[name], name).to.be.a(type === "integer" ? "number" : type);
		}
	});

	it("are accepted as prod has them", () => {
		const own = ofStack("prod");
		expect(own).to.not.deep.equal({});
		expect(given({ ...defaults, ...own })).to.include(own);
	});

	it("keep their defaults in dev", () => {
		expect(ofStack("dev")).to.deep.equal({});
	});

	it("may stand beside those of a provider", () => {
		expect(() => withSetting("aws:region", "ap-northeast-1")).to.not.throw();
	});

	it("are accepted at both ends of what is allowed", () => {
		const ends: [string, ...unknown[]][] = [
			["sodaVersion", "2.1", "3"],
			["format", "csv", "json"],
			["pageRows", 1000, 50_000],
			["fetchConcurrency", 1, 16],
			[
				"schedule",
				"cron(30 3 * * ? *)",
				"cron(0 12 1 * ? *)",
				"cron(*/15 0-23/2 ? JAN,MAR-MAY MON-FRI 2024-2199)",
				"cron(0/5 8,20 L * ? *)",
				"cron(0 8 15W 1/3 ? *)",
				"cron(59 23 ? * 6L *)",
				"cron(0 0 ? DEC TUE#2 1970)",
				"rate(1 day)",
				"rate(12 hours)",
			],
			["databaseVersion", "18", "19"],
			[
				"restoreFrom",
				undefined,
				"ev-registrations-dev-before-19",
				"rds:ev-registrations-dev-2026-11-20-04-10",
				"arn:aws:rds:ap-northeast-1:000000000000:snapshot:rds:ev-registrations-dev-2026-11-20-04-10",
				"ev-registrations-dev@2026-11-20T03:00:00Z",
				"ev-registrations-dev@latest",
			],
			["databaseClass", "db.t4g.micro", "db.m8g.48xlarge"],
			["timeZone", "UTC", "America/Los_Angeles"],
			["maxRejectedShare", 0, 1],
			["maxRemovedShare", 0, 1],
			["maxChangedShare", 0, 1],
			["notifyWhenUnchanged", true, false],
			["publicPage", true, false],
			["email", undefined, "someone@example.org"],
			["silentDays", 0, 7],
			["monthlyBudgetUsd", 0],
			["staleDays", 0, 3650],
			["vpcCidr", "10.0.0.0/16", "192.168.16.0/20"],
			["zones", 2, 3],
			["natGateways", "single", "one-per-zone"],
			["endpointZones", 1, 2],
			["access", true, false],
			["reservedConcurrency", 0, 100],
			["databaseStorageGb", 20, 90],
			["databaseMaxStorageGb", 22, 65_536],
			["backupDays", 1, 35],
			["logDays", 1, 3653],
		];
		for (const [name, ...values] of ends)
			for (const value of values) expect(given({ ...alone, [name]: value ?? "" }), name).to.have.property(name, value);
	});

	const refused: [string, unknown[], string][] = [
		["dataset", ["", "f6w7q2d2", "F6W7-Q2D2", "f6w7-q2d2/x"], "a dataset's identifier such as f6w7-q2d2"],
		[
			"sourceUrl",
			["", "http://data.wa.gov", "https://data.wa.gov/resource", "https://data.wa.gov/", "data.wa.gov"],
			"an https address without a path",
		],
		["sodaVersion", ["2", "2.0", "3.0", ""], "one of 2.1, 3"],
		["format", ["CSV", "xml", ""], "one of csv, json"],
		["pageRows", [999, 50_001, 1000.5, -20_000], "a whole number from 1000 to 50000"],
		["fetchConcurrency", [0, 17, 1.5], "a whole number from 1 to 16"],
		[
			"schedule",
			[
				"",
				"30 3 * * ? *",
				"every night",
				"at(2024-10-12T00:00:00)",
				"cron()",
				"cron(30 3 * * ?)",
				"cron(30 3 * * ? * *)",
				"cron(30 3 * * * *)",
				"cron(30 3 ? * ? *)",
				"cron(30 3 1 * MON *)",
				"cron(60 3 * * ? *)",
				"cron(30 24 * * ? *)",
				"cron(30 3 0 * ? *)",
				"cron(30 3 32 * ? *)",
				"cron(30 3 ? * 0 *)",
				"cron(30 3 ? * 8 *)",
				"cron(30 3 ? * MON#6 *)",
				"cron(30 3 ? JAN-FOO MON *)",
				"cron(30 3 * 13 ? *)",
				"cron(30 3 * * ? 1969)",
				"cron(*/0 3 * * ? *)",
				"cron(30-10 3 * * ? *)",
				"cron(1,,2 3 * * ? *)",
				"cron(-1 3 * * ? *)",
				"cron(x 3 * * ? *)",
				"cron(30  3 * * ? *)",
				"rate(1 days)",
				"rate(2 day)",
				"rate(0 days)",
				"rate(1.5 days)",
				"rate(1 week)",
				"rate(day)",
			],
			"cron(minutes hours day-of-month month day-of-week year) with ? for one of the two days, or rate(number unit)",
		],
		[
			"timeZone",
			["", "Tokyo", "Mars/Olympus", "GMT+9", "+09:00", "asia/tokyo"],
			"an IANA time zone such as Asia/Tokyo",
		],
		["maxRejectedShare", [-0.01, 1.01, 5], "a share from 0 to 1"],
		["maxRemovedShare", [-1, 20], "a share from 0 to 1"],
		["maxChangedShare", [-1, 20], "a share from 0 to 1"],
		[
			"permissionsBoundary",
			["a b", "arn:aws:iam::000000000000:policy/a", "a".repeat(129)],
			"the name of an IAM policy, or empty",
		],
		["email", ["someone", "someone@", "@example.org", "a b@example.org", "a@b@c"], "an e-mail address, or empty"],
		[
			"pageDomain",
			["localhost", "https://ev.example.org", "ev.example.org/", "-ev.example.org", "EV.example.org"],
			"a domain such as ev.example.org, or empty",
		],
		[
			"pageCertificateArn",
			["certificate", CERTIFICATE.replace("us-east-1", "ap-northeast-1"), `${CERTIFICATE} `, CERTIFICATE.slice(0, -1)],
			"the ARN of a certificate of ACM in us-east-1, where CloudFront looks for it, or empty",
		],
		["silentDays", [-1, 8, 1.5], "a whole number from 0 to 7"],
		[
			"vpcCidr",
			[
				"",
				"10.20.0.0",
				"10.20.0.0/15",
				"10.20.0.0/21",
				"10.20.0/16",
				"10.256.0.0/16",
				"fd00::/16",
				"10.20.0.1/16",
				"10.20.8.0/20",
				"8.8.0.0/16",
				"172.32.0.0/16",
			],
			"a private network such as 10.20.0.0/16, of /16 to /20",
		],
		["monthlyBudgetUsd", [-1, 100_001, 9.5], "a whole number from 0 to 100000"],
		["zones", [1, 4], "a whole number from 2 to 3"],
		["natGateways", ["None", "Single", ""], "one of none, single, one-per-zone"],
		["endpointZones", [0, 4], "a whole number from 1 to 3"],
		["reservedConcurrency", [-1, 101], "a whole number from 0 to 100"],
		["databaseVersion", ["", "17", "18.4", "20"], "one of 18, 19"],
		[
			"restoreFrom",
			["a snapshot", "ev@", "ev@yesterday", "ev@2026-11-20", "ev@2026-11-20T03:00:00+09:00", "-snapshot"],
			"a snapshot's name or ARN, or a database and a time such as ev-registrations-dev@2026-11-20T03:00:00Z",
		],
		[
			"databaseClass",
			["", "t4g.micro", "db.t4g", "db.t4g.micro ", "db.t4g.nano", "db.t2.micro", "db.m7g.small", "db.constructor.name"],
			"an instance class such as db.t4g.micro, of the families t3, t4g, m6g",
		],
		["databaseStorageGb", [19, 65_537], "a whole number from 20 to 65536"],
		["databaseMaxStorageGb", [21, 65_537], "a whole number from 22 to 65536"],
		["backupDays", [0, 36], "a whole number from 1 to 35"],
		["logDays", [0, 2, 10, 366], "one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731"],
	];
	for (const [name, values, allowed] of refused)
		it(`refuse a wrong ${name}, and say what is allowed`, () => {
			for (const value of values)
				expect(() => withSetting(name, value), String(value))
					.to.throw(`The setting ${name} is ${JSON.stringify(String(value))} and must be ${allowed}`)
					.with.property("message")
					.that.match(new RegExp(`; correct it with \`pulumi config set ${name} …\`\\.$`))
					.and.not.include("\n");
		});

	it("refuse what is no number and no boolean, by name", () => {
		for (const [name, { type }] of described)
			if (type !== "string")
				for (const value of type === "boolean" ? ["many"] : ["many", "20abc", ""])
					expect(() => withSetting(name, value), `${name} ${value}`).to.throw(name);
	});

	it("refuse more zones for the endpoint than for the network", () => {
		expect(() => given({ ...defaults, zones: 3, endpointZones: 3 })).to.not.throw();
		expect(() => given({ ...defaults, zones: 2, endpointZones: 3 })).to.throw(
			/^The setting endpointZones is 3, but the network has only 2 zones; change one of them with `pulumi config set endpointZones …` or `pulumi config set zones …`\.$/,
		);
	});

	it("take a domain and its certificate for a public page", () => {
		const page = { publicPage: true, pageDomain: "ev.example.org", pageCertificateArn: CERTIFICATE };
		expect(given({ ...defaults, ...page })).to.include(page);
	});

	it("refuse a domain without its certificate, and the reverse", () => {
		for (const one of [{ pageDomain: "ev.example.org" }, { pageCertificateArn: CERTIFICATE }])
			expect(() => given({ ...defaults, publicPage: true, ...one })).to.throw(
				/^Only one of the settings pageDomain and pageCertificateArn is given, and each needs the other; change one of them with `pulumi config set pageDomain …` or `pulumi config set pageCertificateArn …`\.$/,
			);
	});

	it("refuse a domain for a page that is not public", () => {
		const domain = { pageDomain: "ev.example.org", pageCertificateArn: CERTIFICATE };
		expect(() => given({ ...defaults, ...domain })).to.throw(
			/^The setting pageDomain is ev\.example\.org, but publicPage is false and the page has no address; change one of them with `pulumi config set publicPage …` or `pulumi config set pageDomain …`\.$/,
		);
	});

	it("refuse a budget of which nobody would be told", () => {
		expect(given({ ...defaults, monthlyBudgetUsd: 100, email: "someone@example.org" })).to.include({
			monthlyBudgetUsd: 100,
		});
		expect(() => given({ ...defaults, monthlyBudgetUsd: 100 })).to.throw(
			/^The setting monthlyBudgetUsd is 100, but email is empty and nobody would be told; change one of them with `pulumi config set email …` or `pulumi config set monthlyBudgetUsd …`\.$/,
		);
	});

	it("refuse protection with less than a week of backups", () => {
		expect(() => given({ ...defaults, protect: true, backupDays: 7 })).to.not.throw();
		expect(() => given({ ...defaults, protect: false, backupDays: 1 })).to.not.throw();
		expect(() => given({ ...defaults, protect: true, backupDays: 6 })).to.throw(
			/^The setting protect is true, but backupDays is 6 and must then be at least 7; change one of them with `pulumi config set backupDays …` or `pulumi config set protect …`\.$/,
		);
	});

	it("refuse a schedule whose runs the database's maintenance may interrupt", () => {
		const held = (schedule: string, timeZone: string) => () => given({ ...defaults, schedule, timeZone });
		for (const [schedule, timeZone] of [
			["cron(30 14 * * ? *)", "Asia/Tokyo"],
			["cron(35 13 * * ? *)", "Asia/Tokyo"],
			["cron(0 5 ? * SUN-SAT *)", "UTC"],
			["cron(30 22 * * ? *)", "America/Los_Angeles"],
		] as const)
			expect(held(schedule, timeZone), schedule).to.throw(
				`The setting schedule is ${schedule} in ${timeZone}, which starts runs during the database's maintenance, on Sundays from 05:00 to 06:00 UTC; change one of them`,
			);
		for (const [schedule, timeZone] of [
			["cron(30 3 * * ? *)", "Asia/Tokyo"],
			["cron(0 15 * * ? *)", "Asia/Tokyo"],
			["cron(30 14 ? * MON-SAT *)", "Asia/Tokyo"],
			["cron(30 * * * ? *)", "UTC"],
			["rate(12 hours)", "UTC"],
		] as const)
			expect(held(schedule, timeZone), schedule).to.not.throw();
	});

	it("refuse a stack whose name is no part of a database's", () => {
		const named = (stack: string) => {
			pulumi.runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) }, PROJECT, stack, false);
			return () => given(defaults);
		};
		for (const stack of ["dev", "pr-12", "a".repeat(24)]) expect(named(stack), stack).to.not.throw();
		for (const stack of ["Feature_X", "a--b", "a-", "-a", "a.b", "a".repeat(25)])
			expect(named(stack), stack).to.throw(
				new RegExp(
					`^The stack's name is ${stack.replace(".", "\\.")} and must be .*; make one with \`pulumi stack init NAME\`\\.$`,
				),
			);
		named("dev");
	});

	it("refuse storage that cannot grow by the least step of RDS", () => {
		const held = (databaseStorageGb: number, databaseMaxStorageGb: number) => () =>
			given({ ...defaults, databaseStorageGb, databaseMaxStorageGb });
		expect(held(100, 110)).to.not.throw();
		expect(held(100, 109)).to.throw(
			"The setting databaseMaxStorageGb is 109, but RDS needs a tenth more than databaseStorageGb, which is 100; change one of them",
		);
	});

	it("refuse an alarm on silence that the schedule would set off", () => {
		const held = (schedule: string, silentDays: number) => () => given({ ...defaults, schedule, silentDays });
		for (const [schedule, days] of [
			["cron(30 3 * * ? *)", 1],
			["rate(12 hours)", 1],
			["rate(36 hours)", 1.5],
			["rate(2880 minutes)", 2],
			["cron(0 8 ? * MON-FRI *)", 3],
			["cron(0 8 ? * 2-6 *)", 3],
			["cron(0 8 ? * 1,3,5 *)", 3],
			["cron(0 8 1/3 * ? *)", 3],
			["cron(*/5 0-23/2 */2 * ? *)", 2],
			["cron(0 8 ? * SUN,SAT *)", 6],
		] as const) {
			expect(held(schedule, Math.ceil(days)), schedule).to.not.throw();
			if (days > 1)
				expect(held(schedule, Math.ceil(days) - 1)).to.throw(
					`The setting silentDays is ${Math.ceil(days) - 1}, but the schedule ${schedule} leaves ${days} days between two runs, so the alarm would fire without a failure; 0 disables the alarm; change one of them`,
				);
		}
		for (const [schedule, what] of [
			["cron(0 8 ? * SUN *)", "leaves 7 days between"],
			["cron(0 8 ? * L *)", "leaves 7 days between"],
			["rate(30 days)", "leaves 30 days between"],
			["cron(0 8 1 * ? *)", "leaves 31 days between"],
			["cron(0 8 15W 1/3 ? *)", /leaves 9\d days between/],
			["cron(0 8 ? * 6L *)", "leaves 35 days between"],
			["cron(0 8 ? * TUE#2 *)", "leaves 35 days between"],
			["cron(0 8 * * ? 1999)", "starts no further run"],
		] as const) {
			expect(held(schedule, 7), schedule).to.throw(what);
			expect(held(schedule, 0), schedule).to.not.throw();
		}
	});

	it("are named where they have no value", () => {
		for (const name of Object.keys(defaults)) {
			const { [name]: _, ...others } = defaults;
			expect(() => given(others), name).to.throw(`'${PROJECT}:${name}'`);
		}
	});

	it("refuse an unknown name, and list those that are known", () => {
		expect(() => withSetting("pageRow", 5000)).to.throw(
			/^Unknown setting pageRow\. Remove it with `pulumi config rm pageRow`\. Valid settings: dataset, sourceUrl, .*, logDays\.$/,
		);
		expect(() => given({ ...defaults, Zones: 3, pages: 1 })).to.throw("Unknown setting Zones, pages. ");
	});
});
