/** A stream in front of a source that is asked for each item: nothing is read before a task waits for it. */
import { type Effect, ensure, type Operation, resource, type Stream, type Subscription } from "effection";
import { BusyResourceError, EndOfChannel, IN_PLACE, park, type Waker } from "../core/mod.ts";
import { type LinkedTaskOptions, runTask, ScTaskExited } from "../to_promise/mod.ts";

/** The items of a source that is asked for them: a `Stream` for `each`, its own subscription, and `receive()`. */
export interface PullStream<T> extends Stream<T, void>, Subscription<T, void> {
  /**
   * Ask the source for one item, and wait for it. If the wait is cancelled the item is kept for the next call.
   *
   * @throws EndOfChannel if there are no more; as a `Stream` it then ends
   * @throws BusyResourceError if another task is waiting here
   * @throws what the source throws
   */
  receive(): Operation<T>;
}

/** How long the end of a source may take, and what then: as with `runTask`. */
export type PullOptions = Pick<LinkedTaskOptions, "graceMs" | "onIgnoredAbort">;

/** What is asked for items, by promises. @internal */
export interface Puller<T> {
  /** Called again when the one before has settled, and not after the end or an error. */
  next(): Promise<IteratorResult<T, unknown>>;
  /** Called once, also while an item is asked for, and after the end. That item is waited for as well. */
  close(): Promise<unknown>;
}

/**
 * Read what `open` opens until the caller's Effection scope ends. Then `open`'s signal is aborted, and its end waited for.
 *
 * @param name - of the source, for errors and dumps
 * @internal
 */
export function pullFrom<T>(
  name: string,
  open: (signal: AbortSignal) => Puller<T>,
  options: PullOptions,
): Operation<PullStream<T>> {
  return resource(function* (provide) {
    const controller = new AbortController();
    const { signal } = controller;
    const reader = new PullReader(name, open(signal));
    yield* ensure(function* () {
      controller.abort(new ScTaskExited(name));
      yield* runTask(() => reader.close(), {}, { ...options, signal, name });
    });
    yield* provide(reader);
  });
}

type Step<T> =
  | { readonly ok: true; readonly value: IteratorResult<T, unknown> }
  | { readonly ok: false; readonly error: unknown };

class PullReader<T> implements PullStream<T> {
  readonly [IN_PLACE] = true;
  readonly #name: string;
  readonly #puller: Puller<T>;
  /** What was asked for and nobody has taken. */
  #asked: Promise<void> | undefined;
  #step: Step<T> | undefined;
  #waiter: Waker<void> | undefined;
  #hasEnded = false;
  #isBusy = false;

  constructor(name: string, puller: Puller<T>) {
    this.#name = name;
    this.#puller = puller;
  }

  *receive(): Operation<T> {
    const step = yield* this.next();
    if (step.done === true) throw new EndOfChannel(`the ${this.#name}`);
    return step.value;
  }

  *next(): Operation<IteratorResult<T, void>> {
    if (this.#isBusy) throw new BusyResourceError("another task waits for the next item already");
    if (this.#hasEnded && this.#step === undefined) return { done: true, value: undefined };
    this.#isBusy = true;
    try {
      yield* park<void>(`an item of the ${this.#name}`, (waker) => this.#ask(waker), { byHost: true });
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
    this.#hasEnded = true;
    // An error that came for a wait that was cancelled has found nobody yet.
    const unread = this.#step;
    await Promise.all([this.#asked, this.#puller.close()]);
    if (unread?.ok === false) throw unread.error;
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
      const value = await this.#puller.next();
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
