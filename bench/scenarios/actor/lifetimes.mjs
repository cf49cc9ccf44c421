/** Children from their start to their first result, and from the request to end until they have been waited for. */
import { spawn } from "node:child_process";
import { BY_HAND, FOR_TASKS, measureEach, POOLS } from "../../peers.mjs";
import { median, timeMs } from "../../scenario.mjs";

/** @import { Fleet } from "../../peer.mjs" */
/** @import { Measure, Scenario } from "../../scenario.mjs" */

const MANY = 8;
const CROWD = 50;
/** One process of its own makes a sample of so many starts, one after the other: the machine's noise is in each. */
const STARTS = 5;
const QUICK_STARTS = 2;
/** Chunks are a matter of streams; and nodes of moleculer hear of each other's services every two seconds. */
const NOT_STARTED = ["socket-chunks", "moleculer", ...FOR_TASKS];
/** Pools do not say which of their children a result is from. */
const NOT_EACH = [...NOT_STARTED, ...POOLS];
/** These take minutes for a crowd. */
const NO_CROWD = [...NOT_EACH, "worker", "effect", "grpc", "zeromq"];

/** @typedef {(open: () => Promise<Required<Fleet>>) => Promise<number>} Once - milliseconds */

/** @type {(count: number, once: Once, except: readonly string[], needs?: readonly (keyof Fleet)[]) => Record<string, Measure>} */
function ofFleets(count, once, except, needs = []) {
  return measureEach(
    needs,
    async (open, { quick }) => {
      /** @type {number[]} */
      const figures = [];
      const starts = quick || count === CROWD ? QUICK_STARTS : STARTS;
      for (let i = 0; i < starts; i++) figures.push(await once(() => open(count)));
      return median(figures);
    },
    except,
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

/** @type {Once} */
async function timeToFail(open) {
  const fleet = await open();
  return await timeMs(() => fleet.fail());
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
    peers: { ...ofFleets(1, timeToResult, NOT_STARTED), "node -e 0": bareNode },
  },
  "spawn-8": {
    title: `${MANY} children at once, to the first result of each`,
    unit: "ms",
    limit: BY_HAND,
    note: EACH,
    peers: ofFleets(MANY, timeToResult, NOT_EACH),
  },
  "teardown-1": {
    title: "ending an idle child, until it has been waited for",
    unit: "ms",
    limit: BY_HAND,
    note: THREAD,
    peers: ofFleets(1, timeToEnd, NOT_STARTED),
  },
  "teardown-8": {
    title: `ending ${MANY} idle children at once`,
    unit: "ms",
    limit: BY_HAND,
    note: EACH,
    peers: ofFleets(MANY, timeToEnd, NOT_EACH),
  },
  "spawn-50": {
    title: `${CROWD} children at once, to the first result of each`,
    unit: "ms",
    limit: BY_HAND,
    peers: ofFleets(CROWD, timeToResult, NO_CROWD),
  },
  "teardown-50": {
    title: `ending ${CROWD} idle children at once`,
    unit: "ms",
    limit: BY_HAND,
    peers: ofFleets(CROWD, timeToEnd, NO_CROWD),
  },
  "failure-50": {
    title: `one of ${CROWD} children is killed, until the others have been ended and waited for`,
    unit: "ms",
    note: "with fork, a loop by hand that disconnects the others once the first has exited",
    peers: ofFleets(CROWD, timeToFail, NO_CROWD, ["fail"]),
  },
};
