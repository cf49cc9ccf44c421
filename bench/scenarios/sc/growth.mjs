/** Whether cost per task stays what it is when there are many, and whether anything stays behind when they are gone. */
import { run as runEffection, spawn, until } from "effection";
import { checkpoint, openNursery, run } from "../../espalier.mjs";
import { heapBytes } from "../../scenario.mjs";

/** @import { Operation } from "effection" */
/** @import { Measure, Scenario } from "../../scenario.mjs" */

/** @returns {Operation<void>} */
function* twoSteps() {
  yield* checkpoint();
}

async function twoStepsAsync() {
  await null;
}

/** @returns {Operation<void>} */
function* twoStepsInEffection() {
  yield* until(Promise.resolve());
}

/** @param {number} n */
function spawnOurs(n) {
  return run(() =>
    openNursery(function* (nursery) {
      for (let i = 0; i < n; i++) nursery.startSoon(twoSteps);
    }),
  );
}

/** @param {number} n */
function spawnEffection(n) {
  return runEffection(function* () {
    const tasks = [];
    for (let i = 0; i < n; i++) tasks.push(yield* spawn(twoStepsInEffection));
    for (const task of tasks) yield* task;
  });
}

/** @param {number} n */
function spawnPromises(n) {
  return Promise.all(Array.from({ length: n }, twoStepsAsync));
}

/**
 * @param {number} count - all alive at once
 * @param {(count: number) => PromiseLike<unknown>} work
 * @returns {Measure}
 */
function microsecondsOnce(count, work) {
  return async ({ quick }) => {
    const n = quick ? count / 10 : count;
    for (let i = 0; i < 5; i++) await work(Math.min(n, 10_000));
    const start = performance.now();
    await work(n);
    return ((performance.now() - start) * 1_000) / n;
  };
}

/** Tasks alive at once in a soak. */
const WAVE = 1_000;

/** One tree for all waves: a `run` for each would add what Effection's own `run` does to the heap. @param {number} waves */
function soakOurs(waves) {
  return run(function* () {
    for (let i = 0; i < waves; i++) {
      yield* openNursery(function* (nursery) {
        for (let j = 0; j < WAVE; j++) nursery.startSoon(twoSteps);
      });
    }
  });
}

/** @param {number} waves */
async function soakPromises(waves) {
  for (let i = 0; i < waves; i++) await spawnPromises(WAVE);
}

/**
 * @param {(waves: number) => PromiseLike<unknown>} work
 * @returns {Measure}
 */
function heapGrowth(work) {
  return async ({ quick, soak }) => {
    const waves = Math.ceil((soak * (quick ? 100_000 : 1_000_000)) / WAVE);
    await work(100);
    const before = heapBytes();
    await work(waves);
    return (heapBytes() - before) / 1_024;
  };
}

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  "tasks-10k": {
    title: "10,000 tasks of two steps alive at once",
    unit: "µs/task",
    limit: "promises",
    peers: {
      espalier: microsecondsOnce(10_000, spawnOurs),
      effection: microsecondsOnce(10_000, spawnEffection),
      promises: microsecondsOnce(10_000, spawnPromises),
    },
  },
  "tasks-100k": {
    title: "100,000 of them",
    unit: "µs/task",
    limit: "promises",
    peers: {
      espalier: microsecondsOnce(100_000, spawnOurs),
      promises: microsecondsOnce(100_000, spawnPromises),
    },
  },
  "tasks-1m": {
    title: "1,000,000 of them",
    unit: "µs/task",
    limit: "promises",
    repeats: 3,
    note: "Effection needs 10 KB for each, and is left out from 100,000 on",
    peers: {
      espalier: microsecondsOnce(1_000_000, spawnOurs),
      promises: microsecondsOnce(1_000_000, spawnPromises),
    },
  },
  soak: {
    title: "heap gained by a soak of spawned tasks",
    unit: "KiB",
    limit: "promises",
    repeats: 1,
    note: "a million tasks unless --soak says more; a thousand alive at a time",
    peers: { espalier: heapGrowth(soakOurs), promises: heapGrowth(soakPromises) },
  },
};
