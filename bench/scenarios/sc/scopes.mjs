/** Entering and leaving blocks in which nothing happens. */
import { race, run as runEffection, scoped, sleep } from "effection";
import { CancelScope, moveOnAfter, openNursery, run } from "../../espalier.mjs";
import { microsecondsEach } from "../../scenario.mjs";

/** @import { Operation } from "effection" */
/** @import { Scenario } from "../../scenario.mjs" */

/** Long enough never to come. */
const DEADLINE_MS = 60_000;

/** @returns {Operation<void>} */
function* nothing() {}

async function nothingAsync() {}

const scopedEffection = microsecondsEach(10_000, (n) =>
  runEffection(function* () {
    for (let i = 0; i < n; i++) yield* scoped(nothing);
  }),
);

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  nursery: {
    title: "empty nursery",
    unit: "µs/block",
    limit: "promises",
    note: "Effection's nearest is scoped(), a promise's Promise.all of none",
    peers: {
      espalier: microsecondsEach(20_000, (n) =>
        run(function* () {
          for (let i = 0; i < n; i++) yield* openNursery(nothing);
        }),
      ),
      effection: scopedEffection,
      promises: microsecondsEach(100_000, async (n) => {
        for (let i = 0; i < n; i++) await Promise.all([]);
      }),
    },
  },
  "cancel-scope": {
    title: "cancel scope",
    unit: "µs/block",
    limit: "promises",
    note: "Effection's nearest is scoped(), a promise's an AbortController",
    peers: {
      espalier: microsecondsEach(20_000, (n) =>
        run(function* () {
          for (let i = 0; i < n; i++) yield* new CancelScope().run(nothing);
        }),
      ),
      effection: scopedEffection,
      promises: microsecondsEach(20_000, async (n) => {
        for (let i = 0; i < n; i++) {
          const { signal } = new AbortController();
          await nothingAsync();
          signal.throwIfAborted();
        }
      }),
    },
  },
  deadline: {
    title: "deadline that is met",
    unit: "µs/block",
    limit: "promises",
    note: "Effection's is a race with sleep(), a promise's an AbortController and a timer",
    peers: {
      espalier: microsecondsEach(20_000, (n) =>
        run(function* () {
          for (let i = 0; i < n; i++) yield* moveOnAfter(DEADLINE_MS, nothing);
        }),
      ),
      effection: microsecondsEach(5_000, (n) =>
        runEffection(function* () {
          for (let i = 0; i < n; i++) yield* race([nothing(), sleep(DEADLINE_MS)]);
        }),
      ),
      promises: microsecondsEach(20_000, async (n) => {
        for (let i = 0; i < n; i++) {
          const controller = new AbortController();
          const timer = setTimeout(() => controller.abort(), DEADLINE_MS);
          await nothingAsync();
          clearTimeout(timer);
        }
      }),
    },
  },
};
