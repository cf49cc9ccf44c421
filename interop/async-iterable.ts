/** Async iterables, both ways, at the pace of whoever reads. */
import { type Effect, ensure, type Operation, resource, type Stream, type Subscription } from "effection";
import { BusyResourceError, EndOfChannel, park, type RunOptions, run, type Waker } from "../core/mod.ts";
import { type LinkedTaskOptions, runTask, ScTaskExited } from "../to_promise/mod.ts";
import { forEachItem, type StreamSource } from "./stream-source.ts";
import { TaskIterator } from "./task-iterator.ts";

/** An iterable, or what makes one that ends when its signal is aborted. */
export type AsyncIterableSource<T> = AsyncIterable<T> | ((tools: { readonly signal: AbortSignal }) => AsyncIterable<T>);

/** The items of an async iterable: a `Stream` for `each`, its own subscription, and `receive()`. */
export interface PullStream<T> extends Stream<T, void>, Subscription<T, void> {
  /**
   * Ask the iterable for one item, and wait for it. If the wait is cancelled the item is kept for the next call.
   *
   * @throws EndOfChannel if there are no more; as a `Stream` it then ends
   * @throws BusyResourceError if another task is waiting here
   * @throws what the iterable throws
   */
  receive(): Operation<T>;
}

/**
 * Read an async iterable until the caller's Effection scope ends. Nothing is asked for before a task waits for it. When
 * the scope ends the signal is aborted, the iterator's `return()` is called, and both it and an item that was asked for
 * are waited for; one that takes longer than `graceMs` is reported as with `runTask`.
 *
 * @throws what the iterator's `return()` throws, when the scope ends
 */
export function fromAsyncIterable<T>(
  source: AsyncIterableSource<T>,
  options: Pick<LinkedTaskOptions, "graceMs" | "onIgnoredAbort"> = {},
): Operation<PullStream<T>> {
  return resource(function* (provide) {
    const controller = new AbortController();
    const iterable = typeof source === "function" ? source({ signal: controller.signal }) : source;
    const reader = new IteratorReader(iterable[Symbol.asyncIterator]());
    yield* ensure(function* () {
      controller.abort(new ScTaskExited("async iterable"));
      const { signal } = controller;
      yield* runTask(() => reader.close(), {}, { ...options, signal, name: "async iterable" });
    });
    yield* provide(reader);
  });
}

/**
 * An async iterable of what `source` gives. Each iteration runs a tree of tasks of its own, from the first `next()` on;
 * the tree is one item ahead at most, and leaving the loop cancels it and waits until it has unwound.
 *
 * @throws (as rejection) what `source` throws; `Cancelled` if `options.signal` was aborted
 */
export function toAsyncIterable<T>(source: StreamSource<T>, options: RunOptions = {}): AsyncIterable<T, void> {
  return {
    [Symbol.asyncIterator]: () =>
      new TaskIterator(
        (send) => forEachItem(source, send),
        (body) => {
          const ended = run(body, { name: "toAsyncIterable", ...options });
          return { ended, cancel: ended.cancel };
        },
      ),
  };
}

type Step<T> =
  | { readonly ok: true; readonly value: IteratorResult<T, unknown> }
  | { readonly ok: false; readonly error: unknown };

class IteratorReader<T> implements PullStream<T> {
  readonly #iterator: AsyncIterator<T, unknown>;
  /** What was asked for and nobody has taken. */
  #asked: Promise<void> | undefined;
  #step: Step<T> | undefined;
  #waiter: Waker<void> | undefined;
  #hasEnded = false;
  #isBusy = false;

  constructor(iterator: AsyncIterator<T, unknown>) {
    this.#iterator = iterator;
  }

  *receive(): Operation<T> {
    const step = yield* this.next();
    if (step.done === true) throw new EndOfChannel("the async iterable");
    return step.value;
  }

  *next(): Operation<IteratorResult<T, void>> {
    if (this.#isBusy) throw new BusyResourceError("another task waits for the next item already");
    if (this.#hasEnded && this.#step === undefined) return { done: true, value: undefined };
    this.#isBusy = true;
    try {
      yield* park<void>("an item of an async iterable", (waker) => this.#ask(waker), { byHost: true });
    } finally {
      this.#isBusy = false;
    }
    const step = this.#step;
    this.#step = undefined;
    this.#asked = undefined;
    if (step === undefined) throw new Error("woken without an item");
    if (!step.ok) throw step.error;
    return step.value.done === true ? { done: true, value: undefined } : step.value;
  }

  *[Symbol.iterator](): Generator<Effect<unknown>, this, unknown> {
    return this;
  }

  async close(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    await Promise.all([this.#asked, this.#iterator.return?.()]);
  }

  #ask(waker: Waker<void>): () => boolean {
    this.#waiter = waker;
    if (this.#step !== undefined) this.#wake();
    else this.#asked ??= this.#advance();
    return () => {
      this.#waiter = undefined;
      return true;
    };
  }

  async #advance(): Promise<void> {
    try {
      const value = await this.#iterator.next();
      if (value.done === true) this.#hasEnded = true;
      this.#step = { ok: true, value };
    } catch (error) {
      this.#hasEnded = true;
      this.#step = { ok: false, error };
    }
    this.#wake();
  }

  #wake(): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.wake();
  }
}
