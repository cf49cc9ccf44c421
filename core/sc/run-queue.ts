/**
 * The run queue: first in, first out, with a time budget. Tasks are made runnable by plain calls from anywhere; they
 * run in a later microtask, never inside the caller, so that all that one callback woke runs in one go. After
 * `BUDGET_MS` the rest waits for a macrotask: timers and sockets are never starved, not even by endless chains of
 * promises that are already resolved.
 */

export interface Runnable {
  /** Kept by the queue: a runnable stands in it at most once. */
  enqueued: boolean;
  run(): void;
}

/** What is done once for all that a turn has brought about. */
export interface EndOfTurn {
  /** Whether it is better done before the end, when others run for long yet. */
  readonly isImpatient: boolean;
  turnEnded(): void;
}

/** How long tasks run before the host's timers and sockets get their turn. */
const BUDGET_MS = 5;
/** How long what waits for the end of a turn does so, if it would rather not wait for the rest of the tasks. */
const PATIENCE_MS = 0.05;
/** Steps between two looks at the time; a look costs about as much as a step. */
const STEPS_PER_LOOK = 64;
/** Consumed entries are cut off the front of the array when there are this many. */
const TRIM_AT = 4_096;

class RunQueue {
  /** Steps taken since the process began; equal before and after means that nothing ran in between. */
  steps = 0;
  #queue: (Runnable | undefined)[] = [];
  #head = 0;
  #state: "idle" | "armed" | "flushing" = "idle";
  /** Flushes since the host last had its turn, and when they were first counted as many. */
  #flushes = 0;
  #turnSince = 0;
  #whenIdle: EndOfTurn[] = [];
  #pick: ((length: number) => number) | undefined;

  schedule(task: Runnable): void {
    if (task.enqueued) return;
    task.enqueued = true;
    this.#queue.push(task);
    if (this.#state === "idle") this.#arm();
  }

  /** Tell `it` once of the end of this turn: nothing is left to run, or the turn's budget is spent. */
  whenIdle(it: EndOfTurn): void {
    this.#whenIdle.push(it);
    if (this.#state === "idle") this.#arm();
  }

  /** Take the next task from a place chosen by `pick` instead of the front; `undefined` restores the order. */
  setOrder(pick: ((length: number) => number) | undefined): void {
    this.#pick = pick;
  }

  get isIdle(): boolean {
    return this.#state === "idle";
  }

  #arm(): void {
    this.#state = "armed";
    if (this.#mustLetHostRun()) setImmediate(this.#flushInMacrotask);
    else queueMicrotask(this.#flush);
  }

  /** True once flushes have followed each other for longer than the budget with no macrotask in between. */
  #mustLetHostRun(): boolean {
    if (++this.#flushes % STEPS_PER_LOOK !== 0) return false;
    if (this.#flushes === STEPS_PER_LOOK) {
      this.#turnSince = performance.now();
      setImmediate(() => {
        this.#flushes = 0;
      }).unref();
      return false;
    }
    return performance.now() - this.#turnSince > BUDGET_MS;
  }

  readonly #flushInMacrotask = (): void => {
    this.#flushes = 0;
    this.#flush();
  };

  readonly #flush = (): void => {
    this.#state = "flushing";
    try {
      this.#drain();
    } finally {
      // Something threw that must not: a hook, an owner. The host hears of it; the other tasks go on.
      if (this.#state === "flushing") {
        this.#state = "armed";
        setImmediate(this.#flushInMacrotask);
      }
    }
  };

  #drain(): void {
    const began = performance.now();
    let n = 0;
    let toldAt = began;
    for (;;) {
      while (this.#head < this.#queue.length) {
        // Where something waits for the end, one long step is noticed at once.
        if (this.#whenIdle.length > 0 || ++n % STEPS_PER_LOOK === 0) {
          const now = performance.now();
          if (now - began > BUDGET_MS) {
            this.#tellEnd();
            this.#state = "armed";
            setImmediate(this.#flushInMacrotask);
            return;
          }
          if (now - toldAt > PATIENCE_MS) {
            this.#tellImpatient();
            toldAt = now;
          }
        }
        this.#next().run();
      }
      this.#queue = [];
      this.#head = 0;
      if (this.#whenIdle.length === 0) break;
      this.#tellEnd();
    }
    this.#state = "idle";
  }

  #tellEnd(): void {
    for (const it of this.#whenIdle.splice(0)) it.turnEnded();
  }

  #tellImpatient(): void {
    const all = this.#whenIdle.splice(0);
    for (const it of all) {
      if (it.isImpatient) it.turnEnded();
      else this.#whenIdle.push(it);
    }
  }

  #next(): Runnable {
    const queue = this.#queue;
    if (this.#pick !== undefined) {
      const chosen = this.#head + this.#pick(queue.length - this.#head);
      const front = queue[this.#head];
      queue[this.#head] = queue[chosen];
      queue[chosen] = front;
    }
    const task = queue[this.#head] as Runnable;
    queue[this.#head++] = undefined;
    if (this.#head >= TRIM_AT && this.#head * 2 >= queue.length) {
      queue.splice(0, this.#head);
      this.#head = 0;
    }
    task.enqueued = false;
    this.steps++;
    return task;
  }
}

/** One queue for the whole process: trees share its budget. */
export const runQueue = new RunQueue();
