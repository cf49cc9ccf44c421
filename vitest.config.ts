import { defineConfig } from "vitest/config";

/** Tests run the sources: the package's own name resolves to them under the first; the others are Vite's defaults. */
const CONDITIONS = ["espalier-source", "module", "node", "development|production"];

export default defineConfig({
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
});
