/** Starting tasks and waiting for them. The task does nothing: what is measured is the task itself. */
import { run as runEffection, spawn } from "effection";
import { openNursery, run } from "../../espalier.mjs";
import { microsecondsEach } from "../../scenario.mjs";

/** @import { Operation } from "effection" */
/** @import { Scenario } from "../../scenario.mjs" */

/** @returns {Operation<void>} */
function* nothing() {}

async function nothingAsync() {}

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  "spawn-at-once": {
    title: "spawn + join, 10,000 at once",
    unit: "µs/task",
    limit: "promises",
    peers: {
      espalier: microsecondsEach(10_000, (n) =>
        run(() =>
          openNursery(function* (nursery) {
            for (let i = 0; i < n; i++) nursery.startSoon(nothing);
          }),
        ),
      ),
      effection: microsecondsEach(10_000, (n) =>
        runEffection(function* () {
          const tasks = [];
          for (let i = 0; i < n; i++) tasks.push(yield* spawn(nothing));
          for (const task of tasks) yield* task;
        }),
      ),
      promises: microsecondsEach(10_000, (n) => Promise.all(Array.from({ length: n }, nothingAsync))),
    },
  },
  "spawn-one-by-one": {
    title: "spawn + join, one by one",
    unit: "µs/task",
    limit: "promises",
    note: "espalier opens a nursery for each task: it has no handle to join",
    peers: {
      espalier: microsecondsEach(10_000, (n) =>
        run(function* () {
          for (let i = 0; i < n; i++) {
            yield* openNursery(function* (nursery) {
              nursery.startSoon(nothing);
            });
          }
        }),
      ),
      effection: microsecondsEach(10_000, (n) =>
        runEffection(function* () {
          for (let i = 0; i < n; i++) yield* yield* spawn(nothing);
        }),
      ),
      promises: microsecondsEach(100_000, async (n) => {
        for (let i = 0; i < n; i++) await nothingAsync();
      }),
    },
  },
};
