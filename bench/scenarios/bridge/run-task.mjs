/** Promise code called from a task, in one process. */
import { run as runEffection, until } from "effection";
import { run } from "../../espalier.mjs";
import { microsecondsEach } from "../../scenario.mjs";
import { runTask } from "../../to-promise.mjs";

/** @import { Scenario } from "../../scenario.mjs" */

/** @param {{ n: number }} args */
async function double({ n }) {
  await null;
  return 2 * n;
}

/** @param {{ n: number }} args @param {{ signal: AbortSignal }} tools */
async function doubleUnlessAborted({ n }, { signal }) {
  await null;
  signal.throwIfAborted();
  return 2 * n;
}

const COUNT = 10_000;

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  "run-task": {
    title: "a promise function, called and awaited",
    unit: "µs/call",
    limit: "await",
    note: "effection's until gives no signal, and neither it nor await waits for a promise once cancelled",
    peers: {
      espalier: microsecondsEach(COUNT, (n) =>
        run(function* () {
          for (let i = 0; i < n; i++) yield* runTask(double, { n: i });
        }),
      ),
      effection: microsecondsEach(COUNT, (n) =>
        runEffection(function* () {
          for (let i = 0; i < n; i++) yield* until(double({ n: i }));
        }),
      ),
      await: microsecondsEach(COUNT, async (n) => {
        for (let i = 0; i < n; i++) await double({ n: i });
      }),
    },
  },
  "run-task-signal": {
    title: "the same with a signal, that is looked at",
    unit: "µs/call",
    limit: "await",
    peers: {
      espalier: microsecondsEach(COUNT, (n) =>
        run(function* () {
          for (let i = 0; i < n; i++) yield* runTask(doubleUnlessAborted, { n: i });
        }),
      ),
      await: microsecondsEach(COUNT, async (n) => {
        for (let i = 0; i < n; i++) await doubleUnlessAborted({ n: i }, new AbortController());
      }),
    },
  },
  "run-task-leaks": {
    title: "the same, watched for leaks",
    unit: "µs/call",
    note: "a stack is noted for every promise that is made; off, nothing is",
    peers: {
      espalier: microsecondsEach(1_000, (n) =>
        run(function* () {
          for (let i = 0; i < n; i++) yield* runTask(double, { n: i }, { leaks: "warn" });
        }),
      ),
      "espalier, off": microsecondsEach(COUNT, (n) =>
        run(function* () {
          for (let i = 0; i < n; i++) yield* runTask(double, { n: i });
        }),
      ),
    },
  },
};
