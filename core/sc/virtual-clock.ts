/**
 * Time that passes when a test says so, after trio's `MockClock`: `advance` moves it by hand; with `autojump` it jumps
 * to the next timer whenever every task waits, so that an hour takes a millisecond.
 */
import type { Operation } from "effection";
import { type Clock, ClockContext, type Disarm } from "./clock.ts";
import { onceQuiet, onceQuietFor } from "./quiet.ts";
import { useTask } from "./task.ts";
import { type Exit, OK, type Resolve, undoing, Wait } from "./wait.ts";

export interface VirtualClockOptions {
  /** Jump to the next timer whenever every task waits. Default false: time passes by `advance` only. */
  readonly autojump?: boolean;
  /**
   * While a task waits for the host (a promise, a socket, a process) nobody can tell whether it will be woken before
   * the next timer is due: autojump then wants this many milliseconds of real time without a step. Default 20, longer
   * than a turn of local I/O takes; raise it where processes are started, or set `Infinity` never to jump meanwhile.
   */
  readonly hostQuietMs?: number;
}

/** The default of `VirtualClockOptions.hostQuietMs`. */
export const DEFAULT_HOST_QUIET_MS = 20;

interface Timer {
  readonly time: number;
  readonly fn: () => void;
  /** Timers of one moment fire in the order they were set. */
  readonly order: number;
}

/** Begins at 0. Set it with `run(body, { clock })`, or inside a tree with `useVirtualClock`. */
export class VirtualClock implements Clock {
  readonly #autojump: boolean;
  readonly #hostQuietMs: number;
  #now = 0;
  readonly #timers: Timer[] = [];
  #lastOrder = 0;
  #hostWaits = 0;
  #endWatch: (() => void) | undefined;

  /** @throws RangeError if `hostQuietMs` is negative or NaN */
  constructor({ autojump = false, hostQuietMs = DEFAULT_HOST_QUIET_MS }: VirtualClockOptions = {}) {
    if (!(hostQuietMs >= 0)) throw new RangeError(`hostQuietMs must be >= 0, got ${hostQuietMs}`);
    this.#autojump = autojump;
    this.#hostQuietMs = hostQuietMs;
  }

  now(): number {
    return this.#now;
  }

  at(time: number, fn: () => void): Disarm {
    if (time === Number.POSITIVE_INFINITY) return () => {};
    // What is due already stands behind what has been due for longer.
    const timer: Timer = { time: Math.max(time, this.#now), fn, order: ++this.#lastOrder };
    this.#timers.splice(this.#placeOf(timer), 0, timer);
    this.#watch();
    return () => {
      const place = this.#placeOf(timer);
      if (this.#timers[place] === timer) this.#timers.splice(place, 1);
    };
  }

  hostWait(change: 1 | -1): void {
    const before = this.#hostWaits;
    this.#hostWaits += change;
    if (!this.#autojump || (before === 0) === (this.#hostWaits === 0)) return;
    // From now on real quiet is wanted, or is no longer.
    this.#endWatch?.();
    this.#endWatch = undefined;
    this.#watch();
  }

  /** How many tasks wait for the host, whom this clock cannot see. */
  get hostWaits(): number {
    return this.#hostWaits;
  }

  /** When the next timer is due; `Infinity` if there is none. */
  get nextTimer(): number {
    return this.#timers[0]?.time ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Let `ms` milliseconds pass: whatever is due meanwhile is woken at its own moment, in order, and every task has come
   * to rest before time goes on and before this returns. What tasks wait for from the host is not waited for.
   *
   * @throws RangeError if `ms` is negative, NaN or infinite; Error if this clock jumps by itself
   */
  advance(ms: number): Operation<void> {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) throw new RangeError(`ms must be a finite number >= 0, got ${ms}`);
    if (this.#autojump) throw new Error("advance: this clock jumps by itself; make one without autojump");
    return new Advance(ms, (done) => this.#pass(this.#now + ms, done));
  }

  /** Come to rest, step to the next timer up to `end`, and so on; then call `done`. */
  #pass(end: number, done: () => void): Disarm {
    let takeBack: Disarm;
    const settle = () => {
      takeBack = onceQuiet(() => {
        if (this.#now >= end && this.nextTimer > end) return done();
        this.#jumpTo(Math.min(end, this.nextTimer));
        settle();
      }, 1);
    };
    settle();
    return () => takeBack();
  }

  #jumpTo(time: number): void {
    this.#now = Math.max(this.#now, time);
    // What is set meanwhile waits for the next quiet moment, also if it is due at once.
    const last = this.#lastOrder;
    for (let next = this.#timers[0]; next !== undefined; next = this.#timers[0]) {
      if (next.time > this.#now || next.order > last) break;
      this.#timers.shift();
      next.fn();
    }
  }

  /** Where `timer` stands, or would stand, in the order of firing. */
  #placeOf({ time, order }: Timer): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#timers[middle] as Timer;
      if (other.time < time || (other.time === time && other.order < order)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** What is due already fires at the next quiet moment; what is not, only with autojump. */
  #watch(): void {
    if (this.#endWatch !== undefined) return;
    if (this.#timers.length === 0 || !(this.#autojump || this.nextTimer <= this.#now)) return;
    const jump = () => {
      this.#endWatch = undefined;
      if (this.#timers.length > 0) this.#jumpTo(this.#autojump ? this.nextTimer : this.#now);
      this.#watch();
    };
    if (this.#hostWaits === 0 || this.nextTimer <= this.#now) this.#endWatch = onceQuiet(jump, 1);
    else if (this.#hostQuietMs < Number.POSITIVE_INFINITY) this.#endWatch = onceQuietFor(this.#hostQuietMs, jump, 1);
  }
}

class Advance extends Wait<void> {
  readonly description: string;
  readonly #pass: (done: () => void) => Disarm;

  constructor(ms: number, pass: (done: () => void) => Disarm) {
    super();
    this.description = `advance(${ms})`;
    this.#pass = pass;
  }

  enter(resolve: Resolve<void>): Exit {
    return undoing(this.#pass(() => resolve(OK)));
  }
}

/**
 * Replace the clock of this task, and of whatever it starts from now on, by a virtual one. Call it first in a test.
 *
 * @throws Error inside a deadline, which would be kept by the clock before
 */
export function* useVirtualClock(options: VirtualClockOptions = {}): Operation<VirtualClock> {
  const clock = new VirtualClock(options);
  const task = yield* useTask();
  if (task !== undefined) {
    if (task.status.effectiveDeadline < Number.POSITIVE_INFINITY) {
      throw new Error("useVirtualClock: a deadline is in force here, on the clock before; call this outside of it");
    }
    task.clock = clock;
  }
  yield* ClockContext.set(clock);
  return clock;
}
