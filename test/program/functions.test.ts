/** What each function is given: a runtime, a role, a log, an environment and code that survives serialisation. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import ts from "typescript";
import { filesBelow } from "../../infra/functions/archive";
import { listed } from "../../local/aws/policies";
import { devDependencies } from "../../package.json";
import {
	BUCKET,
	DATABASE,
	FUNCTION,
	FUNCTION_NAMES,
	LOG_GROUP,
	ROLE,
	SECRET,
	TOPIC,
	useProgram,
} from "../support/use-program";

describe("each function", () => {
	const { one, all, arnOf, lambda, policyOf } = useProgram("dev");

	it("runs on the Node version of local runs, on ARM", () => {
		const [major] = devDependencies.node.split(".");
		for (const { name, inputs } of all(FUNCTION))
			expect(inputs, name).to.deep.include({ runtime: `nodejs${major}.x`, architectures: ["arm64"] });
	});

	it("has a role of its own", () => {
		for (const name of FUNCTION_NAMES) expect(lambda(name).inputs.role, name).to.equal(arnOf(ROLE, name));
	});

	it("writes JSON to a log group of its own, and to no other", () => {
		for (const name of FUNCTION_NAMES) {
			const { loggingConfig } = lambda(name).inputs;
			expect(loggingConfig).to.deep.equal({ logFormat: "JSON", logGroup: one(LOG_GROUP, name).state.name });
			const writing = policyOf(name).filter(({ Action }) => listed(Action).includes("logs:PutLogEvents"));
			expect(writing.flatMap(({ Resource }) => Resource)).to.deep.equal([`${arnOf(LOG_GROUP, name)}:*`]);
		}
	});

	it("gets only addresses and ARNs in its environment", () => {
		const database = one(DATABASE).state;
		const environments = Object.fromEntries(
			FUNCTION_NAMES.map((name) => [name, lambda(name).inputs.environment?.variables]),
		);
		expect(environments).to.deep.equal({
			extract: { SOURCE_URL: "https://data.wa.gov" },
			// An empty block would have the provider plan a new version at each update.
			load: undefined,
			export: { SITE_BUCKET: one(BUCKET, "site").id, READER_SECRET_ARN: arnOf(SECRET, "reader") },
			report: { SITE_BUCKET: one(BUCKET, "site").id, READER_SECRET_ARN: arnOf(SECRET, "reader") },
			notify: { TOPIC_ARN: arnOf(TOPIC) },
			migrate: {
				DATABASE_HOST: database.address,
				DATABASE_PORT: "5432",
				DATABASE_NAME: "ev",
				MASTER_SECRET_ARN: database.masterUserSecrets[0].secretArn,
				DATABASE_SECRET_ARN: arnOf(SECRET, "database"),
				READER_SECRET_ARN: arnOf(SECRET, "reader"),
			},
			rotate: undefined,
		});
	});

	it("reserves no concurrency by default", () => {
		// Of a new account's 10 concurrent executions, 10 must stay unreserved.
		const reserved = all(FUNCTION).map(({ inputs }) => inputs.reservedConcurrentExecutions);
		expect(reserved).to.deep.equal(FUNCTION_NAMES.map(() => undefined));
	});
});

describe("the code of load", () => {
	const { record, lambda } = useProgram("dev");

	it("requires its row encoder as a module", () => {
		const closure = readFileSync(join(record().directory, lambda("load").inputs.code, "__index.js"), "utf8");
		expect(closure).to.include('("handlers/rows")');
		expect(closure).to.not.match(/splitRecord|createRowEncoder|indexKnownRows/);
	});
});

describe("the modules that closures capture", () => {
	it("import no two modules under one name, since a closure keeps one", () => {
		const modulesOf = new Map<string, Set<string>>();
		for (const folder of ["handlers", "db"])
			for (const file of filesBelow(folder).filter((name) => name.endsWith(".ts"))) {
				const { outputText } = ts.transpileModule(readFileSync(join(folder, file), "utf8"), {
					compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, esModuleInterop: true },
				});
				for (const [, alias, name] of outputText.matchAll(/^const (\w+) = .*?\brequire\("([^."][^"]*)"\)/gm)) {
					const modules = modulesOf.get(alias!) ?? new Set();
					modulesOf.set(alias!, modules.add(name!.replace(/^node:/, "")));
				}
			}
		expect([...modulesOf.keys()]).to.include.members(["promises_1", "client_s3_1", "pg_1"]);
		for (const [alias, modules] of modulesOf) expect([...modules], alias).to.have.length(1);
	});
});
