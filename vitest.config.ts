import { fileURLToPath } from "node:url";
import type { Plugin } from "vitest/config";
import { defineConfig } from "vitest/config";

/** Tests run the sources: the package's own name resolves to them under the first; the others are Vite's defaults. */
const CONDITIONS = ["espalier-source", "module", "node", "development|production"];

const TESTS = fileURLToPath(new URL("tests/", import.meta.url));

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
  plugins: mode === "two-effections" ? [ANOTHER_EFFECTION] : [],
  resolve: { conditions: CONDITIONS },
  ssr: { resolve: { conditions: CONDITIONS, externalConditions: ["espalier-source"] } },
  test: {
    include: ["tests/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    // What Node itself resolves, and every process that a test starts with the same arguments.
    execArgv: ["--import", "tsx", "--conditions=espalier-source"],
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
