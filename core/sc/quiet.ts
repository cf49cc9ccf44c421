/**
 * Noticing that every task has come to rest: the run queue is empty, and has stayed so while the host had its turns.
 * That is what virtual clocks jump on, and what tests wait for. One loop for the process, running only while someone
 * waits.
 */
import type { Operation } from "effection";
import { realClock } from "./clock.ts";
import { runQueue } from "./run-queue.ts";
import { type Exit, OK, type Resolve, undoing, Wait } from "./wait.ts";

/**
 * Turns of the host without a step before we call it quiet. One lets every promise that is already resolved go on;
 * the second lets those go on that a `setImmediate` of the first has resolved.
 */
const QUIET_TURNS = 2;

interface Watcher {
  /** Of those who wait at once the lowest rank is called; the others wait for the next quiet moment. */
  readonly rank: number;
  readonly fn: () => void;
}

const watchers = new Set<Watcher>();
let looking = false;
let steps = 0;
let turns = 0;

/**
 * Call `fn` once, as soon as nothing runs. `rank` orders those who wait: who only looks (0) comes before who moves a
 * clock on (1), so that what the former wakes is done before time passes.
 *
 * @returns what takes it back
 */
export function onceQuiet(fn: () => void, rank = 0): () => void {
  const watcher: Watcher = { rank, fn };
  watchers.add(watcher);
  if (!looking) {
    looking = true;
    turns = 0;
    steps = runQueue.steps;
    setImmediate(look);
  }
  return () => {
    watchers.delete(watcher);
  };
}

/** As `onceQuiet`, and quiet must then hold for `ms` milliseconds of real time: for waits that the host ends. */
export function onceQuietFor(ms: number, fn: () => void, rank = 0): () => void {
  let takeBack: () => void;
  const begin = () => {
    takeBack = onceQuiet(() => {
      const seen = runQueue.steps;
      takeBack = realClock.at(realClock.now() + ms, () => (runQueue.steps === seen ? end() : begin()));
    }, rank);
  };
  const end = () => {
    takeBack = onceQuiet(fn, rank);
  };
  begin();
  return () => takeBack();
}

/**
 * Wait until every other task of this process waits too: for tests that must know that something has come to rest. It
 * sees promises that are already resolved through, but waits for no I/O.
 *
 * @param cushionMs - how long it must stay quiet, in milliseconds of real time
 * @throws RangeError if `cushionMs` is negative or NaN
 */
export function waitAllTasksBlocked(cushionMs = 0): Operation<void> {
  if (!(cushionMs >= 0)) throw new RangeError(`cushionMs must be >= 0, got ${cushionMs}`);
  return new Quiet(cushionMs);
}

class Quiet extends Wait<void> {
  readonly description = "waitAllTasksBlocked()";
  readonly #cushionMs: number;

  constructor(cushionMs: number) {
    super();
    this.#cushionMs = cushionMs;
  }

  enter(resolve: Resolve<void>): Exit {
    const end = () => resolve(OK);
    return undoing(this.#cushionMs > 0 ? onceQuietFor(this.#cushionMs, end) : onceQuiet(end));
  }
}

function look(): void {
  const still = runQueue.isIdle && runQueue.steps === steps;
  steps = runQueue.steps;
  turns = still ? turns + 1 : 0;
  if (turns >= QUIET_TURNS) {
    turns = 0;
    let lowest = Number.POSITIVE_INFINITY;
    for (const { rank } of watchers) lowest = Math.min(lowest, rank);
    for (const watcher of [...watchers]) {
      if (watcher.rank !== lowest || !watchers.delete(watcher)) continue;
      watcher.fn();
    }
  }
  if (watchers.size > 0) setImmediate(look);
  else looking = false;
}
