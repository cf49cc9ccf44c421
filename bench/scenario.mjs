/** What a scenario is, and the ways to measure one: time per operation, operations per second, heap kept per thing. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * @typedef {object} SampleOptions
 * @property {boolean} quick - a tenth of the work: for a look, not for figures
 * @property {number} soak - millions of operations of the soak scenarios
 *
 * @typedef {(options: SampleOptions) => Promise<number>} Measure - one figure, in the scenario's unit
 *
 * @typedef {object} Scenario
 * @property {string} title
 * @property {string} unit - as in "µs/task"
 * @property {Readonly<Record<string, Measure>>} peers - each by its users' own lights; runs alone in a fresh process
 * @property {"less" | "more"} [better] - `less` unless told
 * @property {string | readonly string[]} [limit] - the peer, or peers, that are the same work by hand, with nothing of
 *   what the others guarantee; of several the best is the limit
 * @property {number} [repeats] - for scenarios too long to repeat as often as the others
 * @property {Readonly<Record<string, string>>} [notMeasured] - by peer, why it is left out
 * @property {string} [note] - where the peers do not do quite the same
 */

/** Rounds go on for this long, in milliseconds, and there are at least `MIN_ROUNDS`: enough for the compiler to settle. */
const MEASURE_MS = 400;
const QUICK_MEASURE_MS = 60;
const MIN_ROUNDS = 3;

/**
 * Time `work(count)`, which performs `count` operations, over and over. The first round only warms up.
 *
 * @param {number} count
 * @param {(count: number) => PromiseLike<unknown>} work
 * @returns {Measure} microseconds per operation: the median of the rounds
 */
export function microsecondsEach(count, work) {
  return async ({ quick }) => {
    const n = quick ? Math.ceil(count / 10) : count;
    await work(n);
    /** @type {number[]} */
    const rounds = [];
    const began = performance.now();
    while (rounds.length < MIN_ROUNDS || performance.now() - began < (quick ? QUICK_MEASURE_MS : MEASURE_MS)) {
      const start = performance.now();
      await work(n);
      rounds.push(((performance.now() - start) * 1_000) / n);
    }
    return median(rounds);
  };
}

/** A round of `perSecond` takes about this long, in milliseconds; warming up takes two of them at least. */
const ROUND_MS = 200;
const QUICK_ROUND_MS = 30;
const ROUNDS = 5;

/**
 * How often a second `work` is done. Its count is doubled until it takes a round's time, which warms up; then come the
 * rounds that count.
 *
 * @param {{ readonly quick: boolean }} options
 * @param {(count: number) => PromiseLike<unknown>} work - `count` operations
 * @returns {Promise<number>} the median of the rounds
 */
export async function perSecond({ quick }, work) {
  const roundMs = quick ? QUICK_ROUND_MS : ROUND_MS;
  let count = 16;
  while ((await timeMs(() => work(count))) < roundMs) count *= 2;
  // The last doubling was still half cold: once more, to know how much is a round.
  const warm = await timeMs(() => work(count));
  const n = Math.max(1, Math.round((count * roundMs) / warm));
  /** @type {number[]} */
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push((n * 1_000) / (await timeMs(() => work(n))));
  return median(rounds);
}

/** @param {() => PromiseLike<unknown>} work */
export async function timeMs(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * Heap that `count` things keep while they are alive. `make` is called once to warm up and is measured the second time;
 * the process ends with all of them still there.
 *
 * @param {number} count
 * @param {(count: number) => PromiseLike<unknown>} make - settles when they all stand
 * @returns {Measure} bytes per thing
 */
export function bytesEach(count, make) {
  return async ({ quick }) => {
    const n = quick ? Math.ceil(count / 10) : count;
    const kept = [await make(Math.ceil(n / 10))];
    const before = heapBytes();
    kept.push(await make(n));
    return (heapBytes() - before) / n;
  };
}

/** Bytes of heap in use once everything that can be collected has been. */
export function heapBytes() {
  for (let i = 0; i < 4; i++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** @type {(() => void) | undefined} */
let gc;

function collect() {
  // Not by a flag of the process: any V8 flag there makes Node reject its code cache.
  if (gc === undefined) {
    setFlagsFromString("--expose-gc");
    gc = /** @type {() => void} */ (runInNewContext("gc"));
  }
  gc();
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new RangeError("the median of nothing");
  return (upper + lower) / 2;
}
