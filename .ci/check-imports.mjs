/**
 * Who may import whom: the directions of the project's folders, no cycles, and a few things that only one place may do.
 * `node .ci/check-imports.mjs` prints each violation as `file:line: rule` and exits with 1 if there is any.
 *
 * Imports are found by their text, at the start of a line, as the formatter leaves them: no parser is needed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Folders whose files are the package. */
const SOURCES = ["core", "interop", "to_promise", "trionics"];
/** Checked only for how paths are spelled. */
const OTHERS = ["tests", "examples", "bench"];

/** For each part of the tree, the parts below it that it may import. */
const BELOW = {
  "core/actor-id.ts": [],
  "core/node-modules.ts": [],
  "core/own-files.ts": [],
  "core/stack-frames.ts": [],
  "core/errors": ["core/actor-id.ts", "core/stack-frames.ts"],
  "core/warnings.ts": [],
  "core/exception-group.ts": ["core/errors", "core/stack-frames.ts"],
  "core/sc": ["bottom", "core/node-modules.ts"],
  "core/log": ["bottom", "core/sc/clock.ts"],
  "core/wire": ["bottom"],
  "core/ipc": ["bottom", "core/sc", "core/log", "core/wire"],
  "core/promise": ["bottom", "core/sc", "core/log"],
  "core/rpc": ["bottom", "core/sc", "core/log", "core/wire", "core/ipc", "core/promise"],
  "core/actor": [
    "bottom",
    "core/node-modules.ts",
    "core/sc",
    "core/log",
    "core/wire",
    "core/ipc",
    "core/promise",
    "core/rpc",
  ],
  "core/mod.ts": ["bottom", "core/sc", "core/log", "core/wire", "core/ipc", "core/promise", "core/rpc", "core/actor"],
  "core/cli": ["bottom", "core/sc", "core/log", "core/wire", "core/ipc", "core/rpc", "core/actor", "core/mod.ts"],
  to_promise: ["core/mod.ts", "core/promise/mod.ts"],
  trionics: ["core/mod.ts"],
  interop: ["core/mod.ts", "to_promise/mod.ts"],
};
const BOTTOM = [
  "core/actor-id.ts",
  "core/errors",
  "core/exception-group.ts",
  "core/own-files.ts",
  "core/stack-frames.ts",
  "core/warnings.ts",
];

/** The only parts that may import a package. One that is not listed is open to all but `core/wire` and the bottom. */
const PACKAGE_OWNERS = { rxjs: ["interop"], "@msgpack/msgpack": ["core/wire"] };
/** What `core/wire` and the bottom may import from outside: nothing that does I/O, nothing that runs tasks. */
const PURE = ["node:buffer", "node:url", "node:util", "@msgpack/msgpack"];
const MUST_BE_PURE = ["core/wire", ...BOTTOM];

const CLOCK = "core/sc/clock.ts";
const TIME_USE = /\b(?:setTimeout|setInterval|Date\.now)\b/g;

const STATEMENT = /^(import|export)\b(?:[\w$\s{},*]*?\bfrom)?\s*"([^"]+)"/gm;
const DYNAMIC = /\b(import)\(\s*"([^"]+)"/g;

/**
 * @param {ReadonlyMap<string, string>} files - the text of each file by its path from the root, with slashes
 * @returns {string[]} what is wrong, each as `file:line: rule`, sorted by file
 */
export function findViolations(files) {
  const violations = [];
  const graph = new Map();
  for (const [path, text] of files) {
    const report = (line, rule) => violations.push(`${path}:${line}: ${rule}`);
    const code = withoutComments(text);
    const imports = findImports(path, code);
    for (const found of imports) checkSpelling(found, report);
    if (!isSource(path)) continue;
    graph.set(
      path,
      imports.filter(({ isErased }) => !isErased),
    );
    const part = partOf(path);
    if (part === undefined) report(1, "no layer is defined for this place; add it to BELOW in .ci/check-imports.mjs");
    for (const found of imports) {
      if (part !== undefined) checkDirection(part, found, report);
      if (found.keyword === "export" && posix.basename(path) !== "mod.ts") report(found.line, "only mod.ts re-exports");
    }
    if (path !== CLOCK) checkTime(code, report);
  }
  for (const { path, line, ring } of findCycles(graph)) violations.push(`${path}:${line}: import cycle: ${ring}`);
  return violations.sort();
}

