/**
 * The functions' archives, as AWS would get them. What each ships is listed in archives.txt beside this file; when that is
 * to change, `UPDATE=1 npx mocha test/program/archives.test.ts` writes it anew.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { filesBelow } from "../../infra/functions/archive";
import { find, type ProgramRecord } from "../../local/program/record";
import { dependencies } from "../../package.json";
import { packages as locked } from "../../package-lock.json";
import { type Contents, contentsOf, describeContents } from "../support/archives";
import { programOf } from "../support/program";

const LIST = join(__dirname, "archives.txt");
/** The most that each may weigh zipped, in bytes. */
const MOST = { extract: 4e6, load: 8e6, migrate: 8e6, notify: 4e6, rotate: 4e6 };
const NAMES = Object.keys(MOST) as (keyof typeof MOST)[];

/** Keys of AWS, private keys, tokens, URLs with a password. */
const SECRET =
	/\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY|\bey[A-Za-z0-9_-]{20,}\.ey[A-Za-z0-9_-]{20,}|\bgh[ps]_\w{36}/;

describe("the archives", () => {
	let record: ProgramRecord;
	let contents: Record<string, Contents>;
	const folderOf = (name: string, of = record) =>
		join(of.directory, find(of, "aws:lambda/function:Function", name).inputs.code);
	before(async function () {
		this.timeout(180_000);
		record = await programOf("dev");
		contents = Object.fromEntries(NAMES.map((name) => [name, contentsOf(folderOf(name))]));
	});

	it("hold what archives.txt lists, and nothing else", () => {
		const list = NAMES.map((name) => describeContents(name, contents[name]!)).join("\n");
		if (process.env.UPDATE) writeFileSync(LIST, list);
		expect(list).to.equal(readFileSync(LIST, "utf8"));
	});

	it("are the same in both stacks, file by file", async function () {
		this.timeout(180_000);
		const prod = await programOf("prod");
		for (const name of NAMES) expect(filesBelow(folderOf(name, prod)), name).to.deep.equal(filesBelow(folderOf(name)));
	});

	for (const name of NAMES)
		describe(name, () => {
			it(`weighs ${MOST[name] / 1e6} MB zipped at most`, () => {
				expect(contents[name]!.zippedBytes).to.be.within(100_000, MOST[name]);
			});

			it("ships the AWS SDK, and all else, in exactly the versions that are locked", () => {
				const shipped = contents[name]!.packages;
				const clients = shipped.filter((one) => one.name.startsWith("@aws-sdk/client-"));
				expect(clients).to.not.be.empty;
				for (const client of clients)
					expect(client.version, client.name).to.equal(dependencies[client.name as keyof typeof dependencies]);
				const versions = Map.groupBy(Object.entries(locked), ([path]) => path.split("node_modules/").at(-1)!);
				for (const one of shipped)
					expect(
						versions.get(one.name)?.map(([, { version }]) => version),
						one.name,
					).to.include(one.version);
			});

			it("ships no build tool, no test, no source and no file that hides", () => {
				for (const { name: shipped } of contents[name]!.packages)
					expect((locked as Record<string, { dev?: true }>)[`node_modules/${shipped}`], shipped).to.not.have.property(
						"dev",
					);
				for (const file of filesBelow(folderOf(name))) {
					expect(file).to.not.match(
						/(^|\/)(tests?|testing|__tests__|examples?|bench)(\/|\.js$)|\.(test|spec)\.[cm]?js$/,
					);
					expect(file).to.not.match(/\.(tsx?|[cm]ts|map|ya?ml|tsbuildinfo)$|(^|\/)(Makefile|\.[^/]+)$/);
				}
			});

			it("holds no secret, and no path of the machine that made it", () => {
				for (const file of filesBelow(folderOf(name))) {
					const text = readFileSync(join(folderOf(name), file), "latin1");
					expect(text, file).to.not.match(SECRET);
					expect(text.includes(process.cwd()), file).to.equal(false);
				}
			});
		});

	it("would be seen to hold a secret", () => {
		for (const secret of [
			`AKIA${"A1B2".repeat(4)}`,
			"-----BEGIN RSA PRIVATE KEY-----",
			"-----BEGIN PRIVATE KEY-----",
			`ghp_${"x".repeat(36)}`,
		])
			expect(`const key = "${secret}";`).to.match(SECRET);
	});
});
