/** What a task that waits keeps of the heap. */
import { run as runEffection, spawn, suspend } from "effection";
import { checkpoint, openNursery, run, sleepForever } from "../../espalier.mjs";
import { bytesEach } from "../../scenario.mjs";

/** @import { Operation } from "effection" */
/** @import { Scenario } from "../../scenario.mjs" */

/** @returns {Operation<void>} */
function* suspended() {
  yield* sleepForever();
}

/** @returns {Operation<void>} */
function* suspendedInEffection() {
  yield* suspend();
}

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  "memory-suspended": {
    title: "memory of a suspended task, of 100,000",
    unit: "bytes",
    limit: "promises",
    note: "Effection's is of 10,000: more take minutes",
    peers: {
      espalier: bytesEach(100_000, (n) => {
        /** @type {(value: unknown) => void} */
        let allStand;
        const standing = new Promise((resolve) => {
          allStand = resolve;
        });
        const tree = run(() =>
          openNursery(function* (nursery) {
            for (let i = 0; i < n; i++) nursery.startSoon(suspended);
            yield* checkpoint();
            allStand(undefined);
            yield* sleepForever();
          }),
        );
        return standing.then(() => () => tree);
      }),
      effection: bytesEach(10_000, (n) => {
        /** @type {(value: unknown) => void} */
        let allStand;
        const standing = new Promise((resolve) => {
          allStand = resolve;
        });
        const tree = runEffection(function* () {
          for (let i = 0; i < n; i++) yield* spawn(suspendedInEffection);
          setImmediate(() => allStand(undefined));
          yield* suspend();
        });
        tree.catch(() => {});
        return standing.then(() => () => tree);
      }),
      promises: bytesEach(100_000, async (n) => {
        /** @type {((value: unknown) => void)[]} */
        const wake = [];
        const wait = async () => {
          await new Promise((resolve) => {
            wake.push(resolve);
          });
        };
        const tasks = Array.from({ length: n }, wait);
        await null;
        return { wake, tasks };
      }),
    },
  },
};
