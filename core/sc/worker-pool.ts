/**
 * Worker threads, kept for the next call. How many run at once is for the callers' limiters to say; how many idle ones
 * are kept, and for how long, is bounded here.
 */
import { inspect } from "node:util";
import type { ResourceLimits, Worker } from "node:worker_threads";
import { workerThreads } from "../node-modules.ts";
import { reportWarning } from "../warnings.ts";
import { realClock, weakTimer } from "./clock.ts";
import { typeScriptLoader, WORKER_BOOT, WORKER_ENTRY } from "./worker-boot.ts";
import { type Answer, type CallRequest, isReplyTo, packThrown, type WorkerStart } from "./worker-message.ts";

/** The thread ended before it answered: with this exit code, and for this error if there was one. */
export interface ThreadEnd {
  readonly kind: "died";
  readonly exitCode: number;
  readonly error: { readonly thrown: unknown } | undefined;
  /** Whether the function may have been called. */
  readonly wasTaken: boolean;
}

export type CallEnd = Answer | ThreadEnd;

export interface WorkerPoolOptions {
  /** Idle threads that are kept. */
  readonly maxIdle: () => number;
  /** How long an idle thread is kept. */
  readonly idleMs: number;
  readonly resourceLimits?: ResourceLimits;
  /** What the idle ones age by; by default the host's, whose timers do not keep the process alive. */
  readonly clock?: PoolClock;
}

export interface PoolClock {
  now(): number;
  after(ms: number, fn: () => void): void;
}

const HOST_CLOCK: PoolClock = { now: realClock.now, after: weakTimer };

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #clock: PoolClock;
  readonly #threads = new Set<WorkerThread>();
  /** Those that have waited longest come first; the last one is the next to be used, so that surplus ones age. */
  readonly #idle: WorkerThread[] = [];
  #isLooking = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#clock = options.clock ?? HOST_CLOCK;
  }

  /** Threads that live. */
  get size(): number {
    return this.#threads.size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  /** An idle thread, or a new one. It comes back by itself when its call has ended. */
  take(): WorkerThread {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const thread = new WorkerThread(this.#options.resourceLimits, {
      onFree: () => this.#takeBack(thread),
      onExit: () => {
        this.#threads.delete(thread);
        const at = this.#idle.indexOf(thread);
        if (at >= 0) this.#idle.splice(at, 1);
      },
    });
    this.#threads.add(thread);
    return thread;
  }

  /** End all idle threads now. */
  endIdle(): void {
    for (const thread of this.#idle.splice(0)) thread.terminate();
  }

  #takeBack(thread: WorkerThread): void {
    if (this.#idle.length >= this.#options.maxIdle()) return thread.terminate();
    thread.idleSince = this.#clock.now();
    this.#idle.push(thread);
    this.#lookIn(this.#options.idleMs);
  }

  #lookIn(ms: number): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#clock.after(ms, () => {
      this.#isLooking = false;
      this.#endOld();
    });
  }

  #endOld(): void {
    const { idleMs } = this.#options;
    const now = this.#clock.now();
    for (;;) {
      const oldest = this.#idle[0];
      if (oldest === undefined) return;
      const left = idleMs - (now - oldest.idleSince);
      if (left > 0) return this.#lookIn(left);
      this.#idle.shift();
      oldest.terminate();
    }
  }
}

interface ThreadOwner {
  /** It can be used again. */
  onFree(): void;
  onExit(): void;
}

interface OpenCall {
  readonly onEnd: (end: CallEnd) => void;
  readonly name: string;
}

/** One worker thread, doing one call at a time. It keeps the process alive while it does, until it is let go. */
export class WorkerThread {
  idleSince = 0;
  readonly #worker: Worker;
  readonly #owner: ThreadOwner;
  readonly #taken = new Int32Array(new SharedArrayBuffer(4));
  #calls = 0;
  #call: OpenCall | undefined;
  #lastName = "";
  #isEnding = false;
  /** What arrived while the thread was being ended: it happened, and is passed on when the thread has gone. */
  #lastAnswer: Answer | undefined;
  #error: { readonly thrown: unknown } | undefined;

  constructor(resourceLimits: ResourceLimits | undefined, owner: ThreadOwner) {
    this.#owner = owner;
    const start: WorkerStart = { entry: WORKER_ENTRY, loader: typeScriptLoader(), taken: this.#taken };
    const threads = workerThreads();
    this.#worker = new threads.Worker(WORKER_BOOT, {
      name: "espalier",
      workerData: start,
      // A thread outlives a call: with a copy, later calls would see the environment as it was once.
      env: threads.SHARE_ENV,
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    });
    this.#worker.on("message", (message: unknown) => {
      if (isReplyTo(this.#calls, message)) this.#answered(message.answer);
    });
    /* v8 ignore next 3 -- an answer that was cloned there and cannot be revived here: no value known does that */
    this.#worker.on("messageerror", (error) =>
      this.#answered({ kind: "notCloned", what: "result", thrown: packThrown(error) }),
    );
    this.#worker.on("error", (thrown: unknown) => {
      this.#error = { thrown };
    });
    this.#worker.on("exit", (exitCode) => this.#exited(exitCode));
  }

  /** Whether it has done a call before. */
  get isReused(): boolean {
    return this.#calls > 0;
  }

  /**
   * Call a function in this thread, which must be free. `onEnd` is called once.
   *
   * @throws DataCloneError, or what a getter threw, if the request cannot be copied; the thread is free then
   */
  call(name: string, request: CallRequest, onEnd: (end: CallEnd) => void): void {
    try {
      this.#worker.postMessage(request);
    } catch (error) {
      this.#free();
      throw error;
    }
    this.#calls++;
    this.#call = { name, onEnd };
    this.#worker.ref();
  }

  /** The process need not wait for this call. */
  letGo(): void {
    this.#worker.unref();
  }

  /** End the thread. Its call ends when it has gone. */
  terminate(): void {
    this.#isEnding = true;
    void this.#worker.terminate();
  }

  #answered(answer: Answer): void {
    if (this.#isEnding) {
      this.#lastAnswer ??= answer;
      return;
    }
    const call = this.#endCall();
    this.#free();
    call?.onEnd(answer);
  }

  #exited(exitCode: number): void {
    this.#isEnding = true;
    this.#owner.onExit();
    const wasTaken = Atomics.load(this.#taken, 0) >= this.#calls;
    // It died of what an earlier call had left: that call has its result already.
    const isLeftBehind = this.#call === undefined || (this.#calls > 1 && !wasTaken);
    if (isLeftBehind && this.#error !== undefined) warnLeftBehind(this.#lastName, this.#error.thrown);
    this.#endCall()?.onEnd(this.#lastAnswer ?? { kind: "died", exitCode, error: this.#error, wasTaken });
  }

  #endCall(): OpenCall | undefined {
    const call = this.#call;
    this.#call = undefined;
    if (call !== undefined) this.#lastName = call.name;
    return call;
  }

  #free(): void {
    this.#worker.unref();
    this.#owner.onFree();
  }
}

/** An error with nobody to be raised at: something that a function had started went on after it had returned. */
function warnLeftBehind(name: string, error: unknown): void {
  reportWarning({
    type: "WorkerLeftBehind",
    message: `what ${name} left running in its worker thread failed after it had ended`,
    error,
    detail: inspect(error),
  });
}
