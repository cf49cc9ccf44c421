/**
 * The package as its users get it: packed, installed into an empty project, and used from compiled JavaScript under
 * plain Node and from TypeScript under tsx. Takes the versions of the peers and tools from our own devDependencies.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** For one command; the slowest is an installation without a cache over a slow line. */
const COMMAND_WITHIN_MS = 180_000;

const EXPECTED = `squares 1
squares 4
squares 9
done
42
worker
true true
8
observed 1
observed 2
10
function function
`;

const root = fileURLToPath(new URL("..", import.meta.url));
const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const project = mkdtempSync(join(tmpdir(), "packed-"));

function runIn(cwd, command, ...args) {
  const { status, signal, error, stdout } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: COMMAND_WITHIN_MS,
    killSignal: "SIGKILL",
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${[command, ...args].join(" ")}: ended with ${signal ?? status}\n${stdout}`);
  return stdout;
}

const inProject = (command, ...args) => runIn(project, command, ...args);

function install(...packages) {
  const specs = packages.map((name) => (name in devDependencies ? `${name}@${devDependencies[name]}` : name));
  inProject("npm", "install", "--no-audit", "--no-fund", "--prefer-offline", ...specs);
}

function expectEqual(what, actual, expected) {
  if (actual !== expected) throw new Error(`${what}: expected\n${expected}\ngot\n${actual}`);
  console.log(`packed: ${what}: as expected`);
}

function checkContents(files) {
  const foreign = files.filter(
    (path) =>
      !/^(dist\/.*\.(js|d\.ts|js\.map)|(core|interop|to_promise|trionics)\/.*\.ts|package\.json|[A-Z]+(\.md)?)$/.test(
        path,
      ),
  );
  expectEqual("files that do not belong in the package", foreign.join("\n"), "");
  const absent = ["LICENSE", "README.md", "dist/core/mod.js"].filter((path) => !files.includes(path));
  expectEqual("files that should be in it", absent.join("\n"), "");
}

try {
  const [packed] = JSON.parse(runIn(root, "npm", "pack", "--json", "--ignore-scripts", "--pack-destination", project));
  checkContents(packed.files.map((file) => file.path));
  console.log(`packed: ${packed.filename}, ${packed.size} bytes, ${packed.files.length} files`);

  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
  install(`./${packed.filename}`, "effection");
  const loaded = inProject("node", "-e", `import("espalier").then(({ run }) => console.log(typeof run))`);
  expectEqual("without rxjs", loaded, "function\n");

  const misnamed = `import("espalier").then((all) => console.log(Object.entries(all)
    .flatMap(([name, value]) => (typeof value === "function" && value.name !== name && /^class /.test(value.toString()) ? [value.name] : [])).join()))`;
  expectEqual("classes that lost their names", inProject("node", "-e", misnamed), "\n");

  install("rxjs", "tsx", "typescript", "@types/node");
  copyFileSync(join(root, ".ci", "packed", "program.ts"), join(project, "program.ts"));
  expectEqual("TypeScript under tsx", inProject("node", "--import", "tsx", "program.ts"), EXPECTED);

  // Our declarations have to stand the strictest reading, in a project that knows none of our settings.
  const flags = ["--strict", "--skipLibCheck", "false", "--target", "es2022", "--types", "node"];
  const strictest = ["--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--verbatimModuleSyntax"];
  inProject(
    "npx",
    "tsc",
    ...flags,
    ...strictest,
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
    "--noEmit",
    "program.ts",
  );
  inProject("npx", "tsc", ...flags, ...strictest, "--module", "nodenext", "program.ts");
  console.log("packed: types under nodenext and bundler: as expected");
  expectEqual("compiled JavaScript under plain Node", inProject("node", "program.js"), EXPECTED);
} finally {
  rmSync(project, { recursive: true, force: true });
}
