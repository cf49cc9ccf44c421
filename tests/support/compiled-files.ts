/** In place of `core/own-files.ts` in tests: what a test starts in processes and threads of their own is compiled. */
const COMPILED = new URL("../../dist/core/", import.meta.url);

export function ownFile(path: string): URL {
  return new URL(`${path}.js`, COMPILED);
}
