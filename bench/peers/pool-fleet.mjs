/** What the pools have in common: workers that are given tasks, and no streams. */
import { assertSame, callers, TASKS } from "../peer.mjs";

/** @import { Fleet } from "../peer.mjs" */

/** Tasks that a worker may have at once, where a pool lets one choose, and more than one are wanted. */
const TASKS_AT_ONCE = 64;

/**
 * Tasks that a worker may have at once: one, as the pools have it unless told, or many where the variant says `ahead`. A
 * worker that is the only one is there to be called by many.
 *
 * @param {number} workers
 * @param {string} variant
 */
export function tasksAtOnce(workers, variant) {
  return workers === 1 || variant.includes("ahead") ? TASKS_AT_ONCE : 1;
}

/**
 * @param {(name: string, task: any) => PromiseLike<unknown>} run - the function of that name
 * @param {() => Promise<unknown>} close
 * @returns {Promise<Fleet>} once a worker has given a result
 */
export async function openPool(run, close) {
  assertSame("add", await run("add", { a: 1, b: 1 }), 2);
  return {
    ...callers((a, b) => run("add", { a, b })),
    async tasks(name, count) {
      const { make, expected } = TASKS[name];
      const results = await Promise.all(Array.from({ length: count }, (_, i) => run(name, make(i))));
      for (const [i, result] of results.entries()) assertSame(name, result, expected(i));
    },
    pids: async () => [Number(await run("pid", {}))],
    close: async () => void (await close()),
  };
}
