/** Items from wherever they come, one at a time, when they are asked for. */
import type { Operation } from "effection";
import { type BroadcastSource, EndOfChannel, moveOnAfter, park } from "../core/mod.ts";
import { ITEMS_CLOSE_MS } from "./limits.ts";
import { withCleanUp } from "./with-clean-up.ts";

/** An iterable, an async iterable, or a stream with `receive()`: a `ReceiveChannel`, a `MessageStream`, a subscriber. */
export type Items<T> = Iterable<T> | AsyncIterable<T> | BroadcastSource<T>;

export interface ItemReader<T> {
  next(): Operation<IteratorResult<T, unknown>>;
  /** Nothing more is asked for. To be run in a shield. */
  close(): Operation<void>;
}

/** @throws TypeError for what has no items */
export function readerOf<T>(items: Items<T>): ItemReader<T> {
  if (typeof items === "object" && items !== null) {
    // Before the others: a stream of ours is an operation, and so looks like an iterable.
    if ("receive" in items) return new ReceivedItems(items);
    if (Symbol.asyncIterator in items) return new AsyncItems(items[Symbol.asyncIterator]());
  }
  if (items !== null && items !== undefined && Symbol.iterator in Object(items)) {
    return new SyncItems((items as Iterable<T>)[Symbol.iterator]());
  }
  throw new TypeError(`items must be an iterable, an async iterable or a stream with receive(), got ${typeof items}`);
}

class ReceivedItems<T> implements ItemReader<T> {
  readonly #source: BroadcastSource<T>;
  constructor(source: BroadcastSource<T>) {
    this.#source = source;
  }

  *next(): Operation<IteratorResult<T, unknown>> {
    try {
      return { done: false, value: yield* this.#source.receive() };
    } catch (error) {
      if (error instanceof EndOfChannel) return { done: true, value: undefined };
      throw error;
    }
  }

  *close(): Operation<void> {}
}

class SyncItems<T> implements ItemReader<T> {
  readonly #iterator: Iterator<T, unknown>;
  #isOver = false;
  constructor(iterator: Iterator<T, unknown>) {
    this.#iterator = iterator;
  }

  *next(): Operation<IteratorResult<T, unknown>> {
    const step = this.#iterator.next();
    this.#isOver = step.done === true;
    if (isEffect(step.value)) {
      throw new TypeError(
        "items is an operation, or a stream of Effection without receive(): read it in a task of its own, into a memory channel",
      );
    }
    return step;
  }

  *close(): Operation<void> {
    if (!this.#isOver) this.#iterator.return?.();
  }
}

class AsyncItems<T> implements ItemReader<T> {
  readonly #iterator: AsyncIterator<T, unknown>;
  #asked: Promise<IteratorResult<T, unknown>> | undefined;
  #isOver = false;
  constructor(iterator: AsyncIterator<T, unknown>) {
    this.#iterator = iterator;
  }

  *next(): Operation<IteratorResult<T, unknown>> {
    this.#asked = this.#iterator.next();
    // A wait that is cancelled leaves the promise for `close` to wait for.
    const step = yield* settled(this.#asked);
    this.#asked = undefined;
    this.#isOver = step.done === true;
    return step;
  }

  *close(): Operation<void> {
    if (this.#isOver) return;
    const asked = this.#asked?.catch(() => {});
    const closed = Promise.all([asked, this.#iterator.return?.()]);
    const isClosed = yield* moveOnAfter(ITEMS_CLOSE_MS, function* () {
      yield* settled(closed);
      return true;
    });
    if (isClosed === true) return;
    closed.catch(() => {});
    throw new Error(
      `items: the async iterable was not closed within ${ITEMS_CLOSE_MS} ms: its next() or return() does not settle; give it a signal, as fromAsyncIterable of interop does`,
    );
  }
}

function settled<T>(promise: Promise<T>): Operation<T> {
  return park(
    "an item of an async iterable",
    (waker) => {
      promise.then(waker.wake, waker.fail);
      return () => true;
    },
    { byHost: true },
  );
}

function isEffect(value: unknown): boolean {
  return typeof value === "object" && value !== null && "enter" in value && typeof value.enter === "function";
}

/** Read until `body` is left, and close then, however it is left. */
export function* reading<T>(items: Items<T>, body: (reader: ItemReader<T>) => Operation<void>): Operation<void> {
  const reader = readerOf(items);
  yield* withCleanUp(
    () => body(reader),
    () => reader.close(),
  );
}
