/** Whether what one costs stays what it is when there are many: dialogs on one connection, and actors in one tree. */
import { BY_HAND, measureEach } from "../../peers.mjs";
import { median, perSecond, timeMs } from "../../scenario.mjs";

/** @import { Scenario } from "../../scenario.mjs" */

const DIALOGS = [1, 10, 1_000, 10_000];
const CALLERS = 64;
const ACTORS = [1, 10, 50, 200];
/** Calls that each child has had before it is measured, and in a round: the same for all sizes, so that all are as warm. */
const WARM_CALLS = 1_000;
const ROUND_CALLS = 300;
const ROUNDS = 3;
const BIG = 50;
const BIG_REPEATS = 3;
/** One process of its own makes a sample of so many starts, where that does not take long. */
const STARTS = 3;
const FEW = 10;
/** Of a kind with `fork-json`, and threads. */
const NOT_ACTORS = ["fork-advanced", "worker"];

/** @type {(sizes: readonly number[], name: string, of: (size: number) => Scenario) => (readonly [string, Scenario])[]} */
function forEach(sizes, name, of) {
  return sizes.map((size) => [`${name}-${size}`, of(size)]);
}

/** @type {(size: number) => Scenario} */
const callsBesideDialogs = (size) => ({
  title: `calls by ${CALLERS} callers at once, dialogs open and idle: ${size.toLocaleString("en-US")}`,
  unit: "calls/s",
  better: "more",
  limit: BY_HAND,
  note: "a dialog is a context, or a stream that has given its first value; on the socket it is an entry in a map",
  peers: measureEach(["callsAtOnce", "idle"], async (open, options) => {
    const fleet = await open(1);
    await fleet.idle(size);
    return await perSecond(options, (count) => fleet.callsAtOnce(count, CALLERS));
  }),
});

/** @type {(size: number) => Scenario} */
const startsOf = (size) => ({
  title: `start to first result, for each of ${size} at once`,
  unit: "ms/child",
  limit: BY_HAND,
  note: "one alone waits for its process; from some on the cores are what they wait for",
  peers: measureEach(
    ["callsOfAll"],
    async (open) => {
      /** @type {number[]} */
      const figures = [];
      for (let i = 0; i < (size > FEW ? 1 : STARTS); i++) {
        const before = performance.now();
        const fleet = await open(size);
        figures.push((performance.now() - before) / size);
        await fleet.close();
      }
      return median(figures);
    },
    NOT_ACTORS,
  ),
  ...(size < BIG ? {} : { repeats: BIG_REPEATS }),
});

/** @type {(size: number) => Scenario} */
const callsOfAll = (size) => ({
  title: `calls, one caller for each of ${size} children`,
  unit: "calls/s",
  better: "more",
  limit: BY_HAND,
  note: `all children together, after ${WARM_CALLS.toLocaleString("en-US")} calls of each: those of many are no warmer than a single one`,
  peers: measureEach(
    ["callsOfAll"],
    async (open, { quick }) => {
      const fleet = await open(size);
      const share = quick ? size / 10 : size;
      await fleet.callsOfAll(WARM_CALLS * share);
      /** @type {number[]} */
      const rounds = [];
      const calls = ROUND_CALLS * share;
      for (let i = 0; i < ROUNDS; i++) rounds.push((calls * 1_000) / (await timeMs(() => fleet.callsOfAll(calls))));
      return median(rounds);
    },
    NOT_ACTORS,
  ),
  ...(size < BIG ? {} : { repeats: BIG_REPEATS }),
});

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = Object.fromEntries([
  ...forEach(DIALOGS, "growth-dialogs", callsBesideDialogs),
  ...forEach(ACTORS, "growth-spawn", startsOf),
  ...forEach(ACTORS, "growth-calls", callsOfAll),
]);
