/**
 * Build `dist/` anew: JavaScript for plain Node, with declarations and with source maps that carry their sources.
 * Run from anywhere: `node .ci/build.mjs`. Any type error, or an entry of `exports` that is not built, fails it.
 *
 * Node takes half a millisecond for each file that it imports, in every process of a tree. So all that a plain actor
 * needs is in one file, Effection's share of it too, and what few actors use is in files that are imported when they do.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const { exports, dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Files that are started by their path, in a process or a thread of their own. */
const STARTED = ["core/actor/child-entry.ts", "core/cli/main.ts", "core/sc/worker-entry.ts"];

/** What starts something where it is imported, and what is imported when it is first needed: not in the one file. */
const APART =
  /^core\/(cli\/|actor\/(child-entry|child-process|watchdog)|ipc\/(challenge|entrance|secure)|sc\/worker-entry)/;

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

/** `core/sc/run.ts` -> `core/sc/run`, so that each entry is built where its source stands. */
const byPath = (paths) => Object.fromEntries(paths.map((path) => [path.replace(/^\.\/|\.ts$/g, ""), path]));

function isOfRuntime(id) {
  const path = relative(root, id);
  return /^(core\/|node_modules\/effection\/)/.test(path) && !APART.test(path);
}

async function writeScripts() {
  await build({
    cwd: root,
    input: byPath([...entrySources(), ...STARTED]),
    platform: "node",
    // The user's own copies. Effection's is ours: see "Effection is bundled" in docs/decisions.md.
    external: [...Object.keys(dependencies), /^rxjs(\/|$)/],
    transform: { target: "es2022" },
    // What is imported for what it does, though package.json says of the package that nothing is.
    treeshake: { moduleSideEffects: (id) => id.endsWith("/child-process.ts") },
    output: {
      dir: "dist",
      format: "esm",
      entryFileNames: "[name].js",
      // In `core`: see `core/own-files.ts`.
      chunkFileNames: "core/[name].js",
      codeSplitting: { groups: [{ name: "runtime", test: isOfRuntime }] },
      sourcemap: true,
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true, asciiOnly: true } },
    },
  });
}

rmSync(join(root, "dist"), { recursive: true, force: true });
const compiled = writeDeclarations();
if (compiled) await writeScripts();
const missing = compiled ? promisedFiles().filter((path) => !existsSync(join(root, path))) : [];
if (missing.length > 0) console.error(`build: package.json exports what was not built: ${missing.join(", ")}`);
process.exitCode = compiled && missing.length === 0 ? 0 : 1;
console.log(process.exitCode === 0 ? "build: dist/ is new" : "build: failed");
