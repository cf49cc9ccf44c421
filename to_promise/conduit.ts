/**
 * One direction of a channel between a task and a promise: a bounded queue whose ends are plain callbacks, so that
 * either side of the border can wait at either end. First in, first out; nothing waits while the other end could serve.
 */
import { Fifo, type Waker } from "../core/mod.ts";

interface Put<T> {
  readonly item: T;
  readonly waiter: Waker<void>;
}

/** Makes the error for one who waits, so that each has its own stack. */
export type MakeError = () => unknown;

export class Conduit<T> {
  readonly capacity: number;
  readonly #items = new Fifo<T>();
  readonly #puts = new Set<Put<T>>();
  readonly #takes = new Set<Waker<T>>();
  #putsClosed: MakeError | undefined;
  #takesClosed: MakeError | undefined;
  #takesFailed = false;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get buffered(): number {
    return this.#items.size;
  }

  get waitingPuts(): number {
    return this.#puts.size;
  }

  get waitingTakes(): number {
    return this.#takes.size;
  }

  /** Put `item` if that needs no waiting; says whether it went in. */
  tryPut(item: T): boolean {
    if (this.#putsClosed !== undefined) return false;
    for (const taker of this.#takes) {
      this.#takes.delete(taker);
      taker.wake(item);
      return true;
    }
    if (this.#items.size >= this.capacity) return false;
    this.#items.push(item);
    return true;
  }

  /** Put `item` and wake `waiter` once it is in; returns what takes it back while it waits. */
  put(item: T, waiter: Waker<void>): () => void {
    if (this.#putsClosed !== undefined) waiter.fail(this.#putsClosed());
    else if (this.tryPut(item)) waiter.wake();
    else {
      const put = { item, waiter };
      this.#puts.add(put);
      return () => this.#puts.delete(put);
    }
    return () => {};
  }

  /** Take the next item, or wait for it; returns what gives up the wait. */
  take(waiter: Waker<T>): () => void {
    if (!this.#takesFailed) this.#admit();
    if (this.#items.size > 0) waiter.wake(this.#items.shift() as T);
    else if (this.#takesClosed !== undefined) waiter.fail(this.#takesClosed());
    else {
      this.#takes.add(waiter);
      return () => this.#takes.delete(waiter);
    }
    return () => {};
  }

  /** The next item if it is there, and `undefined` otherwise: only a caller who knows that it is can tell. */
  takeNow(): T | undefined {
    if (!this.#takesFailed) this.#admit();
    return this.#items.shift();
  }

  /** Nothing more goes in; puts that wait already still will. The first call counts. */
  closePuts(error: MakeError): void {
    this.#putsClosed ??= error;
  }

  /** As `closePuts`, and puts that wait fail with it. */
  failPuts(error: MakeError): void {
    this.closePuts(error);
    for (const { waiter } of this.#puts) waiter.fail(error());
    this.#puts.clear();
  }

  /** Takes fail once everything is taken, and those that wait at once. The first call counts. */
  closeTakes(error: MakeError): void {
    if (this.#takesClosed !== undefined) return;
    this.#takesClosed = error;
    for (const waiter of this.#takes) waiter.fail(error());
    this.#takes.clear();
  }

  /** Takes fail from now on; what was put is dropped, and puts that wait are left to whoever closes that end. */
  failTakes(error: MakeError): void {
    this.closeTakes(error);
    this.#takesFailed = true;
    this.#items.clear();
  }

  /** Let in the put that has waited longest: one place is about to be free, also where the capacity is 0. */
  #admit(): void {
    for (const put of this.#puts) {
      this.#puts.delete(put);
      this.#items.push(put.item);
      put.waiter.wake();
      return;
    }
  }
}
