/** From Promise land into a tree of tasks. */
import { type Operation, run as runInEffection } from "effection";
import { isCancelled } from "../errors/mod.ts";
import { enterTree } from "./bridge.ts";
import { CancelStatus } from "./cancel-tree.ts";
import type { Clock } from "./clock.ts";
import type { Nursery } from "./nursery.ts";

export interface RunOptions {
  /** For dumps and errors. */
  readonly name?: string;
  /** By default the host's. */
  readonly clock?: Clock;
  /** Cancels the tree when it aborts. */
  readonly signal?: AbortSignal;
}

/** A running tree: a promise of its outcome that can be cancelled, and that `await using` cancels and waits for. */
export interface Run<T> extends Promise<T>, AsyncDisposable {
  /** Cancel the tree; the promise is then rejected with `Cancelled`, after everything has unwound. */
  cancel(reason?: string): void;
}

/**
 * Run an operation as the root of a new tree of tasks.
 *
 * @returns a promise of its value, rejected with what it threw: a failure that nobody awaits is an unhandled rejection
 * @throws (as rejection) Cancelled if the tree was cancelled by `cancel`, `signal` or disposal
 */
export function run<T>(body: () => Operation<T>, options: RunOptions = {}): Run<T> {
  const { name = body.name || "root", clock, signal } = options;
  const status = new CancelStatus(undefined);
  const cancel = (reason = "the run was cancelled") => status.cancel({ source: "host", reason });
  const onAbort = () => cancel(`the given signal was aborted: ${String(signal?.reason)}`);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  const task = runInEffection(() => enterTree({ name, status, clock }, body));
  let ended = false;
  const promise = new Promise<T>((resolve, reject) => {
    task.then(resolve, reject);
  }).finally(() => {
    ended = true;
    signal?.removeEventListener("abort", onAbort);
  });
  return Object.assign(promise, {
    cancel,
    async [Symbol.asyncDispose]() {
      // Whoever disposes of a run that has ended has its outcome from the promise already.
      if (ended) return;
      cancel("the run was disposed of");
      await promise.catch((error: unknown) => {
        if (!isCancelled(error)) throw error;
      });
    },
  });
}

/**
 * Run `fn(...args)` as a task of a live nursery, from a callback or an async function. The promise has the outcome; an
 * error goes there and not to the nursery, for it has found someone to handle it.
 *
 * @throws (as rejection) Cancelled when the nursery is cancelled; Error if it has closed
 */
export function runIn<A extends unknown[], T>(
  nursery: Nursery,
  fn: (...args: A) => Operation<T>,
  ...args: A
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const relay = function* (): Operation<void> {
      try {
        resolve(yield* fn(...args));
      } catch (error) {
        reject(error);
        if (isCancelled(error)) throw error;
      }
    };
    Object.defineProperty(relay, "name", { value: fn.name || "anonymous" });
    nursery.startSoon(relay);
  });
}
