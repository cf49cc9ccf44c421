/** What a peer is: children of some kind, and the work that can be done with them. */

/** @import { PayloadName } from "./payloads.mjs" */

/**
 * Children that serve. All but `close` and `pids` use the first of them. Promises settle when the work is done.
 *
 * @typedef {object} Fleet
 * @property {(payload: PayloadName, count: number) => Promise<number>} [stream] - `count` items from the child to here,
 *   with a bound on what is on its way; the sum of their weights
 * @property {(count: number) => Promise<void>} [pingPong] - an item there and back on one stream, `count` times
 * @property {(count: number) => Promise<void>} [calls] - `add(i, 1)`, one after the other
 * @property {(count: number, callers: number) => Promise<void>} [callsAtOnce] - the same by many callers
 * @property {(count: number) => Promise<void>} [dialogs] - a first value, then a result, one dialog after the other
 * @property {(count: number) => Promise<void>} [observe] - as many integers of an observable, from the child to here
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

/** @type {(what: string, got: unknown, expected: unknown) => void} */
export function assertSame(what, got, expected) {
  if (got !== expected) throw new Error(`${what}: got ${String(got)}, expected ${String(expected)}`);
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
