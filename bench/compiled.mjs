/** Sees to it that what is measured is what stands in the sources. */
import { areScriptsFresh, writeScripts } from "../.ci/scripts.mjs";

/** Write the JavaScript of `dist/` if it is missing, or older than any source. @throws Error if that fails */
export async function ensureCompiled() {
  if (areScriptsFresh()) return;
  console.error("bench: dist/ is missing or stale; writing it");
  await writeScripts();
}
