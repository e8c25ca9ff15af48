/**
 * The functions' archives, as AWS gets them. What each ships is listed in archives.txt beside this file; when that is
 * to change, `UPDATE=1 npx mocha test/program/archives.test.ts` writes it anew.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { filesBelow } from "../../infra/functions/archive";
import { dependencies } from "../../package.json";
import { packages as locked } from "../../package-lock.json";
import { type Contents, contentsOf, describeContents } from "../support/archives";
import { FUNCTION_NAMES, type FunctionName, useProgram } from "../support/use-program";

const LIST = join(__dirname, "archives.txt");
/** The most that each may weigh zipped, in bytes. */
const MOST: Record<FunctionName, number> = {
	extract: 4e6,
	load: 8e6,
	export: 4e6,
	report: 3e6,
	migrate: 8e6,
	notify: 4e6,
	rotate: 4e6,
};
const NAMES = [...FUNCTION_NAMES].sort();

/** Keys of AWS, private keys, tokens. */
const SECRET =
	/\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY|\bey[A-Za-z0-9_-]{20,}\.ey[A-Za-z0-9_-]{20,}|\bgh[ps]_\w{36}/;
/** Tests, sources, type declarations, documents, hidden files, and builds that Node does not load. */
const NEVER_LOADED =
	/(^|\/)(tests?|testing|__tests__|examples?|bench)(\/|\.js$)|\.(test|spec)\.[cm]?js$|\.(tsx?|[cm]ts|map|md|ya?ml|tsbuildinfo)$|(^|\/)(Makefile|\.[^/]+)$|(^|\/)dist-(es|types)\//;

describe("the archives", () => {
	const { record, lambda } = useProgram("dev");
	const prod = useProgram("prod");
	const folderOf = (name: FunctionName, of = { record, lambda }) =>
		join(of.record().directory, of.lambda(name).inputs.code);
	let contents: Record<string, Contents>;
	before(() => {
		contents = Object.fromEntries(NAMES.map((name) => [name, contentsOf(folderOf(name))]));
	});

	it("hold what archives.txt lists, and nothing else", () => {
		const list = NAMES.map((name) => describeContents(name, contents[name]!)).join("\n");
		if (process.env.UPDATE) writeFileSync(LIST, list);
		expect(list).to.equal(readFileSync(LIST, "utf8"));
	});

	it("are the same in both stacks, but for the stack's name", () => {
		for (const name of NAMES) {
			const files = filesBelow(folderOf(name));
			expect(filesBelow(folderOf(name, prod)), name).to.deep.equal(files);
			for (const file of files) {
				const [ofDev, ofProd] = [folderOf(name), folderOf(name, prod)].map((folder) =>
					readFileSync(join(folder, file)),
				);
				if (file === "__index.js")
					expect(ofProd!.toString().replace('stack: "prod"', 'stack: "dev"')).to.equal(ofDev!.toString());
				else expect(ofProd!.equals(ofDev!), `${name}: ${file}`).to.equal(true);
			}
		}
	});

	it("hold all that their own files require", () => {
		for (const name of NAMES) {
			const folder = folderOf(name);
			const own = filesBelow(folder).filter((file) => file.endsWith(".js") && !file.startsWith("node_modules/"));
			const required = own.flatMap((file) => {
				const names = readFileSync(join(folder, file), "utf8").matchAll(/\brequire\("([^"]+)"\)/g);
				return [...names].map(([, module]) => ({ file, module: module! }));
			});
			expect(required, name).to.not.be.empty;
			for (const { file, module } of required)
				if (!isBuiltin(module)) expect(createRequire(join(folder, file)).resolve(module)).to.include(folder);
		}
	});

	it("hold every migration, where they are applied", () => {
		const migrations = filesBelow(resolve("db/migrations"));
		expect(migrations).to.not.be.empty;
		expect(filesBelow(join(folderOf("migrate"), "db/migrations"))).to.have.members(migrations);
	});

	it("stay within the size that each function may have", () => {
		for (const name of NAMES) expect(contents[name]!.zippedBytes, name).to.be.within(100_000, MOST[name]);
	});

	it("hold packages in exactly the versions that are locked", () => {
		const versions = Map.groupBy(Object.entries(locked), ([path]) => path.split("node_modules/").at(-1)!);
		for (const { name, version } of NAMES.flatMap((name) => contents[name]!.packages))
			expect(
				versions.get(name)?.map(([, entry]) => entry.version),
				name,
			).to.include(version);
	});

	it("hold an AWS SDK of their own, in the project's version", () => {
		for (const name of NAMES) {
			const clients = contents[name]!.packages.filter((one) => one.name.startsWith("@aws-sdk/client-"));
			expect(clients, name).to.not.be.empty;
			for (const client of clients)
				expect(client.version, client.name).to.equal(dependencies[client.name as keyof typeof dependencies]);
		}
	});

	it("hold no development package", () => {
		for (const { name } of NAMES.flatMap((name) => contents[name]!.packages))
			expect((locked as Record<string, { dev?: true }>)[`node_modules/${name}`], name).to.not.have.property("dev");
	});

	it("hold no file that is never loaded", () => {
		for (const name of NAMES)
			for (const file of filesBelow(folderOf(name))) expect(file, name).to.not.match(NEVER_LOADED);
	});

	it("hold no secret, and no path of the machine that made them", () => {
		for (const name of NAMES)
			for (const file of filesBelow(folderOf(name))) {
				const text = readFileSync(join(folderOf(name), file), "latin1");
				expect(SECRET.test(text), `${name}: ${file}`).to.equal(false);
				expect(text.includes(process.cwd()), `${name}: ${file}`).to.equal(false);
			}
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
