/** The documentation: its links, the commands it names, and the lists that it repeats from the program. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { FAILURES } from "../../handlers/common/failure";
import { scripts } from "../../package.json";

const ROOT = resolve(__dirname, "../..");
const PAGES = [
	"README.md",
	"CONTRIBUTING.md",
	"CHANGELOG.md",
	"SECURITY.md",
	...readdirSync(join(ROOT, "docs"))
		.filter((name) => name.endsWith(".md"))
		.map((name) => `docs/${name}`),
];
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

/** A page's text without its code blocks, fenced or indented. */
const prose = (page: string) =>
	read(page)
		.replace(/^ *```.*?^ *```$/gms, "")
		.replace(/^(?: {4}|\t).*$/gm, "");

/** The anchors of a page's headings, as GitHub writes them. */
function anchorsOf(page: string): string[] {
	return [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
		heading!
			.toLowerCase()
			.replace(/[^\p{L}\p{N}\s_-]/gu, "")
			.replaceAll(" ", "-"),
	);
}

/** Links of a page that lead nowhere in this repository. */
function brokenLinks(page: string, text = prose(page)): string[] {
	const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
	return targets.filter((target) => {
		if (/^(https?|mailto):/.test(target)) return false;
		const [path = "", anchor] = target.split("#");
		const file = path ? join(dirname(page), path) : page;
		return !existsSync(join(ROOT, file)) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
	});
}

/** The files and folders of the project that a text names in backticks. */
const pathsIn = (text: string) =>
	[...text.matchAll(/`((?:infra|handlers|db|cli|local|bench|test|docs)\/[\w./-]*)`/g)].map(([, path]) => path!);

/** The rows of a page's tables, each as its cells. */
const rowsOf = (page: string) =>
	[...read(page).matchAll(/^\| (.+) \|$/gm)].map(([, row]) => row!.split("|").map((cell) => cell.trim()));

/** The npm scripts that a text names. */
const commandsIn = (text: string) =>
	[...text.matchAll(/\bnpm (?:run ([\w:]+)|(test)\b)/g)].map(([, name, test]) => (name ?? test)!);

describe("the documentation", () => {
	it("links to files and headings that exist", () => {
		for (const page of PAGES) expect(brokenLinks(page), page).to.deep.equal([]);
	});

	it("names files that exist", () => {
		for (const page of PAGES)
			expect(
				pathsIn(read(page)).filter((path) => !existsSync(join(ROOT, path))),
				page,
			).to.deep.equal([]);
	});

	it("names npm scripts that exist", () => {
		for (const page of PAGES) expect(Object.keys(scripts), page).to.include.members(commandsIn(read(page)));
	});

	it("is searched for broken links and for commands", () => {
		expect(brokenLinks("docs/cost.md", "[a](none.md) [b](cost.md#none) [c](#cost) [d](../README.md)")).to.deep.equal([
			"none.md",
			"cost.md#none",
		]);
		expect(commandsIn("`npm run db:x`, npm run y or npm test.")).to.deep.equal(["db:x", "y", "test"]);
	});

	it("explains every npm script in CONTRIBUTING.md", () => {
		const explained = rowsOf("CONTRIBUTING.md").flatMap(([command]) => commandsIn(command!));
		// npm runs this one by itself.
		const { preinstall: _, ...typed } = scripts;
		expect(explained).to.have.members(Object.keys(typed));
	});

	it("keeps the README within 150 lines", () => {
		expect(read("README.md").split("\n").length).to.be.at.most(151);
	});

	it("lists every setting with its default and its value in prod", () => {
		const declared = parse(read("Pulumi.yaml")).config as Record<string, { default: unknown }>;
		const ofProd = parse(read("Pulumi.prod.yaml")).config as Record<string, unknown>;
		const expected = Object.entries(declared)
			.filter(([name]) => !name.includes(":"))
			.map(([name, setting]) => {
				const prod = ofProd[`ev-registrations:${name}`];
				return [`\`${name}\``, setting.default === "" ? "empty" : `\`${setting.default}\``, prod ? `\`${prod}\`` : ""];
			});
		const listed = rowsOf("docs/settings.md").filter(([name]) => name!.startsWith("`"));
		expect(listed.map((cells) => cells.slice(0, 3))).to.have.deep.members(expected);
	});

	it("explains every error that a function can name", () => {
		const explained = rowsOf("docs/failures.md").flatMap(([name]) => /^`([A-Z]\w+)`$/.exec(name!)?.[1] ?? []);
		expect(explained).to.have.members([...FAILURES]);
	});
});
