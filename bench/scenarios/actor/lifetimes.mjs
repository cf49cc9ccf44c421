/** Children from their start to their first result, and from the request to end until they have been waited for. */
import { spawn } from "node:child_process";
import { BY_HAND, measureEach, POOLS } from "../../peers.mjs";
import { median, timeMs } from "../../scenario.mjs";

/** @import { Fleet } from "../../peer.mjs" */
/** @import { Measure, Scenario } from "../../scenario.mjs" */

const MANY = 8;
/** One process of its own makes a sample of so many starts, one after the other: the machine's noise is in each. */
const STARTS = 5;
const QUICK_STARTS = 2;

/** @typedef {(open: () => Promise<Required<Fleet>>) => Promise<number>} Once - milliseconds */

/** @type {(count: number, once: Once) => Record<string, Measure>} */
function ofFleets(count, once) {
  return measureEach(
    [],
    async (open, { quick }) => {
      /** @type {number[]} */
      const figures = [];
      for (let i = 0; i < (quick ? QUICK_STARTS : STARTS); i++) figures.push(await once(() => open(count)));
      return median(figures);
    },
    count === 1 ? ["socket-chunks"] : ["socket-chunks", ...POOLS],
  );
}

/** @type {Once} */
async function timeToResult(open) {
  /** @type {Fleet | undefined} */
  let fleet;
  const ms = await timeMs(async () => {
    fleet = await open();
  });
  await fleet?.close();
  return ms;
}

/** @type {Once} */
async function timeToEnd(open) {
  const fleet = await open();
  return await timeMs(() => fleet.close());
}

/** @type {Measure} */
async function bareNode({ quick }) {
  /** @type {number[]} */
  const figures = [];
  for (let i = 0; i < (quick ? QUICK_STARTS : STARTS); i++) {
    figures.push(
      await timeMs(
        () =>
          new Promise((resolve, reject) => {
            spawn(process.execPath, ["-e", "0"], { stdio: "ignore" }).on("exit", resolve).on("error", reject);
          }),
      ),
    );
  }
  return median(figures);
}

const THREAD = "the worker, and piscina's, is a thread of this process";
const EACH = `${THREAD}; the pools are left out, for they do not say which of their children a result is from`;

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  spawn: {
    title: "a child, from its start to its first result",
    unit: "ms",
    limit: BY_HAND,
    note: `${THREAD}; node -e 0 is the start and the exit of a process that does nothing`,
    peers: { ...ofFleets(1, timeToResult), "node -e 0": bareNode },
  },
  "spawn-8": {
    title: `${MANY} children at once, to the first result of each`,
    unit: "ms",
    limit: BY_HAND,
    note: EACH,
    peers: ofFleets(MANY, timeToResult),
  },
  "teardown-1": {
    title: "ending an idle child, until it has been waited for",
    unit: "ms",
    limit: BY_HAND,
    note: THREAD,
    peers: ofFleets(1, timeToEnd),
  },
  "teardown-8": {
    title: `ending ${MANY} idle children at once`,
    unit: "ms",
    limit: BY_HAND,
    note: EACH,
    peers: ofFleets(MANY, timeToEnd),
  },
};
