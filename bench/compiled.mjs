/** Sees to it that what is measured is what stands in the sources. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const SOURCES = ["core", "interop", "to_promise", "trionics"];

/** Build `dist/` if it is missing, or older than any source. @throws Error if that fails */
export function ensureCompiled() {
  const built = join(root, "dist/core/mod.js");
  if (existsSync(built) && statSync(built).mtimeMs >= newestSource()) return;
  console.error("bench: dist/ is missing or stale; building it");
  const { status } = spawnSync(process.execPath, [join(root, ".ci/build.mjs")], { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("dist/ could not be built, so there is nothing to measure");
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
