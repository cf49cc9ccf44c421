/**
 * Build `dist/` anew: JavaScript for plain Node, with declarations and with source maps that carry their sources.
 * Run from anywhere: `node .ci/build.mjs`. Any type error, or an entry of `exports` that is not built, fails it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The compiler's own start script, found as Node finds packages, so that no shell and no PATH is needed. */
function compilerPath() {
  const manifest = createRequire(import.meta.url).resolve("typescript/package.json");
  const { bin } = JSON.parse(readFileSync(manifest, "utf8"));
  return join(dirname(manifest), bin.tsc);
}

/** Every file that `exports` of package.json promises under `dist/`. */
function promisedFiles() {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.values(exports)
    .flatMap((entry) => (typeof entry === "string" ? [entry] : Object.values(entry)))
    .filter((path) => path.startsWith("./dist/"));
}

rmSync(join(root, "dist"), { recursive: true, force: true });
const { status, error } = spawnSync(process.execPath, [compilerPath(), "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (error) throw error;
const compiled = status === 0;
const missing = compiled ? promisedFiles().filter((path) => !existsSync(join(root, path))) : [];
if (missing.length > 0) console.error(`build: package.json exports what was not built: ${missing.join(", ")}`);
process.exitCode = compiled && missing.length === 0 ? 0 : 1;
console.log(process.exitCode === 0 ? "build: dist/ is new" : "build: failed");
