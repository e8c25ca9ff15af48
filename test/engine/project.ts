/** A copy of the project that the engine works in and tests may change. */

import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseDocument } from "yaml";
import { name as projectName } from "../../package.json";

const ROOT = resolve(__dirname, "../..");
/** What the program is made of. */
const PROGRAM = ["index.ts", "infra", "handlers", "db", "page", "package.json", "tsconfig.json", "Pulumi.README.md"];
const STACKS = ["Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml"];

/** Copies the project. @param target a folder that is not there yet */
export function copyProject(target: string): void {
	for (const file of [...PROGRAM, ...STACKS]) cpSync(join(ROOT, file), join(target, file), { recursive: true });
	// The same files under other names take a second; on another file system they have to be copied.
	const modules = [join(ROOT, "node_modules"), join(target, "node_modules")];
	if (spawnSync("cp", ["-al", ...modules]).status !== 0) cpSync(modules[0]!, modules[1]!, { recursive: true });
}

/** Changes a file. @throws where there is nothing that would change */
export function edit(project: string, file: string, change: (text: string) => string): void {
	const path = join(project, file);
	const [before, after] = [readFileSync(path, "utf8"), change(readFileSync(path, "utf8"))];
	if (after === before) throw new Error(`There is nothing to change in ${file}.`);
	// A new file: an archive may hold the old one under another name.
	rmSync(path);
	writeFileSync(path, after);
}

/** Gives a stack settings in place of its own; those that are undefined go. */
export function configure(project: string, stack: string, settings: Record<string, string | undefined>): void {
	const file = join(project, `Pulumi.${stack}.yaml`);
	const document = parseDocument(readFileSync(file, "utf8"));
	for (const [name, value] of Object.entries(settings)) {
		const path = ["config", `${projectName}:${name}`];
		if (value === undefined) document.deleteIn(path);
		else document.setIn(path, value);
	}
	writeFileSync(file, document.toString());
}

/** Adds a migration after those that are there. @returns its file */
export function addMigration(project: string, name: string, sql: string): string {
	const migrations = "db/migrations";
	let tag = "";
	edit(project, `${migrations}/meta/_journal.json`, (text) => {
		const journal = JSON.parse(text) as { entries: { idx: number; when: number; tag: string }[] };
		const last = journal.entries.at(-1)!;
		tag = `${String(last.idx + 1).padStart(4, "0")}_${name}`;
		journal.entries.push({ ...last, idx: last.idx + 1, when: last.when + 1000, tag });
		return JSON.stringify(journal);
	});
	const file = `${migrations}/${tag}.sql`;
	writeFileSync(join(project, file), sql);
	return file;
}
