/** Joins and leaves as a reader gets them: a bounded number waits for it, and it is told how many it has missed. */
import type { Operation, Stream, Subscription } from "effection";
import { BusyResourceError, Lagged } from "../errors/mod.ts";
import { Deferred } from "../sc/deferred.ts";
import { IN_PLACE } from "../sc/each.ts";
import { Immediate } from "../sc/wait.ts";
import { MAX_PENDING_ACTOR_EVENTS } from "./limits.ts";
import type { ActorEvent } from "./registry.ts";

/** What happens in a registry from now on, in order; also a stream for `each`. */
export class ActorEvents implements Stream<ActorEvent, void> {
  readonly [IN_PLACE] = true;
  readonly #next: () => Operation<ActorEvent>;
  #isBusy = false;

  /** @internal */
  constructor(next: () => Operation<ActorEvent>) {
    this.#next = next;
  }

  /**
   * Wait for the next change.
   *
   * @throws Lagged if changes were dropped because `MAX_PENDING_ACTOR_EVENTS` of them waited, once for each gap; it goes
   *   on with those after the gap, and `findActors()` says how things stand
   * @throws RegistrarUnavailable if the registrar that was asked has gone
   * @throws BusyResourceError if another task waits here
   */
  *receive(): Operation<ActorEvent> {
    if (this.#isBusy) throw new BusyResourceError("another task waits for the next change of this watch; open another");
    this.#isBusy = true;
    try {
      return yield* this.#next();
    } finally {
      this.#isBusy = false;
    }
  }

  [Symbol.iterator]() {
    const subscription: Subscription<ActorEvent, void> = { next: () => this.#iterate() };
    return new Immediate(subscription)[Symbol.iterator]();
  }

  *#iterate(): Operation<IteratorResult<ActorEvent, void>> {
    return { done: false, value: yield* this.receive() };
  }
}

/** Between those who tell of changes, at once, and the one who reads of them: the last ones are kept. */
export class EventRing {
  readonly #pending: ActorEvent[] = [];
  readonly #capacity: number;
  #missed = 0;
  #failure: Error | undefined;
  #more = new Deferred<void>("a change among the actors", true);

  constructor(capacity = MAX_PENDING_ACTOR_EVENTS) {
    this.#capacity = capacity;
  }

  push(event: ActorEvent): void {
    this.#pending.push(event);
    if (this.#pending.length > this.#capacity) {
      this.#pending.shift();
      this.#missed++;
    }
    this.#more.resolve();
  }

  /** So many were dropped before they came here. What waits came before them, and is dropped too, so that the gap is one. */
  miss(count: number): void {
    this.#missed += count + this.#pending.length;
    this.#pending.length = 0;
    this.#more.resolve();
  }

  /** There will be no more. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#more.resolve();
  }

  *next(): Operation<ActorEvent> {
    for (;;) {
      const missed = this.#missed;
      this.#missed = 0;
      if (missed > 0) throw new Lagged(missed, this.#capacity);
      const event = this.#pending.shift();
      if (event !== undefined) return event;
      if (this.#failure !== undefined) throw this.#failure;
      this.#more = new Deferred("a change among the actors", true);
      yield* this.#more.wait();
    }
  }
}
