/**
 * A bounded buffer behind a source that cannot be made to wait (an observable, an event emitter) and in front of tasks
 * that can. Items come out in order; then, and not before, the end or the error of the source.
 */
import type { Effect, Operation, Stream, Subscription } from "effection";
import { EndOfChannel, IN_PLACE, isCancelled, type PromptSubscription, park, StreamOverrun } from "../core/mod.ts";
import { Conduit } from "../to_promise/mod.ts";
import type { Backpressure } from "./backpressure.ts";

/** Items a stream holds by default: a burst of a busy source; a consumer further behind than that is too slow. */
export const DEFAULT_PUSH_CAPACITY = 256;

const OVERFLOWS = ["error", "drop-oldest", "drop-newest"] as const;

export interface PushOptions {
  /** Items held for receivers, 1 or more. Default `DEFAULT_PUSH_CAPACITY`. */
  readonly capacity?: number | undefined;
  /**
   * What happens to an item that finds the buffer full; the source cannot be held up. `"error"` (default): the source is
   * let go of, and receivers get `StreamOverrun` after what was held. `"drop-oldest"`, `"drop-newest"`: one item is
   * dropped and counted.
   */
  readonly overflow?: (typeof OVERFLOWS)[number] | undefined;
}

export interface PushStatistics {
  readonly capacity: number;
  /** Items that wait to be received. */
  readonly buffered: number;
  /** Items the source has sent, dropped ones included. */
  readonly pushed: number;
  readonly dropped: number;
}

/** The items of a source that pushes: a `Stream` for `each`, its own subscription, and `receive()`. */
export interface PushStream<T> extends Stream<T, void>, Subscription<T, void> {
  /**
   * Receive one item; wait while there is none.
   *
   * @throws EndOfChannel if the source has completed and everything was received; as a `Stream` it then ends
   * @throws StreamOverrun if an item found no room and `overflow` is `"error"`, after what was held
   * @throws what the source failed with, after what it had sent before
   */
  receive(): Operation<T>;
  statistics(): PushStatistics;
}

/** @internal */
export class PushBuffer<T> implements PushStream<T>, PromptSubscription<T> {
  readonly [IN_PLACE] = true;
  readonly #what: string;
  readonly #overflow: NonNullable<PushOptions["overflow"]>;
  readonly #items: Conduit<T>;
  readonly #pressure: Backpressure | undefined;
  #release: (() => void) | undefined;
  #isOpen = true;
  #pushed = 0;
  #dropped = 0;

  /**
   * @param what - the source, for errors and dumps
   * @throws RangeError if `capacity` is not a whole number >= 1, or `overflow` is none of its three
   */
  constructor(what: string, options: PushOptions, pressure?: Backpressure) {
    const { capacity = DEFAULT_PUSH_CAPACITY, overflow = "error" } = options;
    if (!(capacity >= 1 && Number.isInteger(capacity))) {
      throw new RangeError(`capacity must be a whole number >= 1, got ${capacity}`);
    }
    if (!OVERFLOWS.includes(overflow)) {
      throw new RangeError(
        `overflow must be one of ${OVERFLOWS.join(", ")}, got ${String(overflow)}; what pushes cannot be held back`,
      );
    }
    this.#what = what;
    this.#overflow = overflow;
    this.#items = new Conduit(capacity);
    this.#pressure = pressure;
  }

  /** Whether the source is still listened to. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** An item of the source; says whether there is any use in sending more. */
  push(item: T): boolean {
    if (!this.#isOpen) return false;
    this.#pushed++;
    if (this.#items.tryPut(item)) {
      this.#weigh();
      return true;
    }
    if (this.#overflow === "error") {
      const { capacity } = this.#items;
      this.#close(
        () =>
          new StreamOverrun(
            `${this.#what} sent more than the ${capacity} items that can be held; receive faster, raise capacity, or name an overflow policy that drops`,
          ),
      );
      return false;
    }
    this.#dropped++;
    if (this.#overflow === "drop-oldest") {
      this.#items.takeNow();
      this.#items.tryPut(item);
    }
    return true;
  }

  end(): void {
    this.#close(() => new EndOfChannel(this.#what));
  }

  fail(error: unknown): void {
    // The Cancelled of another tree would be taken here for one of ours.
    const failure = isCancelled(error) ? new Error(`${this.#what} was cancelled`, { cause: error }) : error;
    this.#close(() => failure);
  }

  receive(): Operation<T> {
    return park(
      `receive from ${this.#what}`,
      (waker) => {
        const undo = this.#items.take(waker);
        this.#weigh();
        return () => {
          undo();
          return true;
        };
      },
      { byHost: true },
    );
  }

  *next(): Operation<IteratorResult<T, void>> {
    try {
      return { done: false, value: yield* this.receive() };
    } catch (error) {
      if (error instanceof EndOfChannel) return { done: true, value: undefined };
      throw error;
    }
  }

  nextNow(): IteratorResult<T, void> | undefined {
    if (this.#items.buffered === 0) return undefined;
    const value = this.#items.takeNow() as T;
    this.#weigh();
    return { done: false, value };
  }

  *[Symbol.iterator](): Generator<Effect<unknown>, this, unknown> {
    return this;
  }

  statistics(): PushStatistics {
    const { capacity, buffered } = this.#items;
    return { capacity, buffered, pushed: this.#pushed, dropped: this.#dropped };
  }

  /** Nobody reads any more: hold nobody up. */
  dispose(): void {
    this.#isOpen = false;
    this.#weigh();
  }

  #close(reason: () => unknown): void {
    this.#isOpen = false;
    this.#items.closeTakes(reason);
    this.#weigh();
  }

  #weigh(): void {
    if (this.#isOpen && this.#items.buffered * 2 >= this.#items.capacity) this.#release ??= this.#pressure?.hold();
    else {
      this.#release?.();
      this.#release = undefined;
    }
  }
}
