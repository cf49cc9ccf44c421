/**
 * Work that would block the event loop, in a thread of its own: trio's `to_thread.run_sync`. Threads share no heap, so
 * the function is named by its module and its export, and what goes in and out is copied.
 */
import { availableParallelism } from "node:os";
import { inspect } from "node:util";
import type { Operation } from "effection";
import { FunctionNotFound } from "../errors/mod.ts";
import { reportWarning } from "../warnings.ts";
import { enterTree } from "./bridge.ts";
import { CapacityLimiter } from "./capacity-limiter.ts";
import { type Abort, park, type Waker } from "./park.ts";
import { type Task, useTask } from "./task.ts";
import type { Steps } from "./wait.ts";
import { WorkerCloneError, WorkerDied, WorkerImportError } from "./worker-errors.ts";
import { type CallRequest, unpackThrown } from "./worker-message.ts";
import { type CallEnd, WorkerPool, type WorkerThread } from "./worker-pool.ts";

/** Worker threads that run at once, unless a call names another limiter: more than cores only take turns. */
export const DEFAULT_WORKER_TOKENS = availableParallelism();

/** How long an idle worker thread is kept: starting one takes tens of milliseconds, and keeping one some megabytes. */
export const WORKER_IDLE_MS = 10_000;

const defaultLimiter = new CapacityLimiter(DEFAULT_WORKER_TOKENS);

/** The limiter of all calls of this process that name none. Its `totalTokens` can be changed at any time. */
export function defaultWorkerLimiter(): CapacityLimiter {
  return defaultLimiter;
}

/** @internal The threads of all calls. */
export const defaultPool = new WorkerPool({ maxIdle: () => defaultLimiter.totalTokens, idleMs: WORKER_IDLE_MS });

export interface RunInWorkerOptions {
  /** Bounds how many calls run at once; each holds one token from before its start to its end. */
  readonly limiter?: CapacityLimiter;
  /**
   * What a cancellation does while the function runs. While the call waits for a token it is cancelled at once, and
   * the function is never called.
   * - `wait` (default): nothing, until the function has ended. Its result is returned, or its error raised; the next
   *   checkpoint is cancelled.
   * - `abandon`: the task is cancelled at once. The function goes on, keeps its token until it ends, and does not keep
   *   the process alive. Its result is dropped; an error is reported as a process warning (`WorkerAbandoned`).
   * - `terminate`: the thread is ended, wherever it stands, and the task is cancelled when it has gone. No `finally` of
   *   the function runs. If its result was there already it is returned, for then the call has happened.
   */
  readonly onCancel?: "wait" | "abandon" | "terminate";
  /** For dumps and errors; by default the function and its module. */
  readonly name?: string;
}

/** What is called: an export of `M` that is a function. */
type ArgsOf<F> = F extends (...args: infer A) => unknown ? Readonly<A> : never;
type ResultOf<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;

/**
 * Run an exported function of an ES module in a worker thread of this process. Arguments and result are copied as by
 * `structuredClone`; a result that is a promise is awaited. What the function throws is raised here: built-in classes
 * as themselves, others as the built-in class they extend with their name, message, data, cause and the worker's stack;
 * thrown values that are no errors as copies.
 *
 * Threads are reused, and with them the modules they have loaded and their state; no two calls share a thread at once.
 * `process.env` is that of the process. At most as many idle threads are kept as the default limiter has tokens, each
 * for `WORKER_IDLE_MS`; they do not keep the process alive. What a function leaves running (timers, sockets) runs on
 * until its thread ends, and an error of it then is reported as a process warning (`WorkerLeftBehind`).
 *
 * @param url - absolute: `new URL("./sums.ts", import.meta.url)`, `import.meta.resolve("a-package")`, or `"node:zlib"`
 * @throws TypeError at the call if `url` is not absolute
 * @throws WorkerImportError if the module cannot be imported
 * @throws FunctionNotFound if it has no such export, or that is no function
 * @throws WorkerCloneError if an argument, the result or a thrown value cannot be copied
 * @throws WorkerDied if the thread ended before the function did
 */
export function runInWorker<M extends object, F extends keyof M & string>(
  url: string | URL,
  func: F,
  args: ArgsOf<M[F]>,
  options?: RunInWorkerOptions,
): Operation<ResultOf<M[F]>>;
export function runInWorker<T = unknown>(
  url: string | URL,
  func: string,
  args: readonly unknown[],
  options?: RunInWorkerOptions,
): Operation<T>;
export function runInWorker(
  url: string | URL,
  func: string,
  args: readonly unknown[],
  options: RunInWorkerOptions = {},
): Operation<unknown> {
  return callIn(defaultPool, url, func, args, options);
}

/** @internal As `runInWorker`, in a thread of `pool`. */
export function callIn(
  pool: WorkerPool,
  url: string | URL,
  func: string,
  args: readonly unknown[],
  options: RunInWorkerOptions = {},
): Operation<unknown> {
  const href = String(url);
  if (!URL.canParse(href)) {
    throw new TypeError(
      `runInWorker: the module's URL must be absolute, got "${href}"; use new URL("./module.ts", import.meta.url) or import.meta.resolve("a-package")`,
    );
  }
  return new WorkerCall(pool, { url: href, func, args }, options);
}

