/**
 * Lets Node require the project's TypeScript: `node -r ./local/common/typescript.js`. Each file is transpiled once and kept
 * in `.local/compiled` until it changes; types are checked by `npm run typecheck` alone.
 */

const { createHash } = require("node:crypto");
const fs = require("node:fs");
const Module = require("node:module");
const { basename, dirname, join, relative } = require("node:path");

const PROJECT_ROOT = join(__dirname, "../..");
const KEPT = join(PROJECT_ROOT, ".local/compiled");
const SETTINGS = join(PROJECT_ROOT, "tsconfig.json");
const TYPESCRIPT = join(dirname(require.resolve("typescript")), "../package.json");

/** Everything beside a file's own text that decides what it is transpiled to. */
const basis = () => [__filename, SETTINGS, TYPESCRIPT].map((file) => fs.readFileSync(file, "utf8")).join("\0");

/** The file's JavaScript, its source map included. */
function compile(file) {
	const source = fs.readFileSync(file, "utf8");
	const path = relative(PROJECT_ROOT, file);
	// A file of a copy of the project is kept under its name alone, so that all copies share it.
	const name = path.startsWith("..") ? join("copies", basename(file)) : path;
	const hash = createHash("sha256").update(basis()).update(name).update(source).digest("hex");
	const kept = join(KEPT, path === name ? `${name}.js` : `${name}-${hash.slice(0, 16)}.js`);
	const mark = `// ${hash}\n`;
	const known = readIfThere(kept);
	if (known?.endsWith(mark)) return known;
	const compiled = `${transpile(file, source)}\n${mark}`;
	write(kept, compiled);
	return compiled;
}

function transpile(fileName, source) {
	const ts = require("typescript");
	const { compilerOptions } = ts.parseConfigFileTextToJson(SETTINGS, fs.readFileSync(SETTINGS, "utf8")).config;
	const { options } = ts.convertCompilerOptionsFromJson(compilerOptions, PROJECT_ROOT);
	const emit = { noEmit: false, inlineSourceMap: true, inlineSources: true };
	return ts.transpileModule(source, { fileName, compilerOptions: { ...options, ...emit } }).outputText;
}

function readIfThere(file) {
	try {
		return fs.readFileSync(file, "utf8");
	} catch {
		return undefined;
	}
}

/** Writes a file completely or not at all, since several processes may write it. In a read-only folder nothing is kept. */
function write(file, content) {
	const unfinished = `${file}.${process.pid}.new`;
	try {
		fs.mkdirSync(dirname(file), { recursive: true });
		fs.writeFileSync(unfinished, content);
		fs.renameSync(unfinished, file);
	} catch {}
}

Module.enableCompileCache(join(KEPT, "v8"));
Module.setSourceMapsSupport(true);
Module._extensions[".ts"] = (module, file) => module._compile(compile(file), file);