/** Every import and re-export of a file: where it stands, what is written, and the file meant if it is one of ours. */
function findImports(path, code) {
  return [...code.matchAll(STATEMENT), ...code.matchAll(DYNAMIC)].map(
    ({ index, 0: found, 1: keyword, 2: specifier }) => ({
      keyword,
      /** `import type` is gone at run time: types may refer to each other in a ring, modules may not. */
      isErased: /^(?:import|export)\s+type\s+[^\s,]/.test(found) && !/^import\s+type\s+from\b/.test(found),
      specifier,
      line: lineAt(code, index),
      target: specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : undefined,
    }),
  );
}

function checkSpelling({ specifier, line, target }, report) {
  if (target !== undefined && !/\.(ts|mjs|json)$/.test(target)) report(line, `paths end in .ts, not "${specifier}"`);
}

function checkDirection(part, { specifier, line, target }, report) {
  if (target === undefined) {
    const name = specifier.startsWith("@")
      ? specifier.split("/", 2).join("/")
      : specifier.replace(/(?<!^node:.*)\/.*$/, "");
    if (MUST_BE_PURE.includes(part) && !PURE.includes(name))
      report(line, `${part} is pure: it may not import ${specifier}`);
    const owners = PACKAGE_OWNERS[name];
    if (owners && !owners.includes(part)) report(line, `only ${owners.join(", ")} imports ${name}, not ${part}`);
    return;
  }
  const targetPart = partOf(target);
  if (targetPart === part) return;
  const allowed = BELOW[part].flatMap((below) => (below === "bottom" ? BOTTOM : [below]));
  // A listed file is allowed alone; a listed folder with all that is in it.
  if (!allowed.includes(target) && !allowed.includes(targetPart)) {
    report(line, `${part} may not import ${target} (only ${allowed.join(", ") || "nothing of ours"})`);
  }
}

function checkTime(code, report) {
  const withoutStrings = code.replace(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\$]|\\.|\$(?!\{))*`/g, blank);
  for (const { index, 0: name } of withoutStrings.matchAll(TIME_USE)) {
    report(lineAt(code, index), `only ${CLOCK} uses ${name}`);
  }
}

/** One ring for each import that closes one, found by walking the graph depth first. */
function findCycles(graph) {
  const cycles = [];
  const done = new Set();
  const trail = [];
  const visit = (path) => {
    trail.push(path);
    for (const { target, line } of graph.get(path) ?? []) {
      if (target === undefined || done.has(target)) continue;
      const at = trail.indexOf(target);
      if (at < 0) visit(target);
      else cycles.push({ path, line, ring: [...trail.slice(at), target].join(" -> ") });
    }
    trail.pop();
    done.add(path);
  };
  for (const path of graph.keys()) if (!done.has(path)) visit(path);
  return cycles;
}

/** The key of BELOW that a path belongs to, if any. */
function partOf(path) {
  return Object.keys(BELOW).find((part) => path === part || path.startsWith(`${part}/`));
}

function isSource(path) {
  return SOURCES.some((folder) => path.startsWith(`${folder}/`));
}

/** Comments become blanks, so that line numbers stay. A `//` inside a string (`"https://…"`) is none. */
function withoutComments(text) {
  return text.replace(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|\/\*[\s\S]*?\*\/|\/\/.*/g, (found) =>
    found.startsWith("/") ? blank(found) : found,
  );
}

function blank(text) {
  return text.replace(/[^\n]/g, " ");
}

function lineAt(text, index) {
  return text.slice(0, index).split("\n").length;
}

function readTree(root) {
  const files = new Map();
  for (const folder of [...SOURCES, ...OTHERS]) {
    let names = [];
    try {
      names = readdirSync(join(root, folder), { recursive: true });
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
    for (const name of names.filter((name) => name.endsWith(".ts") && !name.includes("node_modules"))) {
      files.set(posix.join(folder, name.replaceAll("\\", "/")), readFileSync(join(root, folder, name), "utf8"));
    }
  }
  return files;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const files = readTree(process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url)));
  const violations = findViolations(files);
  for (const violation of violations) console.error(violation);
  console.log(
    `imports of ${files.size} files: ${violations.length === 0 ? "as they should be" : `${violations.length} wrong`}`,
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
}
