/** What an actor exposes, as users write it down. */
import type { EnabledModules } from "../rpc/function-name.ts";

/**
 * URLs (`import.meta.resolve("./feed.ts")`), or short names to URLs. An allowlist: nothing else can be called, and the
 * modules are imported while the actor starts.
 */
export type ModuleList = readonly (string | URL)[] | Readonly<Record<string, string | URL>>;

/** By name, and a URL is its own name. @throws TypeError for what is no URL */
export function enabledModules(given: ModuleList = []): EnabledModules {
  const entries: [string, string | URL][] = Array.isArray(given)
    ? given.map((url: string | URL) => [String(url), url])
    : Object.entries(given);
  const modules: Record<string, string> = {};
  for (const [name, url] of entries) {
    if (!URL.canParse(String(url))) {
      throw new TypeError(
        `enableModules: ${JSON.stringify(String(url))} is not a URL; give import.meta.resolve("./module.ts") or a file: URL`,
      );
    }
    modules[name] = String(url);
  }
  return modules;
}