class WorkerCall implements Operation<unknown> {
  readonly #pool: WorkerPool;
  readonly #request: CallRequest;
  readonly #options: RunInWorkerOptions;

  constructor(pool: WorkerPool, request: CallRequest, options: RunInWorkerOptions) {
    this.#pool = pool;
    this.#request = request;
    this.#options = options;
  }

  *[Symbol.iterator](): Steps<unknown> {
    const { url, func } = this.#request;
    const { limiter = defaultLimiter, onCancel = "wait", name = `${func} of ${url}` } = this.#options;
    const task = yield* useTask();
    if (task === undefined) return yield* enterTree({ name }, () => this);
    const job = new Job(name, this.#request, this.#pool, limiter);
    yield* limiter.acquireOnBehalfOf(job);
    try {
      return yield* park<unknown>(`runInWorker(${name})`, (waker) => job.start(waker, task, onCancel), {
        byHost: true,
      });
    } finally {
      // Cancelled on arrival, or failed to start.
      if (!job.isStarted) limiter.releaseOnBehalfOf(job);
    }
  }
}

/** One call, and what holds its token: from its start until it has really ended, whoever still waits for it. */
class Job {
  readonly name: string;
  isStarted = false;
  readonly #request: CallRequest;
  readonly #pool: WorkerPool;
  readonly #limiter: CapacityLimiter;
  #waker: Waker<unknown> | undefined;
  #thread: WorkerThread | undefined;
  #isAbandoned = false;
  /** Why its thread is being terminated. */
  #cancelled: Error | undefined;

  constructor(name: string, request: CallRequest, pool: WorkerPool, limiter: CapacityLimiter) {
    this.name = name;
    this.#request = request;
    this.#pool = pool;
    this.#limiter = limiter;
  }

  start(waker: Waker<unknown>, task: Task, onCancel: "wait" | "abandon" | "terminate"): Abort {
    this.#waker = waker;
    this.#callIn(this.#pool.take());
    this.isStarted = true;
    return () => {
      if (onCancel === "abandon") {
        this.#isAbandoned = true;
        this.#thread?.letGo();
        return true;
      }
      if (onCancel === "terminate") {
        this.#cancelled = task.status.cancelledError();
        this.#thread?.terminate();
      }
      return false;
    };
  }

  #callIn(thread: WorkerThread): void {
    const { isReused } = thread;
    try {
      thread.call(this.name, this.#request, (end) => this.#ended(end, isReused));
    } catch (error) {
      throw this.#argumentsError(error);
    }
    this.#thread = thread;
  }

  #ended(end: CallEnd, wasReused: boolean): void {
    // An idle thread may die for what an earlier call left in it: this call has not happened, and can still.
    if (end.kind === "died" && wasReused && !end.wasTaken && this.#cancelled === undefined) return this.#again();
    this.#settle(end);
  }

  #again(): void {
    try {
      this.#callIn(this.#pool.take());
      /* v8 ignore next -- abandoned in the very moment in which its idle thread died */
      if (this.#isAbandoned) this.#thread?.letGo();
    } catch (error) {
      /* v8 ignore next -- the host refuses another thread, which a test cannot bring about */
      this.#fail(error);
    }
  }

  #settle(end: CallEnd): void {
    if (end.kind !== "returned") return this.#fail(this.#errorOf(end));
    this.#limiter.releaseOnBehalfOf(this);
    this.#waker?.wake(end.value);
  }

  #fail(error: unknown): void {
    this.#limiter.releaseOnBehalfOf(this);
    if (this.#isAbandoned) this.#warnLate(error);
    else this.#waker?.fail(error);
  }

  #errorOf(end: Exclude<CallEnd, { kind: "returned" }>): unknown {
    const { url, func } = this.#request;
    switch (end.kind) {
      case "threw":
        return unpackThrown(end.thrown);
      case "notImported":
        return new WorkerImportError(url, unpackThrown(end.thrown));
      case "notFound":
        return new FunctionNotFound(url, func, end.why);
      case "notCloned":
        return new WorkerCloneError(this.name, end.what, unpackThrown(end.thrown));
      case "died": {
        if (end.error !== undefined) return new WorkerDied(this.name, end.exitCode, { cause: end.error.thrown });
        return this.#cancelled ?? new WorkerDied(this.name, end.exitCode);
      }
    }
  }

  /** Which argument it was: found out only now, for it costs a copy of each. */
  #argumentsError(cause: unknown): WorkerCloneError {
    const at = this.#request.args.findIndex((arg) => !canClone(arg));
    return new WorkerCloneError(this.name, at < 0 ? "arguments" : `argument ${at}`, cause);
  }

  #warnLate(error: unknown): void {
    reportWarning({
      type: "WorkerAbandoned",
      message: `${this.name} failed in its worker thread after it had been abandoned`,
      error,
      detail: inspect(error),
    });
  }
}

function canClone(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    // What was thrown is known already: it is the cause of the error that asks.
    return false;
  }
}
