/**
 * The order in which runnable tasks take their steps, as a seam: first in, first out in programs; shuffled in tests, to
 * find what only works by luck. The same seed gives the same order.
 */
import { runQueue } from "./run-queue.ts";

/** Let the tasks of this process run in an order drawn from `seed`; returns what restores the usual one. */
export function shuffleRunOrder(seed: number): () => void {
  const random = draws(seed);
  runQueue.setOrder((length) => Math.floor(random() * length));
  return () => runQueue.setOrder(undefined);
}

/** Numbers in [0, 1) from a seed: a linear congruential generator modulo 2^32, good enough to shuffle by. */
function draws(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}
