/**
 * What a process reads while it runs: every file and folder, and every place where it found none. A result that is kept
 * together with these may be used again as long as all of them are the same.
 */

import { hash } from "node:crypto";
import fs from "node:fs";
import { registerHooks, syncBuiltinESMExports } from "node:module";
import { dirname, join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * What was seen of a path: `content` is a file's bytes or a folder's names; `kind` is only whether there is something and
 * what; `modules` is a folder's names as Node looks for modules there.
 */
type Aspect = "content" | "kind" | "modules";

/** Fingerprints by aspect and path, such as `content /project/index.ts`. */
export type Inputs = Record<string, string>;

/** As they are before they are watched. */
const { existsSync, lstatSync, readdirSync, readFileSync } = fs;

/** Functions of node:fs by what they see, here without Sync. */
const FUNCTIONS: [Aspect, string[]][] = [
	["content", ["copyFile", "cp", "createReadStream", "link", "open", "opendir", "readdir", "readFile"]],
	["kind", ["access", "exists", "lstat", "readlink", "realpath", "stat"]],
];

/**
 * Begins to record what this process reads.
 * @param root the project's folder: a file that appears in one of its folders may change what `require` finds
 * @param ignored a folder whose files are no inputs
 * @returns a function that returns what was read so far, the modules that were loaded before included
 */
export function watchInputs(root: string, ignored: string): () => Inputs {
	const inputs: Inputs = {};
	const isBelow = (path: string, folder: string) => path === folder || path.startsWith(folder + sep);
	const note = (aspect: Aspect, path: string) => {
		const name = `${aspect} ${path}`;
		// /proc/self and the like are not on disk.
		if (name in inputs || isBelow(path, ignored) || /^\/(proc|sys|dev)\//.test(path)) return;
		if (aspect === "kind" && `content ${path}` in inputs) return;
		// Taking a fingerprint opens the file, which comes back to here.
		inputs[name] = "";
		inputs[name] = fingerprint(aspect, path);
	};
	/** The file, and whatever could make Node find another one in its place. */
	const noteModule = (file: string) => {
		note("content", file);
		let folder = dirname(file);
		for (; isBelow(folder, root) && !(`modules ${folder}` in inputs); folder = dirname(folder)) {
			note("modules", folder);
			const manifest = join(folder, "package.json");
			if (existsSync(manifest)) note("content", manifest);
		}
	};
	for (let folder = dirname(root); ; folder = dirname(folder)) {
		note("kind", join(folder, "node_modules"));
		note("content", join(folder, "package.json"));
		if (folder === dirname(folder)) break;
	}
	watchFunctions(fs, note);
	watchFunctions(fs.promises, note);
	syncBuiltinESMExports();
	// ES modules are read without node:fs.
	registerHooks({
		load(url, context, next) {
			if (url.startsWith("file:")) noteModule(fileURLToPath(url));
			return next(url, context);
		},
	});
	return () => {
		for (const file of Object.keys(require.cache)) noteModule(file);
		return inputs;
	};
}

/** Whether everything that was read is as it was. */
export function areCurrent(inputs: Inputs): boolean {
	return Object.entries(inputs).every(([name, known]) => {
		const space = name.indexOf(" ");
		return fingerprint(name.slice(0, space) as Aspect, name.slice(space + 1)) === known;
	});
}

/** Replaces each reading function by one that notes the path first. */
function watchFunctions(module: object, note: (aspect: Aspect, path: string) => void): void {
	const functions = module as Record<string, unknown>;
	for (const [aspect, names] of FUNCTIONS)
		for (const name of names.flatMap((each) => [each, `${each}Sync`])) {
			const original = functions[name];
			if (typeof original !== "function") continue;
			const watched = (path: unknown, ...rest: unknown[]) => {
				const absolute = pathOf(path);
				if (absolute !== undefined) {
					note(aspect, absolute);
					if ((rest[0] as { recursive?: boolean } | undefined)?.recursive)
						for (const folder of foldersBelow(absolute)) note(aspect, folder);
				}
				return original.call(module, path, ...rest);
			};
			functions[name] = Object.assign(watched, original);
		}
}

function foldersBelow(folder: string): string[] {
	const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
	return entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

/** The absolute path that a function of node:fs was given; undefined for a file that is open already. */
function pathOf(path: unknown): string | undefined {
	if (typeof path === "string") return resolve(path);
	if (path instanceof URL) return fileURLToPath(path);
	return Buffer.isBuffer(path) ? resolve(path.toString()) : undefined;
}

/** What there is at a path now, in a few characters; an error's code where there is nothing. */
function fingerprint(aspect: Aspect, path: string): string {
	try {
		if (aspect === "kind") return kindOf(lstatSync(path));
		return aspect === "content" && !lstatSync(path).isDirectory()
			? hash("sha256", readFileSync(path))
			: hash("sha256", namesIn(path, aspect).join("\n"));
	} catch (error) {
		return (error as NodeJS.ErrnoException).code ?? "unreadable";
	}
}

/** No module's name begins with a dot, and tools leave such folders behind. */
function namesIn(folder: string, aspect: Aspect): string[] {
	const entries = readdirSync(folder, { withFileTypes: true });
	const seen = aspect === "modules" ? entries.filter(({ name }) => !name.startsWith(".")) : entries;
	return seen.map((entry) => `${kindOf(entry)} ${entry.name}`).sort();
}

function kindOf(entry: Pick<fs.Stats, "isDirectory" | "isFile" | "isSymbolicLink">): string {
	if (entry.isSymbolicLink()) return "link";
	return entry.isDirectory() ? "folder" : entry.isFile() ? "file" : "other";
}
