import { fileURLToPath } from "node:url";
import type { Plugin } from "vitest/config";
import { defineConfig } from "vitest/config";

const ROOT = fileURLToPath(new URL("./", import.meta.url));
const TESTS = `${ROOT}tests/`;

/**
 * In the process of a test the package's own name stands for its sources. Not by a condition, as elsewhere: that would go
 * on to what the test starts.
 */
const SOURCES = [
  { find: /^espalier$/, replacement: `${ROOT}core/mod.ts` },
  { find: /^espalier\/(interop|to_promise|trionics)$/, replacement: `${ROOT}$1/mod.ts` },
];

/**
 * Programs, actors and worker threads that tests start run the compiled package, as those of users do; it takes them a
 * third of the time that loading the sources takes.
 */
const COMPILED_PROCESSES: Plugin = {
  name: "compiled-processes",
  enforce: "pre",
  resolveId: (source) => (source.endsWith("/own-files.ts") ? `${TESTS}support/compiled-files.ts` : null),
};

/**
 * `--mode two-effections`: tests use another Effection than the runtime does, as a user does of the compiled package,
 * which has its own. It is the oldest of the range that users may have.
 */
const ANOTHER_EFFECTION: Plugin = {
  name: "another-effection",
  enforce: "pre",
  async resolveId(source, importer) {
    if (source !== "effection" || !importer?.startsWith(TESTS)) return null;
    return await this.resolve("effection-4.1.0", importer, { skipSelf: true });
  },
};

export default defineConfig(({ mode }) => ({
  plugins: [COMPILED_PROCESSES, ...(mode === "two-effections" ? [ANOTHER_EFFECTION] : [])],
  resolve: { alias: SOURCES },
  test: {
    include: ["tests/**/*.test.ts"],
    globalSetup: ["tests/support/compile.ts"],
    pool: "forks",
    maxWorkers: 2,
    // Of every process that a test starts, too.
    execArgv: ["--import", "tsx"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // `npm run coverage`: what core/sc promises is tested to the last line and branch, by its own tests.
    coverage: {
      include: ["core/sc/**"],
      // Run in processes and threads of their own, which this cannot see: `run-main.test.ts` and `run-in-worker.test.ts`
      // start real ones.
      exclude: ["core/sc/run-main.ts", "core/sc/worker-boot.ts", "core/sc/worker-entry.ts"],
      reporter: ["text"],
      thresholds: { 100: true },
    },
  },
}));
