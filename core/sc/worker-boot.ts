/**
 * How a worker thread comes to load the same modules as its parent, TypeScript included. Workers inherit Node's flags,
 * but a loader that a flag such as `--import tsx` has registered serves only the thread that registered it (Node 20),
 * and tsx leaves workers alone there. So a worker starts with a few lines of JavaScript that register it anew.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { ownFile } from "../own-files.ts";

export const WORKER_ENTRY = ownFile("sc/worker-entry").href;

/** Given as a URL, and not as text to evaluate: that would be read as the parent's `--input-type` says. */
export const WORKER_BOOT = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { workerData } from "node:worker_threads";
    if (workerData.loader !== undefined) (await import(workerData.loader)).register();
    await import(workerData.entry);
  `)}`,
);

/** The module that registers tsx, if this process runs under it. Registered twice, as on a newer Node, it does no harm. */
export function typeScriptLoader(
  flags: readonly string[] = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? "").split(/\s+/)],
): string | undefined {
  for (const [i, flag] of flags.entries()) {
    const specifier = flag === "--import" ? flags[i + 1] : flag.match(/^--import=(.*)$/)?.[1];
    if (specifier === undefined) continue;
    // `--import tsx` is found from the working directory; the `tsx` command names its own loader by URL.
    const isPackage = /^tsx(\/esm)?$/.test(specifier);
    if (!isPackage && !/\/tsx\/dist\/(loader|esm\/index)\.mjs$/.test(specifier)) continue;
    const from = isPackage ? pathToFileURL(`${process.cwd()}/`).href : specifier;
    return loaderOf(createRequire(from).resolve("tsx/package.json"));
  }
  return undefined;
}

/** The ES module of tsx that has `register`; its CommonJS twin cannot find its own files. */
function loaderOf(manifestPath: string): string {
  const manifest: { exports: { "./esm/api": { import: { default: string } } } } = JSON.parse(
    readFileSync(manifestPath, "utf8"),
  );
  return new URL(manifest.exports["./esm/api"].import.default, pathToFileURL(manifestPath)).href;
}
