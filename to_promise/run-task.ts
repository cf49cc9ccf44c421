/** One call of Promise code as an operation, after tractor's `to_asyncio.run_task`. */
import type { Effect, Operation } from "effection";
import { CancelScope, checkpoint } from "../core/mod.ts";
import { checkOptions, LinkedTask, type LinkedTaskOptions, type TaskLog } from "../core/promise/mod.ts";

/** What Promise code gets besides its arguments. */
export interface PromiseTools {
  /** Aborted when the task is cancelled, with `ScCancelled` as its reason. Pass it on to whatever is awaited. */
  readonly signal: AbortSignal;
  readonly log: TaskLog;
}

/** Promise code that can be called from a task: one object of named arguments, as all endpoints take. */
export type AsyncFunction<A extends object, T> = (args: A, tools: PromiseTools) => PromiseLike<T> | T;

/** The arguments may be left out if all of them are optional; then the function gets `{}`. */
export type ArgsAndOptions<A extends object, O> =
  Record<never, never> extends A ? [args?: A, options?: O] : [args: A, options?: O];

/**
 * Call `asyncFn(args, { signal, log })` and wait for its promise. A result, an error, an abort of its own and an
 * ignored abort are four different outcomes.
 *
 * A cancellation aborts the signal, and then waits until the promise has settled: what it does by then, it does inside
 * this call. If it settles with an abort, `Cancelled` is thrown; if with another error, that error; if with a value,
 * the call has happened: the value is returned, and the next checkpoint throws.
 *
 * @returns the promise's value
 * @throws what `asyncFn` throws or its promise is rejected with
 * @throws PromiseAborted if it was rejected by an abort that did not come from here
 * @throws PromiseIgnoredAbort if it did not settle in `graceMs` after an abort and `onIgnoredAbort` is `"error"` or
 *   `"kill-actor"`
 * @throws PromiseLeaked if it settled and left something behind, with `leaks: "error"`
 * @throws TypeError, RangeError for options that are not what they should be
 */
export function runTask<A extends object, T>(
  asyncFn: AsyncFunction<A, T>,
  ...[args, options = {}]: ArgsAndOptions<A, LinkedTaskOptions>
): Operation<T> {
  checkCall("runTask", asyncFn, options);
  // `args` is missing only where `{}` is an `A`.
  return new RunTask(asyncFn, args ?? ({} as A), options);
}

class RunTask<A extends object, T> implements Operation<T> {
  readonly #asyncFn: AsyncFunction<A, T>;
  readonly #args: A;
  readonly #options: LinkedTaskOptions;

  constructor(asyncFn: AsyncFunction<A, T>, args: A, options: LinkedTaskOptions) {
    this.#asyncFn = asyncFn;
    this.#args = args;
    this.#options = options;
  }

  *[Symbol.iterator](): Generator<Effect<unknown>, T, unknown> {
    // Its own scope, so that in a foreign Effection task too a halt is a cancellation and waits.
    return (yield* new CancelScope().run((scope) => this.#perform(scope))) as T;
  }

  *#perform(scope: CancelScope): Operation<T> {
    yield* checkpoint(); // cancelled already: nothing is called
    const task = new LinkedTask<T>(nameOf(this.#asyncFn, this.#options), undefined, this.#options);
    const tools = new LazyTools(task);
    const asyncFn = this.#asyncFn; // called as a function, and not as a method of this
    return yield* task.watched(() => task.perform(scope, () => asyncFn(this.#args, tools)));
  }
}

/** A class, and not a literal with getters, which V8 would give a shape of its own for each call. */
class LazyTools implements PromiseTools {
  readonly #task: LinkedTask<unknown>;

  constructor(task: LinkedTask<unknown>) {
    this.#task = task;
  }

  /** Made for those that look: it costs as much as half of the call. */
  get signal(): AbortSignal {
    return this.#task.signal;
  }

  get log(): TaskLog {
    return this.#task.log;
  }
}

/** @internal */
export function nameOf(asyncFn: { readonly name: string }, options: LinkedTaskOptions): string {
  return options.name ?? (asyncFn.name || "anonymous");
}

/** @internal @throws TypeError, RangeError for what cannot be called, or options that are not what they should be */
export function checkCall(where: string, asyncFn: unknown, options: LinkedTaskOptions): void {
  if (typeof asyncFn !== "function") {
    throw new TypeError(
      `${where}(asyncFn, args, …) takes an async function, got ${typeof asyncFn}: do not call it yourself`,
    );
  }
  checkOptions(where, options);
}
