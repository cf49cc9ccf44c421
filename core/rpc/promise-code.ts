/**
 * Promise code that is served: a linked task like any other. It is always waited for; cancellation reaches it through its
 * signal, and one that ignores that is reported, as the actor was told to.
 */
import type { Operation } from "effection";
import { isCancelled } from "../errors/mod.ts";
import { currentPolicy, LinkedTask, type TaskLog, toReason } from "../promise/mod.ts";
import type { CancelScope } from "../sc/cancel-scope.ts";
import { shielded } from "../sc/timeouts.ts";
import type { PromiseIo } from "./endpoint.ts";
import type { SendStream } from "./stream-ends.ts";

/** One call of an exported function, of which only its result tells whether it is Promise code. */
export class ServedPromise {
  readonly #label: string;
  readonly #namespace: string;
  readonly #scope: CancelScope;
  /** Made for Promise code, and for whoever looks at the signal: it costs more than a call does. */
  #made: LinkedTask<unknown> | undefined;

  constructor(label: string, namespace: string, scope: CancelScope) {
    this.#label = label;
    this.#namespace = namespace;
    this.#scope = scope;
  }

  call(fn: (args: unknown, io: unknown) => unknown, args: unknown): unknown {
    const io = new LazyIo(this);
    const leaks = currentPolicy().leaks === "off" ? undefined : this.task.watchLeaks();
    return leaks === undefined ? fn(args, io) : leaks.run(() => fn(args, io));
  }

  /** Wait until `promise` has settled, however long. */
  settle(promise: PromiseLike<unknown>): Operation<unknown> {
    const task = this.task;
    return task.watched(() => task.perform(this.#scope, () => promise));
  }

  /**
   * Send every item of `source`, as fast as `out` takes them. Left early, the source is closed as `for await` would, and
   * that is waited for.
   */
  sendAll(source: AsyncIterable<unknown>, out: SendStream<unknown>): Operation<void> {
    return this.task.watched(() => this.#sendAll(source[Symbol.asyncIterator](), out));
  }

  /** It was no Promise code: who has taken the signal is told of the cancellation all the same. */
  leave(): void {
    const task = this.#made;
    if (task === undefined) return;
    const { signal } = this.#scope;
    const abort = () => task.abort(isCancelled(signal.reason) ? toReason(signal.reason) : signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    task.unwatchLeaks();
  }

  get task(): LinkedTask<unknown> {
    this.#made ??= new LinkedTask(this.#label, { frames: `    at ${this.#label} (${this.#namespace})` }, {});
    return this.#made;
  }

  *#sendAll(items: AsyncIterator<unknown>, out: SendStream<unknown>): Operation<void> {
    const next = () => this.task.perform(this.#scope, () => items.next());
    for (;;) {
      const item = (yield* next()) as IteratorResult<unknown>;
      if (item.done === true) return;
      try {
        yield* out.send(item.value);
      } catch (error) {
        yield* this.#close(items, error);
        throw error;
      }
    }
  }

  *#close(items: AsyncIterator<unknown>, why: unknown): Operation<void> {
    const task = this.task;
    if (items.return === undefined) return;
    const closing = () => items.return?.() ?? Promise.resolve();
    if (isCancelled(why)) task.abortNext(toReason(why));
    yield* shielded(function* (shield) {
      try {
        yield* task.perform(shield, closing);
      } catch (error) {
        if (!task.settledByAbort) throw error;
      }
    });
  }
}

/**
 * What a called function is given. A class, and not a literal with getters: V8 gives each such literal a shape of its own,
 * which keeps all that it refers to until the next major collection.
 */
class LazyIo implements PromiseIo {
  readonly #served: ServedPromise;

  constructor(served: ServedPromise) {
    this.#served = served;
  }

  get signal(): AbortSignal {
    return this.#served.task.signal;
  }

  get log(): TaskLog {
    return this.#served.task.log;
  }
}
