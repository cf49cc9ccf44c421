/**
 * Build `dist/` anew: JavaScript for plain Node, with declarations and with source maps that carry their sources.
 * Run from anywhere: `node .ci/build.mjs`. Any type error, or an entry of `exports` that is not built, fails it.
 *
 * Node takes half a millisecond for each file that it imports, in every process of a tree. So the modules are put
 * together in a few files: what every entry needs is in one that all of them share. There is one copy of each module.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const { exports, dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Files that are started by their path, in a process or a thread of their own. */
const STARTED = ["core/actor/child-entry.ts", "core/cli/main.ts", "core/sc/worker-entry.ts"];

/** The compiler's own start script, found as Node finds packages, so that no shell and no PATH is needed. */
function compilerPath() {
  const manifest = createRequire(import.meta.url).resolve("typescript/package.json");
  const { bin } = JSON.parse(readFileSync(manifest, "utf8"));
  return join(dirname(manifest), bin.tsc);
}

/** Every file that `exports` of package.json promises under `dist/`. */
function promisedFiles() {
  return Object.values(exports)
    .flatMap((entry) => (typeof entry === "string" ? [entry] : Object.values(entry)))
    .filter((path) => path.startsWith("./dist/"));
}

/** The source of every entry of `exports`. */
function entrySources() {
  return Object.values(exports).flatMap((entry) => entry["espalier-source"] ?? []);
}

function writeDeclarations() {
  const args = [compilerPath(), "-p", "tsconfig.build.json"];
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (error) throw error;
  return status === 0;
}

/** A class that names itself in its body is called `_Name` by the bundler, which users would see in what is printed. */
function withOwnNames(script) {
  const renamed = new Set([...script.matchAll(/\b(\w+) ?= ?class _\1\b/g)].map(([, name]) => name));
  return script.replace(/\b_(\w+)\b/g, (word, name) => (renamed.has(name) ? name : word));
}

async function writeScripts() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [...entrySources(), ...STARTED],
    outbase: ".",
    outdir: "dist",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "es2022",
    // The user's own copies: what belongs to them must be what belongs to us.
    external: Object.keys({ ...dependencies, ...peerDependencies }),
    // All in one folder, and that at the place of `core`: see `core/own-files.ts`.
    chunkNames: "core/chunk-[hash]",
    minifyWhitespace: true,
    lineLimit: 160,
    sourcemap: true,
    logLevel: "warning",
    write: false,
  });
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, path.endsWith(".js") ? withOwnNames(text) : text);
  }
}

rmSync(join(root, "dist"), { recursive: true, force: true });
const compiled = writeDeclarations();
if (compiled) await writeScripts();
const missing = compiled ? promisedFiles().filter((path) => !existsSync(join(root, path))) : [];
if (missing.length > 0) console.error(`build: package.json exports what was not built: ${missing.join(", ")}`);
process.exitCode = compiled && missing.length === 0 ? 0 : 1;
console.log(process.exitCode === 0 ? "build: dist/ is new" : "build: failed");
