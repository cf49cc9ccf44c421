/** What a peer is: children of some kind, and the work that can be done with them. */

/** @import { PayloadName } from "./payloads.mjs" */

/**
 * Children that serve. All but `callsOfAll`, `tasks`, `close` and `pids` use the first of them. Promises settle when the work is done.
 *
 * @typedef {object} Fleet
 * @property {(payload: PayloadName, count: number) => Promise<number>} [stream] - `count` items from the child to here,
 *   with a bound on what is on its way; the sum of their weights
 * @property {(count: number) => Promise<void>} [pingPong] - an item there and back on one stream, `count` times
 * @property {(count: number) => Promise<void>} [calls] - `add(i, 1)`, one after the other
 * @property {(count: number, callers: number) => Promise<void>} [callsAtOnce] - the same by many callers
 * @property {(count: number) => Promise<void>} [dialogs] - a first value, then a result, one dialog after the other
 * @property {(count: number) => Promise<void>} [idle] - so many dialogs that have given their first value, and stay open until `close`
 * @property {(count: number) => Promise<number>} [cancels] - a dialog that only waits is cancelled, one after the other;
 *   milliseconds that took, from each cancel to its end, all together
 * @property {(count: number) => Promise<void>} [callsOfAll] - as `calls`, of all children, by a caller for each
 * @property {(count: number) => Promise<void>} [observe] - as many integers of an observable, from the child to here
 * @property {(name: TaskName, count: number) => Promise<void>} [tasks] - so many, shared out among all children
 * @property {() => Promise<number[]>} [pids] - of the children, where they are processes
 * @property {() => Promise<void>} [fail] - the first child is killed, and the others are ended for that; settles as `close`
 * @property {() => Promise<void>} close - settles when all children have gone
 *
 * @typedef {(count: number, variant: string) => Promise<Fleet>} OpenFleet - settles when each child has given a result
 */

/** What the child computes in a call. */
export function add(/** @type {number} */ a, /** @type {number} */ b) {
  return a + b;
}

/** A fixed piece of arithmetic that keeps a core busy. @param {number} turns */
export function spin(turns) {
  let x = 1;
  for (let i = 0; i < turns; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return x;
}

/** @type {(what: string, got: unknown, expected: unknown) => void} */
export function assertSame(what, got, expected) {
  if (got !== expected) throw new Error(`${what}: got ${String(got)}, expected ${String(expected)}`);
}

/**
 * How many of `count` are the i-th's, where all have the same share, but for what is left over.
 *
 * @type {(count: number, shares: number, i: number) => number}
 */
export function shareOf(count, shares, i) {
  return Math.floor(count / shares) + (i < count % shares ? 1 : 0);
}

/**
 * The loop of `callsOfAll` over calls that give promises.
 *
 * @param {readonly ((a: number, b: number) => PromiseLike<unknown>)[]} children
 */
export function callersOfAll(children) {
  return {
    /** @param {number} count */
    callsOfAll: async (count) => {
      await Promise.all(children.map((call, i) => callers(call).calls(shareOf(count, children.length, i))));
    },
  };
}

/**
 * The loops of `calls` and `callsAtOnce` over a call that gives a promise.
 *
 * @param {(a: number, b: number) => PromiseLike<unknown>} call
 */
export function callers(call) {
  /** @param {number} count */
  const calls = async (count) => {
    for (let i = 0; i < count; i++) assertSame("add", await call(i, 1), i + 1);
  };
  return {
    calls,
    /** @type {(count: number, many: number) => Promise<void>} */
    callsAtOnce: async (count, many) => {
      await Promise.all(Array.from({ length: many }, () => calls(Math.ceil(count / many))));
    },
  };
}

/**
 * @typedef {object} TaskKind - of what a pool is given
 * @property {(i: number) => any} make - the i-th task, an object
 * @property {(task: any) => unknown} run
 * @property {(i: number) => unknown} expected - what it gives
 * @property {number} ahead - tasks that a worker is given at once, where it is given more than one
 *
 * @typedef {"add" | "spin"} TaskName
 */

/** Some 5 ms of a core of 2024. It is the same work for all, also where that takes longer. */
const SPIN_TURNS = 3_000_000;
/** @type {number | undefined} */
let spun;

/** @type {Readonly<Record<TaskName, TaskKind>>} */
export const TASKS = {
  add: { make: (i) => ({ a: i, b: 1 }), run: ({ a, b }) => add(a, b), expected: (i) => add(i, 1), ahead: 64 },
  spin: {
    make: () => ({ turns: SPIN_TURNS }),
    run: ({ turns }) => spin(turns),
    expected: () => {
      spun ??= spin(SPIN_TURNS);
      return spun;
    },
    // One to work on, and one to take when that is done; with more the last ones would wait behind each other.
    ahead: 2,
  },
};

/**
 * A queue that the workers share, by hand: each is given some tasks, and another one when it is done with one of them.
 *
 * @param {readonly ((name: TaskName, task: any) => PromiseLike<unknown>)[]} workers
 * @param {TaskName} name
 * @param {number} count
 */
export async function shareOut(workers, name, count) {
  const { make, expected, ahead } = TASKS[name];
  let next = 0;
  /** @param {(typeof workers)[number]} run */
  const give = async (run) => {
    while (next < count) {
      const i = next++;
      assertSame(name, await run(name, make(i)), expected(i));
    }
  };
  await Promise.all(workers.flatMap((run) => Array.from({ length: ahead }, () => give(run))));
}
