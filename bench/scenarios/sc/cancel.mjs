/** Cancelling many tasks that wait, each of which has something to await on its way out. */
import { EventEmitter } from "node:events";
import { run as runEffection, scoped, spawn, suspend, until } from "effection";
import { checkpoint, openNursery, run, shielded, sleepForever } from "../../espalier.mjs";

/** @import { Operation } from "effection" */
/** @import { Measure, Scenario } from "../../scenario.mjs" */

const TASKS = 10_000;
const WARM_UPS = 2;

/**
 * @param {(count: number) => PromiseLike<{ from: number, cleaned: number }>} work - `from`: when the cancel began
 * @returns {Measure} µs per task from the cancel until all are gone
 */
function microsecondsToCancel(work) {
  return async ({ quick }) => {
    const n = quick ? TASKS / 10 : TASKS;
    for (let i = 0; i < WARM_UPS; i++) await work(n / 10);
    const { from, cleaned } = await work(n);
    const took = performance.now() - from;
    if (cleaned !== n) throw new Error(`${cleaned} of ${n} tasks cleaned up`);
    return (took * 1_000) / n;
  };
}

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  "cancel-10000": {
    title: "cancel 10,000 blocked tasks, each with async clean-up",
    unit: "µs/task",
    limit: "promises",
    note: "Effection halts one after the other; promises wait for an AbortSignal with a listener each",
    peers: {
      espalier: microsecondsToCancel((n) =>
        run(function* () {
          let cleaned = 0;
          let from = 0;
          /** @returns {Operation<void>} */
          function* blocked() {
            try {
              yield* sleepForever();
            } finally {
              yield* shielded(checkpoint);
              cleaned++;
            }
          }
          yield* openNursery(function* (nursery) {
            for (let i = 0; i < n; i++) nursery.startSoon(blocked);
            yield* checkpoint();
            from = performance.now();
            nursery.cancelScope.cancel();
          });
          return { from, cleaned };
        }),
      ),
      effection: microsecondsToCancel((n) =>
        runEffection(function* () {
          let cleaned = 0;
          let from = 0;
          /** @returns {Operation<void>} */
          function* blocked() {
            try {
              yield* suspend();
            } finally {
              yield* until(Promise.resolve());
              cleaned++;
            }
          }
          yield* scoped(function* () {
            for (let i = 0; i < n; i++) yield* spawn(blocked);
            yield* until(new Promise((resolve) => setImmediate(resolve)));
            from = performance.now();
          });
          return { from, cleaned };
        }),
      ),
      promises: microsecondsToCancel(async (n) => {
        let cleaned = 0;
        const controller = new AbortController();
        const { signal } = controller;
        const blocked = async () => {
          try {
            await new Promise((_, reject) => {
              signal.addEventListener("abort", () => reject(signal.reason), { once: true });
            });
          } finally {
            await null;
            cleaned++;
          }
        };
        EventEmitter.setMaxListeners(0, signal);
        const tasks = Array.from({ length: n }, blocked);
        await null;
        const from = performance.now();
        controller.abort();
        await Promise.allSettled(tasks);
        return { from, cleaned };
      }),
    },
  },
};
