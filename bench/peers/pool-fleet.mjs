/** What the pools have in common: one worker that is given tasks, and no streams. */
import { assertSame, callers } from "../peer.mjs";

/** @import { Fleet } from "../peer.mjs" */

/** Tasks that the one worker of a pool may have at once, where a pool lets one choose. */
export const TASKS_AT_ONCE = 64;

/**
 * @param {(a: number, b: number) => PromiseLike<unknown>} call
 * @param {() => PromiseLike<unknown>} pid
 * @param {() => Promise<unknown>} close
 * @returns {Promise<Fleet>} once the worker has given a result
 */
export async function openPool(call, pid, close) {
  assertSame("add", await call(1, 1), 2);
  return {
    ...callers(call),
    pids: async () => [Number(await pid())],
    close: async () => void (await close()),
  };
}
