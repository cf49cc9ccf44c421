/** The cheapest step there is: let others run. */
import { action, run as runEffection } from "effection";
import { checkpoint, run } from "../../espalier.mjs";
import { microsecondsEach } from "../../scenario.mjs";

/** @import { Scenario } from "../../scenario.mjs" */

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  checkpoint: {
    title: "checkpoint",
    unit: "µs/step",
    limit: "promises",
    note: "Effection has none; its action() that resolves at once lets nobody else run. A promise's is `await null`",
    peers: {
      espalier: microsecondsEach(200_000, (n) =>
        run(function* () {
          for (let i = 0; i < n; i++) yield* checkpoint();
        }),
      ),
      effection: microsecondsEach(100_000, (n) =>
        runEffection(function* () {
          for (let i = 0; i < n; i++) yield* action(resolveAtOnce);
        }),
      ),
      promises: microsecondsEach(500_000, async (n) => {
        for (let i = 0; i < n; i++) await null;
      }),
    },
  },
};

/** @type {(resolve: (value: void) => void) => () => void} */
function resolveAtOnce(resolve) {
  resolve();
  return () => {};
}
