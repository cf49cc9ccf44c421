/** Async iterables, both ways, at the pace of whoever reads. */
import type { Operation } from "effection";
import type { RunOptions } from "../core/mod.ts";
import { type Puller, type PullOptions, type PullStream, pullFrom } from "./pull-stream.ts";
import type { StreamSource } from "./stream-source.ts";
import { iteratorOf } from "./task-iterator.ts";

/** An iterable, or what makes one that ends when its signal is aborted. */
export type AsyncIterableSource<T> = AsyncIterable<T> | ((tools: { readonly signal: AbortSignal }) => AsyncIterable<T>);

/**
 * Read an async iterable until the caller's Effection scope ends. Nothing is asked for before a task waits for it. When
 * the scope ends the signal is aborted, the iterator's `return()` is called, and both it and an item that was asked for
 * are waited for; one that takes longer than `graceMs` is reported as with `runTask`.
 *
 * @throws what the iterator's `return()` throws, when the scope ends, or what it had thrown and nobody has received
 */
export function fromAsyncIterable<T>(
  source: AsyncIterableSource<T>,
  options: PullOptions = {},
): Operation<PullStream<T>> {
  return pullFrom(
    "async iterable",
    (signal) => new IteratorPuller(typeof source === "function" ? source({ signal }) : source),
    options,
  );
}

/**
 * An async iterable of what `source` gives. Each iteration runs a tree of tasks of its own, from the first `next()` on;
 * the tree is one item ahead at most, and leaving the loop cancels it and waits until it has unwound.
 *
 * @throws (as rejection) what `source` throws; `Cancelled` if `options.signal` was aborted
 */
export function toAsyncIterable<T>(source: StreamSource<T>, options: RunOptions = {}): AsyncIterable<T, void> {
  return { [Symbol.asyncIterator]: () => iteratorOf(source, { name: "toAsyncIterable", ...options }) };
}

class IteratorPuller<T> implements Puller<T> {
  readonly #iterator: AsyncIterator<T, unknown>;
  #hasEnded = false;

  constructor(iterable: AsyncIterable<T>) {
    this.#iterator = iterable[Symbol.asyncIterator]();
  }

  async next(): Promise<IteratorResult<T, unknown>> {
    try {
      const step = await this.#iterator.next();
      this.#hasEnded = step.done === true;
      return step;
    } catch (error) {
      this.#hasEnded = true;
      throw error;
    }
  }

  async close(): Promise<void> {
    if (!this.#hasEnded) await this.#iterator.return?.();
  }
}
