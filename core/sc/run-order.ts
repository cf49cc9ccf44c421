/**
 * The order in which runnable tasks take their steps, as a seam: first in, first out in programs; shuffled in tests, to
 * find what only works by luck. The same seed gives the same order.
 */
import { runQueue } from "./run-queue.ts";

/** Let the tasks of this process run in an order drawn from `seed`; returns what restores the usual one. */
export function shuffleRunOrder(seed: number): () => void {
  const random = mulberry32(seed);
  runQueue.setOrder((length) => Math.floor(random() * length));
  return () => runQueue.setOrder(undefined);
}

/** Numbers in [0, 1) from a 32-bit seed; small and good enough to shuffle by. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
