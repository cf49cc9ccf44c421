/** What a soak has shown: its last tenth next to its first, once all is warm. */
import { median } from "./scenario.mjs";

/** @import { Tally } from "./soak-traffic.mjs" */

const MIB = 1_024 * 1_024;
/** Of a kind's throughput, as a share of what it was, beside that of the same machine by hand. */
const LEAST_SHARE = 0.85;
/** Heap may grow by the larger of the two. */
const HEAP_SHARE = 0.1;
const HEAP_BYTES = 3 * MIB;

/**
 * @typedef {object} Sample - of one period
 * @property {number} minute - at its end
 * @property {boolean} isWarm
 * @property {Tally} tally
 * @property {number} heap - of this process, once all that can be has been collected, in bytes
 * @property {number} childHeap - of the child that lives as long
 * @property {number} rss
 * @property {number} childRss
 * @property {number} descriptors - open in this process
 * @property {number} handles - that keep its event loop alive
 * @property {number} cores - how many this process and that child had together; fewer if others needed them
 * @property {number} loopMs - of a fixed loop: how fast the machine was at that
 * @property {number} byHand - calls a second on a bare socket between two other processes: how fast it was at this
 */

/** @param {readonly Sample[]} samples */
export function judge(samples) {
  const warm = samples.filter(({ isWarm }) => isWarm);
  const tenth = Math.max(1, Math.round(warm.length / 10));
  const first = warm.slice(0, tenth);
  const last = warm.slice(-tenth);
  const throughput = Object.fromEntries(
    Object.keys(first[0]?.tally ?? {}).map((kind) => [kind, compare(rate(first, kind), rate(last, kind))]),
  );
  /** @type {(of: (sample: Sample) => number) => ReturnType<typeof compare>} */
  const both = (of) => compare(median(first.map(of)), median(last.map(of)));
  const heap = both((s) => s.heap);
  const childHeap = both((s) => s.childHeap);
  const byHand = both((s) => s.byHand);
  // A machine that has become faster excuses nothing.
  const machine = Math.min(1, byHand.share);
  const faults = Object.entries(throughput)
    .filter(([, { share }]) => share < LEAST_SHARE * machine)
    .map(
      ([kind, { share }]) => `${kind}: throughput is ${share.toFixed(2)} of what it was, by hand ${machine.toFixed(2)}`,
    );
  for (const [whose, { was, is }] of Object.entries({ heap, "the child's heap": childHeap })) {
    const grown = is - was;
    if (grown <= Math.max(HEAP_BYTES, was * HEAP_SHARE)) continue;
    faults.push(`${whose} has grown by ${(grown / MIB).toFixed(1)} MiB, from ${(was / MIB).toFixed(1)}`);
  }
  return {
    throughput,
    heap,
    childHeap,
    rss: both((s) => s.rss),
    childRss: both((s) => s.childRss),
    descriptors: both((s) => s.descriptors),
    handles: both((s) => s.handles),
    cores: both((s) => s.cores),
    loopMs: both((s) => s.loopMs),
    byHand,
    faults,
  };
}

/** @param {readonly Sample[]} samples @param {string} kind */
function rate(samples, kind) {
  let ops = 0;
  let ms = 0;
  for (const { tally } of samples) {
    ops += tally[kind]?.ops ?? 0;
    ms += tally[kind]?.ms ?? 0;
  }
  return (ops * 1_000) / ms;
}

/** @param {number} was @param {number} is */
function compare(was, is) {
  return { was, is, share: is / was };
}
