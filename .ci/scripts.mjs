/**
 * The compiled JavaScript of `dist/`, with source maps to the sources beside it.
 *
 * Node takes half a millisecond for each file that it imports, in every process of a tree. So all that a plain actor
 * needs is in one file, Effection's share of it too, and what few actors use is in files that are imported when they do.
 *
 * Run by itself, `node .ci/scripts.mjs` writes them if a source is newer.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const { exports, dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const SOURCES = ["core", "interop", "to_promise", "trionics"];

/** Files that are started by their path, in a process or a thread of their own. */
const STARTED = ["core/actor/child-entry.ts", "core/cli/main.ts", "core/sc/worker-entry.ts"];

/** What starts something where it is imported, and what is imported when it is first needed: not in the one file. */
const APART =
  /^core\/(cli\/|actor\/(child-entry|child-process|watchdog)|ipc\/(challenge|entrance|secure)|sc\/worker-entry)/;

/** The source of every entry of `exports`. */
function entrySources() {
  return Object.values(exports).flatMap((entry) => entry["espalier-source"] ?? []);
}

/** `core/sc/run.ts` -> `core/sc/run`, so that each entry is built where its source stands. */
const byPath = (paths) => Object.fromEntries(paths.map((path) => [path.replace(/^\.\/|\.ts$/g, ""), path]));

function isOfRuntime(id) {
  const path = relative(root, id);
  return /^(core\/|node_modules\/effection\/)/.test(path) && !APART.test(path);
}

/** Write the JavaScript of all that is exported or started, over what is there. @throws Error if it cannot be built */
export async function writeScripts() {
  await build({
    cwd: root,
    input: byPath([...entrySources(), ...STARTED]),
    platform: "node",
    // The user's own copies. Effection's is ours: see "Effection is bundled" in docs/decisions.md.
    external: [...Object.keys(dependencies), /^rxjs(\/|$)/],
    transform: { target: "es2022" },
    // What is imported for what it does, though package.json says of the package that nothing is.
    treeshake: { moduleSideEffects: (id) => id.endsWith("/child-process.ts") },
    logLevel: "warn",
    output: {
      dir: "dist",
      format: "esm",
      entryFileNames: "[name].js",
      // In `core`: see `core/own-files.ts`.
      chunkFileNames: "core/[name].js",
      codeSplitting: { groups: [{ name: "runtime", test: isOfRuntime }] },
      sourcemap: true,
      // The package has them as files. In the maps each process under tsx would read them at its start: 90 ms.
      sourcemapExcludeSources: true,
      // No shorter names: that would be 1.5 ms of a child's start, and `#w` in stacks where `#cancelledBy` was.
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true, asciiOnly: true } },
    },
  });
}

/** Whether there is JavaScript, and no source is newer. */
export function areScriptsFresh() {
  const built = join(root, "dist/core/mod.js");
  return existsSync(built) && statSync(built).mtimeMs >= newestSource();
}

function newestSource() {
  return Math.max(
    ...SOURCES.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".ts"))
        .map((path) => statSync(join(root, folder, path)).mtimeMs),
    ),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !areScriptsFresh()) await writeScripts();
