/**
 * Build `dist/` anew: JavaScript for plain Node, and declarations. Run from anywhere: `node .ci/build.mjs`. Any type
 * error, or an entry of `exports` that is not built, fails it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeScripts } from "./scripts.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

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

function writeDeclarations() {
  const args = [compilerPath(), "-p", "tsconfig.build.json"];
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (error) throw error;
  return status === 0;
}

rmSync(join(root, "dist"), { recursive: true, force: true });
const compiled = writeDeclarations();
if (compiled) await writeScripts();
const missing = compiled ? promisedFiles().filter((path) => !existsSync(join(root, path))) : [];
if (missing.length > 0) console.error(`build: package.json exports what was not built: ${missing.join(", ")}`);
process.exitCode = compiled && missing.length === 0 ? 0 : 1;
console.log(process.exitCode === 0 ? "build: dist/ is new" : "build: failed");
