/** The folders' rule: imports go one way, from what is deployed to what it is made of, and never in circles. */

import { readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect } from "chai";
import ts from "typescript";
import { filesBelow } from "../../infra/functions/archive";

const ROOT = resolve(__dirname, "../..");

/** Which folders each may import from, besides itself. */
const MAY_IMPORT: Record<string, string[]> = {
	db: [],
	page: [],
	handlers: ["db", "page"],
	infra: ["handlers", "db", "page"],
	"index.ts": ["infra", "handlers", "db", "page"],
	local: ["index.ts", "infra", "handlers", "db", "page"],
	cli: ["local", "index.ts", "infra", "handlers", "db", "page"],
	bench: ["cli", "local", "index.ts", "infra", "handlers", "db", "page"],
};

interface Import {
	from: string;
	to: string;
}

describe("the folders", () => {
	const imports = Object.keys(MAY_IMPORT).flatMap(importsBelow);

	it("import only from folders that they build on", () => {
		expect(imports).to.have.length.above(200);
		const wrong = imports.filter(({ from, to }) => {
			const [here, there] = [from, to].map((file) => file.split("/")[0]!) as [string, string];
			return here !== there && there !== "package.json" && !MAY_IMPORT[here]!.includes(there);
		});
		expect(wrong).to.deep.equal([]);
	});

	for (const folder of ["handlers", "local"])
		it(`below ${folder} import without circles`, () => {
			const below = (file: string) => file.split("/").slice(0, -1).join("/");
			const edges = imports
				.filter(({ from, to }) => from.startsWith(`${folder}/`) && to.startsWith(`${folder}/`))
				.map(({ from, to }) => ({ from: below(from), to: below(to) }))
				.filter(({ from, to }) => from !== to);
			expect(circleIn(edges)).to.equal(undefined);
		});

	it("would be seen to go in a circle", () => {
		const edges = ["a b", "b c", "d a", "c a"].map((edge) => edge.split(" ") as [string, string]);
		expect(circleIn(edges.map(([from, to]) => ({ from, to })))).to.equal("a → b → c → a");
		expect(circleIn(edges.slice(0, 3).map(([from, to]) => ({ from, to })))).to.equal(undefined);
	});
});

/** What each file of a folder imports or requires of the project, types included. */
function importsBelow(folder: string): Import[] {
	const files = folder.endsWith(".ts") ? [folder] : filesBelow(join(ROOT, folder)).map((file) => `${folder}/${file}`);
	return files
		.filter((file) => /\.[jt]s$/.test(file))
		.flatMap((file) =>
			ts
				.preProcessFile(readFileSync(join(ROOT, file), "utf8"), true, true)
				.importedFiles.filter(({ fileName }) => fileName.startsWith("."))
				.map(({ fileName }) => ({ from: file, to: fileAt(relative(ROOT, resolve(ROOT, dirname(file), fileName))) })),
		);
}

/** `index` → `index.ts`, `handlers/rows` → `handlers/rows/index.ts`; a path that names its ending stays. */
function fileAt(path: string): string {
	const files = [path, `${path}.ts`, `${path}/index.ts`];
	return files.find((file) => statSync(join(ROOT, file), { throwIfNoEntry: false })?.isFile()) ?? path;
}

/** `a → b → a`; undefined where there is no circle. */
function circleIn(edges: Import[]): string | undefined {
	const next = Map.groupBy(edges, ({ from }) => from);
	const follow = (path: string[]): string | undefined => {
		for (const to of new Set(next.get(path.at(-1)!)?.map(({ to }) => to))) {
			if (path.includes(to)) return [...path.slice(path.indexOf(to)), to].join(" → ");
			const circle = follow([...path, to]);
			if (circle) return circle;
		}
		return undefined;
	};
	for (const from of next.keys()) {
		const circle = follow([from]);
		if (circle) return circle;
	}
	return undefined;
}
